/* Names and lengths that MLflow refuses, and in which words. What clients see of it: tests/system/registry_tracking_test.py. */
#include "rest/rest_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct error err;

static void fine(bool is_fine)
{
	if (!is_fine)
		print_error("%s\n", err.text);
	assert_true(is_fine);
}

static void refused(bool is_fine, const char *part)
{
	assert_false(is_fine);
	assert_int_equal(err.code, ERR_INVALID_PARAMETER);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, err.text);
}

static void keys(void **state)
{
	static const char *const FINE[] = {"a", "a/b c:d-e.f_9", "größe", "層", "x..y", "a/..b", ".a", "Ω/٣"};
	static const char *const BAD[] = {"a$", "€", "a\tb", "\xff", "a\"b"};

	(void)state;
	for (size_t i = 0; i < sizeof(FINE) / sizeof(*FINE); i++)
		fine(rest_check_key(str_of(FINE[i]), "key", &err));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(*BAD); i++)
		refused(rest_check_key(str_of(BAD[i]), "key", &err), "for parameter 'key' supplied: Names may only contain");
	refused(rest_check_key((struct str){"a\0b", 3}, "key", &err), "Invalid value \"a\\u0000b\" for parameter");
	refused(rest_check_key(STR("😀"), "key", &err), "Invalid value \"\\ud83d\\ude00\" for parameter");
}

static void paths(void **state)
{
	static const struct {
		const char *name, *normal;
	} CASES[] = {{"", "."}, {".", "."}, {"./a", "a"}, {"a/", "a"}, {"a//b", "a/b"}, {"a/./b", "a/b"}, {"a/../b", "b"},
		{"a/..", "."}, {"..", ".."}, {"..a", "..a"}, {"../../a", "../../a"}, {"a/../..", ".."}, {"a/../../..", "../.."},
		{"/a", "/a"}, {"/..", "/"}, {"/a/../..", "/"}, {"//a/b/..", "//a"}, {"///a", "/a"}};
	char shown[64];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		snprintf(shown, sizeof(shown), "This name would resolve to '%s'", CASES[i].normal);
		refused(rest_check_path(str_of(CASES[i].name), "name", &err), shown);
		assert_int_equal(strlen(strstr(err.text, shown)), strlen(shown));
	}
	fine(rest_check_path(STR("it's"), "name", &err));
	refused(rest_check_path(STR("it's/"), "name", &err), "This name would resolve to \"it's\"");
	refused(rest_check_path(STR("'\"\\/"), "name", &err), "This name would resolve to '\\'\"\\\\'");
}

static void shows(const char *text, const char *shown)
{
	struct arena arena;
	struct json value;
	struct buf out = {0};

	arena_init(&arena);
	fine(json_read(&arena, str_of(text), &value, &err));
	rest_add_json(&out, &value);
	assert_string_equal(buf_text(&out), shown);
	buf_done(&out);
	arena_done(&arena);
}

static void values(void **state)
{
	(void)state;
	shows("[9.0, 9, 1e300, null, true, \"ä😀\"]", "[9.0,9,1e+300,null,true,\"\\u00e4\\ud83d\\ude00\"]");
	shows("{\"b\": {}, \"a\": [], \"ab\": {\"z\": 1, \"y\": 2}}", "{\"a\":[],\"ab\":{\"y\":2,\"z\":1},\"b\":{}}");
}

static void lengths(void **state)
{
	(void)state;
	fine(rest_check_length(STR("äöü"), "value", 3, &err));
	refused(rest_check_length(STR("äöüß"), "value", 3, &err), "'value' exceeds the maximum length of 3 characters");
	assert_true(str_is(rest_truncated(STR("äöüß"), 3), "äöü"));
	assert_true(str_is(rest_truncated(STR("ab"), 3), "ab"));
	assert_int_equal(rest_truncated(STR("abc"), 0).len, 0);
}

static void run_ids(void **state)
{
	(void)state;
	fine(rest_check_run_id(STR("0a_-"), &err));
	refused(rest_check_run_id(STR(""), &err), "Invalid value \"\" for parameter 'run_id' supplied.");
	refused(rest_check_run_id(STR("-a"), &err), "'run_id'");
	refused(rest_check_run_id(STR("a/b"), &err), "'run_id'");
}

static void max_results(void **state)
{
	(void)state;
	fine(rest_check_max_results(1, &err));
	fine(rest_check_max_results(50000, &err));
	refused(rest_check_max_results(0, &err), "Invalid value 0 for parameter 'max_results' supplied. It must be a positive");
	refused(rest_check_max_results(50001, &err), "It must be at most 50000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(paths), cmocka_unit_test(values),
		cmocka_unit_test(lengths),
		cmocka_unit_test(run_ids), cmocka_unit_test(max_results)};

	return cmocka_run_group_tests_name("rest_check", tests, NULL, NULL);
}
