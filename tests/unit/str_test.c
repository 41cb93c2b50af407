/* Views and buffers. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void comparing(void **state)
{
	const struct str none = {0};

	assert_true(str_eq(none, STR("")));
	assert_true(str_is(none, ""));
	assert_true(str_is(str_of(NULL), ""));
	assert_false(str_is(STR("ab"), "a"));
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_true(str_starts(STR("abc"), none));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_false(str_ends(STR("c"), STR("bc")));
	assert_true(str_eq_nocase(STR("Content-Type"), STR("content-tYPE")));
	assert_false(str_eq_nocase(STR("[a"), STR("{a")));
	assert_false(str_eq_nocase(STR("a"), STR("ab")));
}

static void trimming(void **state)
{
	assert_true(str_is(str_trim(STR(" \t a b\t ")), "a b"));
	assert_true(str_is(str_trim(STR("  ")), ""));
	assert_true(str_is(str_trim((struct str){0}), ""));
	assert_true(str_is(str_trim(STR("\na ")), "\na"));
	assert_true(str_is(str_trim_space(STR("\n\f a\vb\r\t ")), "a\vb"));
	assert_true(str_is(str_trim_space(STR(" \n")), ""));
	assert_true(str_is(str_trim_space((struct str){0}), ""));
}

static void clipping(void **state)
{
	assert_true(str_is(str_clip(STR("abc"), 3), "abc"));
	assert_true(str_is(str_clip(STR("abc"), 2), "ab"));
	assert_true(str_is(str_clip(STR("a\u00e9b"), 2), "a"));
	assert_true(str_is(str_clip(STR("a\u00e9b"), 3), "a\u00e9"));
	assert_true(str_is(str_clip(STR("\U0001f600"), 3), ""));
	assert_int_equal(str_clip((struct str){0}, 0).len, 0);
	assert_int_equal(str_count(STR("\na\n\n"), '\n'), 3);
	assert_int_equal(str_count((struct str){0}, '\n'), 0);
}

static void cutting(void **state)
{
	struct str rest = STR("a,,b"), head;

	assert_true(str_cut(&rest, ',', &head));
	assert_true(str_is(head, "a"));
	assert_true(str_cut(&rest, ',', &head));
	assert_true(str_is(head, ""));
	assert_false(str_cut(&rest, ',', &head));
	assert_true(str_is(head, "b"));
	assert_int_equal(rest.len, 0);
	assert_false(str_cut(&rest, ',', &head));
	assert_int_equal(head.len, 0);
	rest = (struct str){0};
	assert_false(str_cut(&rest, ',', &head));
	rest = STR("x,");
	assert_true(str_cut(&rest, ',', &head));
	assert_int_equal(rest.len, 0);
}

/* RFC 3629, section 4, by arithmetic: decode, and refuse what is not the shortest form of a scalar
 * value. */
static bool is_valid_sequence(const unsigned char *p, size_t len)
{
	static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;

	if (len == 1)
		return p[0] < 0x80;
	if (len == 2 && (p[0] & 0xE0) == 0xC0)
		code = p[0] & 0x1F;
	else if (len == 3 && (p[0] & 0xF0) == 0xE0)
		code = p[0] & 0x0F;
	else if (len == 4 && (p[0] & 0xF8) == 0xF0)
		code = p[0] & 0x07;
	else
		return false;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return false;
		code = code << 6 | (p[i] & 0x3F);
	}
	return code >= LEAST[len] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

