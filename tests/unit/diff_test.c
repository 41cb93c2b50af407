/* Diffs: what diff(1) would print, and that they are differences at all: applied, the old text becomes the new one. */
#include "cli/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const char *before, const char *after, const char *wanted)
{
	struct buf out = {0};

	assert_int_equal(diff_write(&out, STR("a"), str_of(before), STR("b"), str_of(after), false), wanted[0] != '\0');
	assert_string_equal(buf_text(&out), wanted);
	buf_done(&out);
}

static void as_diff_prints_it(void **state)
{
	expect("same\n", "same\n", "");
	expect("", "", "");
	expect("", "one\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+one\n");
	expect("one\n", "", "--- a\n+++ b\n@@ -1 +0,0 @@\n-one\n");
	expect("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n",
		"--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
	expect("a\nb\nc\nd\n", "a\nc\nx\nd\n", "--- a\n+++ b\n@@ -1,4 +1,4 @@\n a\n-b\n c\n+x\n d\n");
}

static void the_last_line_has_no_end(void **state)
{
	expect("a", "a\n", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
	expect("a\nb", "a\nc",
		"--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n");
}

/* Six equal lines between two changes keep them together, seven part them. */
static void hunks(void **state)
{
	expect("x\n1\n2\n3\n4\n5\n6\ny\n", "X\n1\n2\n3\n4\n5\n6\nY\n",
		"--- a\n+++ b\n@@ -1,8 +1,8 @@\n-x\n+X\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n+Y\n");
	expect("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "X\n1\n2\n3\n4\n5\n6\n7\nY\n",
		"--- a\n+++ b\n@@ -1,4 +1,4 @@\n-x\n+X\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-y\n+Y\n");
}

static void a_terminal_is_not_steered(void **state)
{
	struct buf out = {0};

	assert_true(diff_write(&out, STR("a"), STR("x\n"), STR("b"), STR("\033[2Jy\n"), true));
	assert_null(strstr(buf_text(&out), "\033[2J"));
	assert_non_null(strstr(buf_text(&out), "\\x1b[2Jy"));
	assert_non_null(strstr(buf_text(&out), "\033[32m+"));
	buf_done(&out);
}

/* Lines that stay and go make the old text, lines that stay and come the new one. */
static void check_applies(struct str before, struct str after, size_t edits_max)
{
	struct buf olds = {0}, news = {0};
	struct arena arena;
	size_t count, edits = 0;

	arena_init(&arena);
	const struct diff_line *lines = diff_lines(&arena, before, after, &count);
	for (size_t i = 0; i < count; i++) {
		edits += lines[i].kind != DIFF_SAME;
		if (lines[i].kind != DIFF_ADDED)
			buf_add_str(&olds, lines[i].text);
		if (lines[i].kind != DIFF_REMOVED)
			buf_add_str(&news, lines[i].text);
	}
	assert_true(str_eq(buf_str(&olds), before));
	assert_true(str_eq(buf_str(&news), after));
	assert_true(edits <= edits_max);
	buf_done(&olds);
	buf_done(&news);
	arena_done(&arena);
}

static void every_difference_applies(void **state)
{
	uint32_t seed = 7;

	for (int round = 0; round < 2000; round++) {
		struct buf texts[2] = {{0}, {0}};

		for (int side = 0; side < 2; side++) {
			const unsigned lines = (seed = seed * 1664525 + 1013904223) >> 28;
			for (unsigned i = 0; i < lines; i++)
				buf_printf(&texts[side], "%u\n", (seed = seed * 1664525 + 1013904223) >> 30);
		}
		check_applies(buf_str(&texts[0]), buf_str(&texts[1]), 32);
		buf_done(&texts[0]);
		buf_done(&texts[1]);
	}
}

/* Beyond the limit the answer is longer, never wrong, and does not take for ever. */
static void too_different(void **state)
{
	struct buf before = {0}, after = {0};

	for (int i = 0; i < 4 * DIFF_EDITS_MAX; i++) {
		buf_printf(&before, "old %d\n", i);
		buf_printf(&after, "new %d\n", i);
	}
	check_applies(buf_str(&before), buf_str(&after), 8 * DIFF_EDITS_MAX);
	buf_done(&before);
	buf_done(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_diff_prints_it),
		cmocka_unit_test(the_last_line_has_no_end),
		cmocka_unit_test(hunks),
		cmocka_unit_test(a_terminal_is_not_steered),
		cmocka_unit_test(every_difference_applies),
		cmocka_unit_test(too_different),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
