/* base/json.h: every rule of reading and writing with a case, positions included, and properties
 * over random trees. */
#include "base/json.h"
#include "base/json_scan.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;
static struct buf out;

static int set_up(void **state)
{
	arena_init(&arena);
	buf_init(&out);
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&arena);
	buf_done(&out);
	return 0;
}

/* In memory of its own and of exactly its size: the sanitizer sees a byte too far. */
static bool read_exactly(struct str text, struct json *ret_value, struct error *err)
{
	char *copy = malloc(text.len > 0 ? text.len : 1);

	assert_non_null(copy);
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	const bool is_read = json_read(&arena, (struct str){copy, text.len}, ret_value, err);
	free(copy);
	return is_read;
}

static struct json parse_str(struct str text)
{
	struct json value;
	struct error err = {0};

	if (!read_exactly(text, &value, &err))
		fail_msg("'%.*s': %s", STR_ARGS(text), err.text);
	assert_int_equal(err.code, ERR_NONE);
	return value;
}

static struct json parse(const char *text)
{
	return parse_str(str_of(text));
}

static const char *written(const struct json *value)
{
	out.len = 0;
	json_write(&out, value);
	return buf_text(&out);
}

/* Reads `text` and writes it as `expected`. */
static void OK(const char *text, const char *expected)
{
	const struct json value = parse(text);

	assert_string_equal(written(&value), expected);
}

static void FAILS_STR(struct str text, enum error_code code, const char *part)
{
	struct json value = json_integer(42);
	struct error err = {0};

	if (read_exactly(text, &value, &err))
		fail_msg("'%.*s' was read", STR_ARGS(text));
	assert_int_equal(err.code, code);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, part);
	assert_int_equal(value.integer, 42);
}

static void FAILS(const char *text, const char *part)
{
	FAILS_STR(str_of(text), ERR_BAD_REQUEST, part);
}

static void reads_scalars(void **state)
{
	OK("null", "null");
	OK("true", "true");
	OK(" false ", "false");
	OK("\r\n\t 1 \r\n\t", "1");
	OK("\"\"", "\"\"");
	OK("[]", "[]");
	OK("[ ]", "[]");
	OK("{}", "{}");
	OK("{\n}", "{}");
	OK("[1,[2,{\"a\":[]}],{}]", "[1,[2,{\"a\":[]}],{}]");
	OK("{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }", "{\"a\":1,\"b\":[1,2]}");
}

static void reads_tokens_of_no_number_as_null(void **state)
{
	OK("NaN", "null");
	OK("Infinity", "null");
	OK("-Infinity", "null");
	OK("{\"a\":[NaN,Infinity,-Infinity,1]}", "{\"a\":[null,null,null,1]}");
	assert_int_equal(parse("-Infinity").type, JSON_NULL);
	FAILS("-NaN", "expected a digit behind '-' near '-NaN' at line 1, column 1");
	FAILS("{'a':1}", "(JSON wants double quotes) near ''a':1}' at line 1, column 2");
	FAILS("nan", "unknown word near 'nan' at line 1, column 1");
	FAILS("Inf", "unknown word");
	FAILS("-Infinit", "expected a digit");
	FAILS("NaN1", "unexpected text behind the document near '1' at line 1, column 4");
}

static void reads_integers_that_fit_int64(void **state)
{
	assert_int_equal(parse("9223372036854775807").integer, INT64_MAX);
	assert_int_equal(parse("-9223372036854775808").integer, INT64_MIN);
	assert_int_equal(parse("-0").integer, 0);
	assert_int_equal(parse("-0").type, JSON_INTEGER);
	OK("[-0,0,12345678,123456789012345678,-1]", "[0,0,12345678,123456789012345678,-1]");
	FAILS("9223372036854775808",
		"integer beyond the range of int64 near '9223372036854775808' at");
	FAILS("[1,-9223372036854775809]", "int64 near '-9223372036854775809]' at line 1, column 4");
	FAILS("18446744073709551616", "int64");
	FAILS("18446744073709551617", "int64");
	FAILS("100000000000000000000000000000000000000000", "int64");
}

static void WIDE(const char *text, const char *expected)
{
	struct json value;
	struct error err = {0};

	if (!json_read_wide(&arena, str_of(text), &value, &err))
		fail_msg("%s", err.text);
	assert_string_equal(written(&value), expected);
}

static void reads_wide_integers_as_doubles(void **state)
{
	WIDE("[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]");
	WIDE("9223372036854775808", "9.223372036854776e+18");
	WIDE("[-9223372036854775809,18446744073709551616]", "[-9.223372036854776e+18,1.8446744073709552e+19]");
	WIDE("{\"a\":100000000000000000000000000000000000000000}", "{\"a\":1e+41}");
	WIDE("12345678901234567890.5", "1.2345678901234567e+19");
}