/* All first two bytes, with the borders of every range behind them. */
static void utf8_by_arithmetic(void **state)
{
	static const unsigned char TAILS[] = {
		0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
	enum { COUNT = sizeof(TAILS) };

	for (unsigned lead = 0; lead < 65536 * COUNT * COUNT; lead++) {
		const unsigned first_two = lead / (COUNT * COUNT);
		const unsigned char p[4] = {(unsigned char)(first_two >> 8),
			(unsigned char)first_two, TAILS[lead / COUNT % COUNT], TAILS[lead % COUNT]};
		size_t wanted = 0;
		for (size_t len = 1; len <= 4 && wanted == 0; len++)
			wanted = is_valid_sequence(p, len) ? len : 0;
		if (str_utf8_step((struct str){(const char *)p, 4}) != wanted)
			fail_msg("%02x %02x %02x %02x", p[0], p[1], p[2], p[3]);
		if (wanted > 1 && str_utf8_step((struct str){(const char *)p, wanted - 1}) != 0)
			fail_msg("cut: %02x %02x %02x %02x", p[0], p[1], p[2], p[3]);
	}
	assert_int_equal(str_utf8_step((struct str){0}), 0);
}

static void utf8_anywhere(void **state)
{
	char text[40];

	assert_true(str_is_utf8((struct str){0}));
	assert_true(str_is_utf8(STR("plain text, é, €, 𝄞, and plain text again")));
	for (size_t at = 0; at < sizeof(text); at++) {
		memset(text, 'a', sizeof(text));
		text[at] = (char)0xC3;
		assert_false(str_is_utf8((struct str){text, sizeof(text)}));
		if (at + 1 < sizeof(text)) {
			text[at + 1] = (char)0xA9;
			assert_true(str_is_utf8((struct str){text, sizeof(text)}));
			assert_false(str_is_utf8((struct str){text, at + 1}));
		}
	}
}

static void digits(void **state)
{
	assert_true(str_is_digits(STR("0")) && str_is_digits(STR("0123456789")));
	assert_false(str_is_digits(STR("")) || str_is_digits(STR("1 ")) || str_is_digits(STR("-1")));
	assert_false(str_is_digits(STR("1/")) || str_is_digits(STR("1:")));
}

static void buffers(void **state)
{
	struct buf buf;

	buf_init(&buf);
	assert_null(buf.data);
	buf_add(&buf, NULL, 0);
	assert_string_equal(buf_text(&buf), "");
	for (int i = 0; i < 10000; i++)
		buf_add_char(&buf, 'x');
	buf_add_text(&buf, "yz");
	buf_add_str(&buf, STR("!"));
	buf_printf(&buf, "%05d", 42);
	assert_int_equal(buf.len, 10008);
	assert_string_equal(buf_text(&buf) + 9999, "xyz!00042");
	assert_int_equal(buf_str(&buf).len, 10008);
	memcpy(buf_reserve(&buf, 100000), "tail", 5);
	buf.len += 4;
	assert_string_equal(buf_text(&buf) + 10008, "tail");
	buf_done(&buf);
	assert_null(buf.data);
	buf_done(&buf);
}

static void test_visible(void **state)
{
	struct buf out = {0};

	buf_add_visible(&out, STR("a\x1b[31mé\xc2\x9b\xff\n€"));
	assert_string_equal(buf_text(&out), "a\\x1b[31mé\\xc2\\x9b\\xff\\x0a€");
	buf_done(&out);
}

/* U+202E turns "a" and "b" around on a terminal: a message must not be able to. */
static void visible_directions(void **state)
{
	static const char *const MARKS[] = {
		"\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"};
	static const char *const OTHERS[] = {
		"\u200d", "\u2010", "\u2029", "\u202f", "\u2065", "\u206a", "\u00a0"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(MARKS) / sizeof(*MARKS); i++) {
		const unsigned char *mark = (const unsigned char *)MARKS[i];
		char expected[32];

		out.len = 0;
		buf_add_visible(&out, str_of(MARKS[i]));
		snprintf(expected, sizeof(expected), "\\x%02x\\x%02x\\x%02x", mark[0], mark[1],
			mark[2]);
		assert_string_equal(buf_text(&out), expected);
	}
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(*OTHERS); i++) {
		out.len = 0;
		buf_add_visible(&out, str_of(OTHERS[i]));
		assert_string_equal(buf_text(&out), OTHERS[i]);
	}
	buf_done(&out);
}

static void visible_json(void **state)
{
	struct buf out = {0};

	buf_add_visible_json(&out, STR("{\"a\":\"é\xc2\x9b\x7f\u202e\u2069€\"}\n"));
	assert_string_equal(buf_text(&out), "{\"a\":\"é\\u009b\\u007f\\u202e\\u2069€\"}\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing),
		cmocka_unit_test(trimming),
		cmocka_unit_test(clipping),
		cmocka_unit_test(digits),
		cmocka_unit_test(cutting),
		cmocka_unit_test(utf8_by_arithmetic),
		cmocka_unit_test(utf8_anywhere),
		cmocka_unit_test(buffers),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(visible_directions),
		cmocka_unit_test(visible_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