static void refuses_malformed_numbers(void **state)
{
	FAILS("01", "leading zero in a number near '01' at line 1, column 1");
	FAILS("-01", "leading zero");
	FAILS("00", "leading zero");
	FAILS("00.5", "leading zero");
	FAILS("+1", "expected a value near '+1'");
	FAILS(".5", "expected a value near '.5'");
	FAILS("1.", "expected a digit behind '.', but the text ends at line 1, column 3");
	FAILS("[1.]", "expected a digit behind '.' near ']' at line 1, column 4");
	FAILS("1.e5", "expected a digit behind '.'");
	FAILS("1e", "expected a digit in an exponent, but the text ends");
	FAILS("1e+", "exponent");
	FAILS("[1e-]", "exponent near ']' at line 1, column 5");
	FAILS("1.5.5", "unexpected text");
	FAILS("-", "expected a digit behind '-'");
	FAILS("[-]", "expected a digit behind '-'");
	FAILS("0x10", "unexpected text behind the document near 'x10' at line 1, column 2");
	FAILS("1_000", "unexpected text");
	FAILS("1 000", "unexpected text");
}

static double number(const char *text)
{
	const struct json value = parse(text);

	assert_int_equal(value.type, JSON_DOUBLE);
	return value.number;
}

static void reads_doubles_to_the_nearest(void **state)
{
	assert_true(number("0.1") == 0.1);
	assert_true(number("1.0") == 1.0);
	assert_true(number("1e0") == 1.0);
	assert_true(number("1E+2") == 100.0);
	assert_true(number("-1.5e-3") == -0.0015);
	assert_true(signbit(number("-0.0")));
	assert_true(signbit(number("-0e5")));
	assert_true(number("123456789012345678e-5") == 1234567890123.45678);
	assert_true(number("1.7976931348623157e308") == 0x1.fffffffffffffp1023);
	assert_true(number("1.7976931348623158e308") == 0x1.fffffffffffffp1023);
	assert_true(number("2.2250738585072011e-308") == 0x0.fffffffffffffp-1022);
	assert_true(number("2.2250738585072014e-308") == 0x1p-1022);
	assert_true(number("5e-324") == 0x1p-1074);
	assert_true(number("2.4703282292062328e-324") == 0x1p-1074);
	assert_true(number("0.000000000000000000000000000000000000000123456789012345678901") ==
		    1.23456789012345678901e-40);
}

static void rounds_ties_to_even(void **state)
{
	assert_true(number("9007199254740993.0") == 9007199254740992.0);
	assert_true(number("9007199254740993.000000000000000000000000001") == 9007199254740994.0);
	assert_true(number("9007199254740995.0") == 9007199254740996.0);
	assert_true(number("1.00000000000000011102230246251565404236316680908203125") == 1.0);
	assert_true(number("1.00000000000000011102230246251565404236316680908203126") ==
		    0x1.0000000000001p0);
	assert_true(number("1.00000000000000011102230246251565404236316680908203124") == 1.0);
	/* Many digits, of which all count. */
	assert_true(number("7205759403792793199999e-5") == 72057594037927931.99999);
	assert_true(number("7205759403792793200001e-5") == 72057594037927932.00001);
}

static void reads_numbers_of_many_digits(void **state)
{
	out.len = 0;
	buf_add_text(&out, "-1.");
	for (int i = 0; i < 300; i++)
		buf_add_char(&out, '3');
	assert_true(number(buf_text(&out)) == -4.0 / 3);
}

static void refuses_numbers_beyond_double(void **state)
{
	FAILS("1e400", "number beyond the range of double near '1e400' at line 1, column 1");
	FAILS("[1,-1e309]", "double near '-1e309]' at line 1, column 4");
	FAILS("1.7976931348623159e308", "double");
	FAILS("1e99999999999999999999", "double");
	assert_true(number("1e-400") == 0.0);
	assert_true(number("2e-324") == 0.0);
	assert_true(number("1e-99999999999999999999") == 0.0);
	assert_true(number("0e99999999999999999999") == 0.0);
	assert_true(signbit(number("-1e-400")));
}

static void does_not_follow_the_locale_of_the_digits(void **state)
{
	/* 400 zeros make the number depend on both ends of its text. */
	struct buf text = {0};

	buf_add_text(&text, "0.");
	for (int i = 0; i < 400; i++)
		buf_add_char(&text, '0');
	buf_add_text(&text, "1234e402");
	assert_true(number(buf_text(&text)) == 12.34);
	buf_done(&text);
}

static void writes_doubles_shortest(void **state)
{
	static const struct {
		double value;
		const char *text;
	} CASES[] = {
		{0.0, "0.0"},
		{-0.0, "-0.0"},
		{1.0, "1.0"},
		{-1.5, "-1.5"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{100.0, "100.0"},
		{123456.789, "123456.789"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{0.000012345, "1.2345e-05"},
		{9007199254740992.0, "9007199254740992.0"},
		{9999999999999998.0, "9999999999999998.0"},
		{1e15, "1000000000000000.0"},
		{1e16, "1e+16"},
		{1e22, "1e+22"},
		{1e23, "1e+23"},
		{1.5e300, "1.5e+300"},
		{0x1p-1074, "5e-324"},
		{0x1p-1022, "2.2250738585072014e-308"},
		{0x0.fffffffffffffp-1022, "2.225073858507201e-308"},
		{0x1.fffffffffffffp1023, "1.7976931348623157e+308"},
		{5e-324 * 3, "1.5e-323"},
		{2.0 / 3, "0.6666666666666666"},
		{9.5367431640625e-07, "9.5367431640625e-07"},
		{INFINITY, "null"},
		{-INFINITY, "null"},
		{NAN, "null"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		out.len = 0;
		json_write_double(&out, CASES[i].value);
		assert_string_equal(buf_text(&out), CASES[i].text);
	}
}

static uint64_t random_state;

/* splitmix64: the same numbers every time. */
static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static void doubles_come_back(void **state)
{
	random_state = 3;
	for (int i = 0; i < 50000; i++) {
		const uint64_t bits = random_bits();
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		out.len = 0;
		json_write_double(&out, value);
		assert_true(strtod(buf_text(&out), NULL) == value);
		assert_true(number(buf_text(&out)) == value);
		assert_true(out.len <= 24);
	}
}

static void writes_integers(void **state)
{
	random_state = 4;
	for (int i = 0; i < 20000; i++) {
		const int64_t value = (int64_t)random_bits() >> (random_bits() & 63);
		char expected[32];

		snprintf(expected, sizeof(expected), "%lld", (long long)value);
		out.len = 0;
		json_write_integer(&out, value);
		assert_string_equal(buf_text(&out), expected);
		assert_int_equal(parse(expected).integer, value);
	}
	out.len = 0;
	json_write_integer(&out, INT64_MIN);
	assert_string_equal(buf_text(&out), "-9223372036854775808");
}

static void reads_escapes(void **state)
{
	OK("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	OK("\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "\"A\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF\"");
	OK("\"\\ud83d\\uDE00\"", "\"\xF0\x9F\x98\x80\"");
	OK("\"\\udbff\\udfff\"", "\"\xF4\x8F\xBF\xBF\"");
	OK("\"\\u001f\\u007f\"", "\"\\u001f\x7F\"");
	OK("{\"\\u0061\":1}", "{\"a\":1}");
	const struct json zero = parse("\"a\\u0000b\"");
	assert_int_equal(zero.size, 3);
	assert_memory_equal(zero.text, "a\0b", 3);
	assert_string_equal(written(&zero), "\"a\\u0000b\"");
}

static void refuses_wrong_escapes(void **state)
{
	FAILS("\"\\x\"", "unknown escape near '\\x\"' at line 1, column 2");
	FAILS("\"\\'\"", "unknown escape");
	FAILS("\"\\U0041\"", "unknown escape");
	FAILS("\"\\\xC3\xA9\"", "unknown escape near '\\\xC3\xA9\"'");
	FAILS("\"\\u12\"", "expected four hexadecimal digits");
	FAILS("\"\\u123g\"", "expected four hexadecimal digits");
	FAILS("\"\\u", "four hexadecimal digits");
	FAILS("\"\\",
		"expected '\"' at the end of a string, but the text ends at line 1, column 3");
	FAILS("\"abc\\\"", "expected '\"' at the end of a string, but the text ends");
}

static void refuses_lone_surrogates(void **state)
{
	FAILS("[\"\\ud800\"]", "lone surrogate in a string near '\\ud800\"]' at line 1, column 3");
	FAILS("\"\\udc00\"", "lone surrogate");
	FAILS("\"\\ud800x\"", "lone surrogate");
	FAILS("\"\\ud800\\n\"", "lone surrogate");
	FAILS("\"\\ud800\\ud800\"", "lone surrogate");
	FAILS("\"\\ud800\\u0041\"", "lone surrogate");
	FAILS("\"\\udfff\\ud800\"", "lone surrogate");
	FAILS("\"\xED\xA0\x80\"", "invalid UTF-8 in a string near '???\"' at line 1, column 2");
}

static void checks_utf8(void **state)
{
	static const char *const GOOD[] = {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
		"\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
	static const char *const BAD[] = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2",
		"\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80", "\xED\xBF\xBF",
		"\xE2\x82\x41", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80", "\xFE", "\xFF", "\xF8\x88\x80\x80\x80"};
	char text[64];

	/* At every distance from the start of a block of sixteen, in plain and in escaped strings.
	 */
	for (int escaped = 0; escaped < 2; escaped++) {
		for (int before = 0; before < 34; before++) {
			for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
				snprintf(text, sizeof(text), "\"%s%.*s%s\"", escaped ? "\\n" : "",
					before, "abcdefghijklmnopqrstuvwxyzabcdefgh", GOOD[i]);
				OK(text, text);
			}
			for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
				snprintf(text, sizeof(text), "\"%s%.*s%s\"", escaped ? "\\n" : "",
					before, "abcdefghijklmnopqrstuvwxyzabcdefgh", BAD[i]);
				FAILS(text, "invalid UTF-8 in a string");
			}
		}
	}
	FAILS("[\xC3\xA9]", "expected a value near '\xC3\xA9]' at line 1, column 2");
	FAILS("[\xFF]", "expected a value near '?]'");
	FAILS_STR(STR("[\0\"\0\"\0]\0"), ERR_BAD_REQUEST, "expected a value near '?\"?\"?]?'");
}

static void refuses_control_characters(void **state)
{
	char text[] = "[\"ab\x01\"]";

	for (char c = 0; c < ' '; c++) {
		text[4] = c;
		FAILS_STR((struct str){text, sizeof(text) - 1}, ERR_BAD_REQUEST,
			"control character in a string");
	}
	FAILS("{\"a\":\n \"x\ty\"}", "(write it as an escape) near '?y\"}' at line 2, column 4");
	OK("\"\x7F\"", "\"\x7F\"");
}

static void refuses_malformed_structure(void **state)
{
	FAILS("", "empty text instead of JSON");
	FAILS("  ", "expected a value, but the text ends at line 1, column 3");
	FAILS("[1,]", "expected a value behind ',' near ']' at line 1, column 4");
	FAILS("[,1]", "expected a value near ',1]' at line 1, column 2");
	FAILS("[1 2]", "expected ',' or ']' near '2]' at line 1, column 4");
	FAILS("[1", "expected ',' or ']', but the text ends at line 1, column 3");
	FAILS("[1}", "expected ',' or ']' near '}'");
	FAILS("[", "expected a value, but the text ends");
	FAILS("{", "expected a member's name in quotes, but the text ends");
	FAILS("{\"a\"}", "expected ':' behind a member's name near '}' at line 1, column 5");
	FAILS("{\"a\":}", "expected a value near '}'");
	FAILS("{\"a\":1,}", "expected a member's name in quotes near '}' at line 1, column 8");
	FAILS("{\"a\":1", "expected ',' or '}', but the text ends");
	FAILS("{\"a\":1]", "expected ',' or '}' near ']'");
	FAILS("{a:1}", "expected a member's name in quotes near 'a:1}'");
	FAILS("{1:1}", "expected a member's name in quotes");
	FAILS("{'a':1}", "expected a member's name in quotes");
	FAILS("{\"a\":1,,\"b\":2}", "expected a member's name in quotes");
	FAILS("]", "expected a value");
	FAILS("[]]", "unexpected text behind the document near ']' at line 1, column 3");
	FAILS("{}{}", "unexpected text");
	FAILS("1 2", "unexpected text");
	FAILS("tru", "unknown word near 'tru' at line 1, column 1");
	FAILS("True", "expected a value");
	FAILS("nulll", "unexpected text");
	FAILS("'a'", "expected a value");
	FAILS("[1]//x", "unexpected text");
	FAILS("[/**/1]", "expected a value");
	FAILS("[\x0C]", "expected a value near '?]'");
	FAILS("[\xC2\xA0]", "expected a value");
}

static void says_where(void **state)
{
	FAILS("{\n\t\"a\": 1,\n\t\"b\": tru\n}", "unknown word near 'tru' at line 3, column 7");
	FAILS("[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\", x]", "near 'x]' at line 1, column 9");
	FAILS("[\r\n\r\nx]", "at line 3, column 1");
	FAILS("[\"a\n", "at line 1, column 4");
	FAILS("[x123456789012345678901234567890]", "near 'x12345678901234567890...' at");
}

static void skips_a_byte_order_mark(void **state)
{
	OK("\xEF\xBB\xBF[1]", "[1]");
	FAILS("\xEF\xBB\xBF", "expected a value");
	FAILS("\xEF\xBB\xBF\xEF\xBB\xBF[1]", "expected a value");
	FAILS(" \xEF\xBB\xBF[1]", "expected a value");
	FAILS_STR(STR("\xFF\xFE[\0]\0"), ERR_BAD_REQUEST, "expected a value");
}

static struct str nested(const char *opening, const char *inner, const char *closing, size_t depth)
{
	out.len = 0;
	for (size_t i = 0; i < depth; i++)
		buf_add_text(&out, opening);
	buf_add_text(&out, inner);
	for (size_t i = 0; i < depth; i++)
		buf_add_text(&out, closing);
	return (struct str){arena_memdup(&arena, out.data, out.len), out.len};
}

static void limits_depth(void **state)
{
	parse_str(nested("[", "", "]", JSON_DEPTH_MAX));
	parse_str(nested("{\"a\":", "1", "}", JSON_DEPTH_MAX));
	parse_str(nested("[{\"a\":", "1", "}]", JSON_DEPTH_MAX / 2));
	FAILS_STR(nested("[", "", "]", JSON_DEPTH_MAX + 1), ERR_BAD_REQUEST,
		"more than 128 open arrays and objects near '[]]]]]]]]]]]]]]]]]]]]...' at line 1, column 129");
	FAILS_STR(
		nested("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1), ERR_BAD_REQUEST, "more than 128");
	/* Siblings do not add up. */
	parse_str(nested("[[],[],{},", "1", "]", JSON_DEPTH_MAX - 1));
	FAILS_STR(nested("[", "", "", 10 * 1000 * 1000), ERR_BAD_REQUEST, "more than 128");
}

static void refuses_too_large_texts(void **state)
{
	/* Only the size is looked at. */
	const struct str text = {"[]", JSON_SIZE_MAX + 1};
	struct json value;
	struct error err = {0};

	assert_false(json_read(&arena, text, &value, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_false(json_read_padded(&arena, text, &value, NULL));
}

static void last_equal_key_wins_at_the_first_place(void **state)
{
	OK("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
	OK("{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}");
	OK("{\"\":1,\"\\u0061\":2,\"a\":{},\"\":[]}", "{\"\":[],\"a\":{}}");
	/* In a row whose keys are those of the row above, too. */
	OK("[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"a\":3},{\"a\":1,\"a\":2},{\"b\":1,\"b\":2,\"a\":0}]",
		"[{\"a\":1,\"b\":2},{\"a\":3,\"b\":2},{\"a\":2},{\"b\":2,\"a\":0}]");
	const struct json object = parse("{\"a\":1,\"b\":2, \"a\":3}");
	assert_int_equal(object.members[0].value.at, 18);
}

/* Keys k0 … k(count-1), `rounds` times over; the values count up. */
static struct str many_keys(size_t count, size_t rounds)
{
	out.len = 0;
	buf_add_char(&out, '{');
	for (size_t i = 0; i < count * rounds; i++)
		buf_printf(&out, "%s\"k%zu\":%zu", i > 0 ? "," : "", i % count, i);
	buf_add_char(&out, '}');
	return (struct str){arena_memdup(&arena, out.data, out.len), out.len};
}

static void unites_equal_keys_at_every_size(void **state)
{
	for (size_t count = 1; count < 80; count++) {
		const struct json object = parse_str(many_keys(count, 3));

		assert_int_equal(object.size, count);
		for (size_t i = 0; i < count; i++) {
			char key[16];

			snprintf(key, sizeof(key), "k%zu", i);
			assert_true(str_is(json_str(&object.members[i].key), key));
			assert_int_equal(object.members[i].value.integer, 2 * count + i);
		}
	}
}

static void long_keys_differ_in_their_last_byte(void **state)
{
	out.len = 0;
	for (int i = 0; i < 50; i++)
		buf_printf(&out, "%s\"a key of many bytes %02d\":%d", i > 0 ? "," : "{",
			'A' + i % 40, i);
	buf_add_char(&out, '}');
	const struct json object = parse_str(buf_str(&out));
	assert_int_equal(object.size, 40);
	assert_int_equal(object.members[9].value.integer, 49);
	assert_int_equal(object.members[10].value.integer, 10);
}

static void many_keys_take_linear_time(void **state)
{
	/* 200,000 keys: pairwise this would be 2 * 10^10 comparisons, and the test would time out.
	 */
	const struct json object = parse_str(many_keys(100000, 2));

	assert_int_equal(object.size, 100000);
	assert_int_equal(object.members[99999].value.integer, 199999);
}

static void rows_share_their_keys(void **state)
{
	const struct json rows =
		parse("[{\"a\":1,\"bc\":2},{\"a\":3,\"bc\":4},{\"a\":3,\"bcd\":4},{\"ab\":1}]");
	const struct json_member *first = rows.items[0].members, *second = rows.items[1].members;

	assert_ptr_equal(first[0].key.text, second[0].key.text);
	assert_ptr_equal(first[1].key.text, second[1].key.text);
	assert_int_equal(second[1].key.at, 23);
	assert_true(str_is(json_str(&rows.items[2].members[1].key), "bcd"));
	assert_true(str_is(json_str(&rows.items[3].members[0].key), "ab"));
	/* Escaped keys cannot be compared with the text, and are read each time. */
	OK("[{\"a\\n\":1},{\"a\\n\":2},{\"a\":3},{\"a\\u000a\":4}]",
		"[{\"a\\n\":1},{\"a\\n\":2},{\"a\":3},{\"a\\n\":4}]");
}

static void tells_where_values_stood(void **state)
{
	const struct json value = parse(" {\"a\": [1, \"x\", -2.5, null], \"b\\n\": {}}");
	const struct json *items = value.members[0].value.items;

	assert_int_equal(value.at, 1);
	assert_int_equal(value.members[0].key.at, 2);
	assert_int_equal(value.members[0].value.at, 7);
	assert_int_equal(items[0].at, 8);
	assert_int_equal(items[1].at, 11);
	assert_int_equal(items[2].at, 16);
	assert_int_equal(items[3].at, 22);
	assert_int_equal(value.members[1].key.at, 29);
	assert_int_equal(value.members[1].value.at, 36);
}

static void marks_plain_strings(void **state)
{
	assert_true(parse("\"abc \xC3\xA9/\x7F\"").is_plain);
	assert_false(parse("\"a\\\"\"").is_plain);
	assert_false(parse("\"a\\n\"").is_plain);
}

static void decodes_long_strings(void **state)
{
	/* Longer than any block of decoded text, with an escape late, early and everywhere. */
	enum { LEN = 200000 };
	char *text = arena_alloc(&arena, LEN + 1);

	for (int step = 1; step <= LEN; step = step * 7 + 1) {
		memset(text, 'x', LEN);
		text[0] = '[';
		text[1] = text[LEN - 2] = '"';
		text[LEN - 1] = ']';
		for (int i = 2; i + 2 < LEN - 2; i += 2 * step) {
			text[i] = '\\';
			text[i + 1] = 't';
		}
		text[LEN] = '\0';
		OK(text, text);
	}
}

static void many_escaped_strings_share_blocks(void **state)
{
	const size_t before = arena_size(&arena);

	out.len = 0;
	for (int i = 0; i < 20000; i++)
		buf_add_text(&out, i == 0 ? "[\"\\n0123456789\"" : ",\"\\n0123456789\"");
	buf_add_char(&out, ']');
	const size_t len = out.len;
	const struct json value = parse(buf_text(&out));
	assert_int_equal(value.size, 20000);
	assert_true(str_is(json_str(&value.items[19999]), "\n0123456789"));
	/* The copy of the text, the items, the decoded strings, and blocks not filled up. */
	assert_true(
		arena_size(&arena) - before < 2 * len + 20000 * sizeof(struct json) + 512 * 1024);
}

static void padding_is_never_believed(void **state)
{
	static const struct {
		const char *text, *padding;
		bool is_read;
	} CASES[] = {
		{"12", "34", true},
		{"1", ".5", true},
		{"1", "e5", true},
		{"[1", "]", false},
		{"[1,2", "345678901]", false},
		{"\"abc", "\"", false},
		{"\"abc\\", "n\"", false},
		{"\"\\u00", "41\"", false},
		{"\"\\ud83d", "\\ude00\"", false},
		{"\"\xC3", "\xA9\"", false},
		{"tru", "e", false},
		{"-", "1", false},
		{"-Infinit", "y", false},
		{"1.", "5", false},
		{"1e", "5", false},
		{"\"abc", "defghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\"", false},
		{"\"\\nabc", "defghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\"", false},
		{"[{\"key\":1},{\"ke", "y\":2}]", false},
		{"[{\"key\":1},{\"key", "\":2}]", false},
		{" ", "1", false},
		{"", "1", false},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[JSON_PADDING + 64] = "";
		struct json value;
		struct error err = {0};

		snprintf(text, sizeof(text), "%s%s", CASES[i].text, CASES[i].padding);
		const bool is_read = json_read_padded(
			&arena, (struct str){text, strlen(CASES[i].text)}, &value, &err);
		if (is_read != CASES[i].is_read)
			fail_msg("'%s' with '%s' behind it", CASES[i].text, CASES[i].padding);
		if (is_read)
			assert_string_equal(written(&value), CASES[i].text);
	}
}

static void finds_special_bytes_alike_everywhere(void **state)
{
	char block[JSON_BLOCK];

	random_state = 5;
	for (int i = 0; i < 100000; i++) {
		unsigned expected = 0;

		for (int j = 0; j < JSON_BLOCK; j++) {
			const uint64_t bits = random_bits();

			block[j] = (char)(bits & 1 ? bits >> 8 : (bits >> 8) % 96 + 32);
			const unsigned char c = (unsigned char)block[j];
			if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
				expected |= 1u << j;
		}
		assert_int_equal(json_special16(block), expected);
		assert_int_equal(json_special16_portable(block), expected);
	}
}

static void writes_strings(void **state)
{
	static const struct {
		struct str text;
		const char *expected;
	} CASES[] = {
		{STR(""), "\"\""},
		{{NULL, 0}, "\"\""},
		{STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\""},
		{STR("\b\f\n\r\t\0\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f\""},
		{STR("0123456789abcdef"), "\"0123456789abcdef\""},
		{STR("0123456789abcde\n"), "\"0123456789abcde\\n\""},
		{STR("0123456789abcde\xC3\xA9x"), "\"0123456789abcde\xC3\xA9x\""},
		{STR("0123456789abcd\xF0\x9F\x98\x80\xE2\x82\xAC"),
			"\"0123456789abcd\xF0\x9F\x98\x80\xE2\x82\xAC\""},
		{STR("\xFF\xC0\x80x\xED\xA0\x80"),
			"\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
		{STR("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
		{STR("\xF0"), "\"\xEF\xBF\xBD\""},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct json value = json_string(CASES[i].text);

		out.len = 0;
		json_write_string(&out, CASES[i].text);
		assert_string_equal(buf_text(&out), CASES[i].expected);
		assert_string_equal(written(&value), CASES[i].expected);
	}
}

static void writes_strings_of_every_length(void **state)
{
	for (size_t len = 0; len < 300; len++) {
		char *text = malloc(len > 0 ? len : 1),
		     *quoted = arena_printf(&arena, "\"%*s\"", (int)len, "");

		assert_non_null(text);
		memset(text, '\'', len);
		memset(quoted + 1, '\'', len);
		struct json made = json_string((struct str){text, len});
		const struct json read = parse(quoted);
		assert_string_equal(written(&made), quoted);
		made.is_plain = 1;
		assert_string_equal(written(&made), quoted);
		assert_string_equal(written(&read), quoted);
		free(text);
	}
}

static void writes_behind_what_is_there(void **state)
{
	const struct json value = parse("[1,\"a\"]");

	out.len = 0;
	buf_add_text(&out, "data: ");
	json_write(&out, &value);
	json_write_integer(&out, 7);
	json_write_double(&out, 0.5);
	json_write_string(&out, STR("x"));
	json_write_pretty(&out, &value);
	json_write_canonical(&out, &value);
	assert_string_equal(buf_text(&out), "data: [1,\"a\"]70.5\"x\"[\n  1,\n  \"a\"\n][1,\"a\"]");
}

static void writes_for_people(void **state)
{
	const struct json value = parse("{\"a\":[],\"b\":{},\"c\":[1,{\"d\":\"x\"}],\"e\":null}");

	out.len = 0;
	json_write_pretty(&out, &value);
	assert_string_equal(buf_text(&out),
		"{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"x\"\n    }\n  ],\n"
		"  \"e\": null\n}");
}

static void writes_canonically(void **state)
{
	const struct json value = parse(
		"{\"b\":1.0,\"a\":{\"z\":-0.0,\"\":1e2,\"ab\":0.5},\"\xC3\xA9\":1e300,\"B\":[2,1],"
		"\"a\\n\":9223372036854775807}");

	out.len = 0;
	json_write_canonical(&out, &value);
	assert_string_equal(buf_text(&out),
		"{\"B\":[2,1],\"a\":{\"\":100,\"ab\":0.5,\"z\":0},\"a\\n\":9223372036854775807,\"b\":1,"
		"\"\xC3\xA9\":1e+300}");
}

static void leaves_absent_members_out(void **state)
{
	struct json object = json_object(), array = json_array();

	json_set(&arena, &object, STR("a"), (struct json){.type = JSON_ABSENT});
	assert_string_equal(written(&object), "{}");
	json_set(&arena, &object, STR("b"), json_bool(true));
	json_set(&arena, &object, STR("c"), (struct json){.type = JSON_ABSENT});
	assert_string_equal(written(&object), "{\"b\":true}");
	assert_null(json_get(&object, STR("a")));
	out.len = 0;
	json_write_pretty(&out, &object);
	assert_string_equal(buf_text(&out), "{\n  \"b\": true\n}");
	out.len = 0;
	json_write_canonical(&out, &object);
	assert_string_equal(buf_text(&out), "{\"b\":true}");
	const struct json same = parse("{\"b\":true}");
	assert_true(json_equal(&object, &same));
	/* An array keeps the places of its other elements. */
	json_append(&arena, &array, (struct json){.type = JSON_ABSENT});
	json_append(&arena, &array, json_integer(1));
	assert_string_equal(written(&array), "[null,1]");
}

static void gets_members_and_paths(void **state)
{
	const struct json value =
		parse("{\"a\":{\"b\":[10,{\"c\":\"x\"},null]},\"0\":\"zero\",\"\":1}");

	assert_int_equal(json_at(&value, STR("a.b.0"))->integer, 10);
	assert_true(str_is(json_str(json_at(&value, STR("a.b.1.c"))), "x"));
	assert_int_equal(json_type(json_at(&value, STR("a.b.2"))), JSON_NULL);
	assert_true(str_is(json_str(json_at(&value, STR("0"))), "zero"));
	assert_int_equal(json_at(&value, STR(""))->integer, 1);
	assert_null(json_at(&value, STR("a.b.3")));
	assert_null(json_at(&value, STR("a.b.-1")));
	assert_null(json_at(&value, STR("a.b.")));
	assert_null(json_at(&value, STR("a.b.99999999999999999999")));
	assert_null(json_at(&value, STR("a.x.b")));
	assert_null(json_at(&value, STR("a.b.0.c")));
	assert_null(json_at(NULL, STR("a")));
	assert_null(json_get(NULL, STR("a")));
	assert_null(json_get(json_get(&value, STR("0")), STR("a")));
	assert_int_equal(json_str(NULL).len, 0);
	assert_int_equal(json_str(&value).len, 0);
	assert_string_equal(json_type_name(&value), "an object");
	assert_string_equal(json_type_name(json_at(&value, STR("a.b"))), "an array");
	assert_string_equal(json_type_name(json_at(&value, STR("0"))), "a string");
	assert_string_equal(json_type_name(json_at(&value, STR("a.b.2"))), "null");
	assert_string_equal(json_type_name(NULL), "nothing");
}

static void compares(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_equal;
	} CASES[] = {
		{"1", "1.0", true},
		{"1", "2", false},
		{"0", "-0.0", true},
		{"1", "true", false},
		{"0", "false", false},
		{"null", "false", false},
		{"null", "null", true},
		{"\"a\"", "\"\\u0061\"", true},
		{"\"a\"", "\"b\"", false},
		{"9007199254740993", "9007199254740992.0", false},
		{"9007199254740992", "9007199254740992.0", true},
		{"9223372036854775807", "9223372036854775808.0", false},
		{"-9223372036854775808", "-9223372036854775808.0", true},
		{"0.1", "0.1", true},
		{"[1,2]", "[1,2]", true},
		{"[1,2]", "[2,1]", false},
		{"[1,2]", "[1]", false},
		{"[]", "{}", false},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":2}", false},
		{"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
		{"{\"a\":1}", "{\"b\":1}", false},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct json a = parse(CASES[i].a), b = parse(CASES[i].b);

		if (json_equal(&a, &b) != CASES[i].is_equal ||
			json_equal(&b, &a) != CASES[i].is_equal)
			fail_msg("%s and %s", CASES[i].a, CASES[i].b);
		assert_true(json_equal(&a, &a));
	}
	const struct json one = json_integer(1);
	assert_false(json_equal(&one, NULL));
	assert_true(json_equal(NULL, NULL));
}

static void grows_arrays_and_objects(void **state)
{
	struct json array = parse("[0,1,2]"), object = parse("{\"k0\":0,\"k1\":1}");
	static char keys[1000][8];

	for (int i = 3; i < 1000; i++)
		json_append(&arena, &array, json_integer(i));
	for (int i = 2; i < 1000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		json_set(&arena, &object, str_of(keys[i]), json_integer(i));
	}
	json_set(&arena, &object, STR("k1"), json_string(STR("one")));
	assert_int_equal(array.size, 1000);
	assert_int_equal(object.size, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(array.items[i].integer, i);
		if (i >= 2)
			assert_int_equal(json_get(&object, str_of(keys[i]))->integer, i);
	}
	assert_true(str_is(json_str(json_get(&object, STR("k1"))), "one"));
}

static void copies_refer_to_nothing_outside(void **state)
{
	struct arena other;
	char text[JSON_PADDING + 64] = "{\"a\":[1,\"xyz\",{\"b\\n\":\"c\\td\"}],\"e\":1.5}";
	struct json value, copy;
	struct error err = {0};

	arena_init(&other);
	assert_true(json_read_padded(&other, str_of(text), &value, &err));
	copy = json_copy(&arena, &value);
	assert_true(json_equal(&copy, &value));
	arena_done(&other);
	memset(text, 'X', sizeof(text));
	assert_string_equal(written(&copy), "{\"a\":[1,\"xyz\",{\"b\\n\":\"c\\td\"}],\"e\":1.5}");
	/* A copy of a growing array does not share its room. */
	struct json array = json_array();
	json_append(&arena, &array, json_integer(1));
	struct json twin = json_copy(&arena, &array);
	json_append(&arena, &twin, json_integer(2));
	json_append(&arena, &array, json_integer(3));
	assert_int_equal(twin.items[1].integer, 2);
	assert_int_equal(array.items[1].integer, 3);
}

static struct json random_tree(int level)
{
	static const char BYTES[] = "ab\"\\\n\x01\x7F/ \xC3\xA9";
	const uint64_t bits = random_bits();
	struct json value = (bits >> 8) % 2 ? json_array() : json_object();
	char *text;

	switch (bits % (level < 4 ? 8 : 6)) {
	case 0:
		return json_null();
	case 1:
		return json_bool((bits >> 8) & 1);
	case 2:
		return json_integer((int64_t)random_bits() >> (bits >> 8 & 63));
	case 3:
		return json_double((double)(int64_t)random_bits() / (double)(1 + (bits >> 40)));
	case 4:
	case 5:
		text = arena_alloc(&arena, 64);
		for (size_t i = 0; i < (bits >> 8) % 64; i++)
			text[i] = BYTES[random_bits() % 9];
		return json_string((struct str){text, (bits >> 8) % 64});
	default:
		for (size_t i = 0; i < (bits >> 16) % 20; i++) {
			if (value.type == JSON_ARRAY)
				json_append(&arena, &value, random_tree(level + 1));
			else
				json_set(&arena, &value,
					str_of(arena_printf(
						&arena, "k%zu", (size_t)(random_bits() % 30))),
					random_tree(level + 1));
		}
		return value;
	}
}

static void random_trees_come_back(void **state)
{
	static void (*const WRITERS[])(struct buf *, const struct json *) = {
		json_write, json_write_pretty, json_write_canonical};

	random_state = 6;
	for (int i = 0; i < 2000; i++) {
		const struct json tree = random_tree(0);

		for (size_t j = 0; j < 3; j++) {
			out.len = 0;
			WRITERS[j](&out, &tree);
			const char *text = arena_strdup(&arena, buf_text(&out));
			const struct json again = parse(text);

			assert_true(json_equal(&tree, &again));
			out.len = 0;
			WRITERS[j](&out, &again);
			assert_string_equal(buf_text(&out), text);
		}
		arena_clear(&arena);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_scalars),
		TEST(reads_tokens_of_no_number_as_null),
		TEST(reads_integers_that_fit_int64),
		TEST(reads_wide_integers_as_doubles),
		TEST(refuses_malformed_numbers),
		TEST(reads_doubles_to_the_nearest),
		TEST(rounds_ties_to_even),
		TEST(reads_numbers_of_many_digits),
		TEST(refuses_numbers_beyond_double),
		TEST(does_not_follow_the_locale_of_the_digits),
		TEST(writes_doubles_shortest),
		TEST(doubles_come_back),
		TEST(writes_integers),
		TEST(reads_escapes),
		TEST(refuses_wrong_escapes),
		TEST(refuses_lone_surrogates),
		TEST(checks_utf8),
		TEST(refuses_control_characters),
		TEST(refuses_malformed_structure),
		TEST(says_where),
		TEST(skips_a_byte_order_mark),
		TEST(limits_depth),
		TEST(refuses_too_large_texts),
		TEST(last_equal_key_wins_at_the_first_place),
		TEST(unites_equal_keys_at_every_size),
		TEST(long_keys_differ_in_their_last_byte),
		TEST(many_keys_take_linear_time),
		TEST(rows_share_their_keys),
		TEST(tells_where_values_stood),
		TEST(marks_plain_strings),
		TEST(decodes_long_strings),
		TEST(many_escaped_strings_share_blocks),
		TEST(padding_is_never_believed),
		TEST(finds_special_bytes_alike_everywhere),
		TEST(writes_strings),
		TEST(writes_strings_of_every_length),
		TEST(writes_behind_what_is_there),
		TEST(writes_for_people),
		TEST(writes_canonically),
		TEST(leaves_absent_members_out),
		TEST(gets_members_and_paths),
		TEST(compares),
		TEST(grows_arrays_and_objects),
		TEST(copies_refer_to_nothing_outside),
		TEST(random_trees_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
