/* base/datetime.h and the other texts that stand for values: docs/protocol/RULES.md V3. */
#include "base/datetime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/base64.h"
#include "model/enforce_text.h"

static void is_time(const char *text, const char *expected)
{
	char out[DATETIME_TEXT_MAX + 1];
	int64_t ns;

	if (!datetime_parse(str_of(text), &ns))
		fail_msg("'%s' is refused", text);
	out[datetime_format(ns, out)] = '\0';
	assert_string_equal(out, expected);
}

#define OK(text, expected) is_time(text, expected)
#define FAILS(text)                                                                                \
	do {                                                                                       \
		int64_t ns_;                                                                       \
		if (datetime_parse(str_of(text), &ns_))                                            \
			fail_msg("'%s' is accepted", text);                                        \
	} while (0)

static void test_accepted(void **state)
{
	OK("2024-01-02", "2024-01-02T00:00:00");
	OK("2024-01-02T03", "2024-01-02T03:00:00");
	OK("2024-01-02t03:04", "2024-01-02T03:04:00");
	OK("2024-01-02 03:04:05", "2024-01-02T03:04:05");
	OK("2024-01-02T03:04:05.1", "2024-01-02T03:04:05.100000");
	OK("2024-01-02T03:04:05,123456", "2024-01-02T03:04:05.123456");
	OK("2024-01-02T03:04:05.123456789", "2024-01-02T03:04:05.123456789");
	OK("2024-01-02T03:04:05.000", "2024-01-02T03:04:05");
	OK("2024-01-02T03:04:05Z", "2024-01-02T03:04:05");
	OK("2024-01-02T03:04:05z", "2024-01-02T03:04:05");
	OK("2024-01-02T03:04:05+02", "2024-01-02T01:04:05");
	OK("2024-01-02T03:04:05-0530", "2024-01-02T08:34:05");
	OK("2024-01-02T03:04:05+02:00", "2024-01-02T01:04:05");
	OK(" \t2024-01-02\n", "2024-01-02T00:00:00");
	OK("2024-02-29", "2024-02-29T00:00:00");
	OK("2000-02-29", "2000-02-29T00:00:00");
	OK("1969-12-31T23:59:59.999999999", "1969-12-31T23:59:59.999999999");
	OK("1677-09-21T00:12:43.145224193", "1677-09-21T00:12:43.145224193");
	OK("2262-04-11T23:47:16.854775807", "2262-04-11T23:47:16.854775807");
	OK("2262-04-12T00:00:00+10:00", "2262-04-11T14:00:00");
}

static void test_refused(void **state)
{
	FAILS("");
	FAILS(" ");
	FAILS("NaT");
	FAILS("2024");
	FAILS("2024-01");
	FAILS("20240102");
	FAILS("2024-W01-2");
	FAILS("2024-002");
	FAILS("2024/01/02");
	FAILS("2024-1-2");
	FAILS("Jan 2, 2024");
	FAILS("2024-13-01");
	FAILS("2024-00-01");
	FAILS("2024-01-00");
	FAILS("2024-04-31");
	FAILS("2023-02-29");
	FAILS("1900-02-29");
	FAILS("2024-01-02T24:00:00");
	FAILS("2024-01-02T03:60:00");
	FAILS("2024-01-02T03:04:60");
	FAILS("2024-01-02T");
	FAILS("2024-01-02T03:04:05.");
	FAILS("2024-01-02T03:04:05.1234567891");
	FAILS("2024-01-02T03:04.5");
	FAILS("2024-01-02T03:04:05+2");
	FAILS("2024-01-02T03:04:05+24:00");
	FAILS("2024-01-02T03:04:05+02:");
	FAILS("2024-01-02T03:04:05 UTC");
	FAILS("2024-01-02 3:04 PM");
	FAILS("2024-01-02Z");
	FAILS("-2024-01-01");
	FAILS("1677-09-21T00:12:43.145224192");
	FAILS("2262-04-11T23:47:16.854775808");
	FAILS("0001-01-01");
	FAILS("9999-12-31T23:59:59");
}

/* The C library agrees about the calendar, and every instant survives its own text. */
static void test_round_trips(void **state)
{
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 20000; i++) {
		char out[DATETIME_TEXT_MAX + 1], expected[DATETIME_TEXT_MAX];
		struct tm tm;
		int64_t back;
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		const int64_t ns = (int64_t)random == INT64_MIN ? 0 : (int64_t)random;
		time_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);
		out[datetime_format(ns, out)] = '\0';
		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
		assert_memory_equal(out, expected, strlen(expected));
		assert_true(datetime_parse(str_of(out), &back));
		assert_int_equal(back, ns);
	}
}

static void test_integers(void **state)
{
	int64_t value = 0;

	assert_int_equal(text_integer(STR(" +7.00\n"), &value), TEXT_NUMBER);
	assert_int_equal(value, 7);
	assert_int_equal(text_integer(STR("-9223372036854775808"), &value), TEXT_NUMBER);
	assert_int_equal(value, INT64_MIN);
	assert_int_equal(text_integer(STR("9223372036854775808"), &value), TEXT_OUT_OF_RANGE);
	assert_int_equal(text_integer(STR("5.01"), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_integer(STR(""), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_integer(STR("-"), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_integer(STR("1e3"), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_integer(STR("5\0"), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_plain_integer(STR("5.0"), &value), TEXT_NO_NUMBER);
	assert_int_equal(text_plain_integer(STR("007"), &value), TEXT_NUMBER);
}

static void is_number(const char *text, double expected)
{
	double value = 0;

	assert_int_equal(text_double(str_of(text), &value), TEXT_NUMBER);
	assert_true(value == expected);
}

static void test_doubles(void **state)
{
	static const char *const WRONG[] = {"", ".", "+", "e5", "1e", "1e+", "nan", "inf",
		"Infinity", "0x10", "1_0", "1 2", "--1", "1.2.3",
		"\xC2\xA0"
		"5",
		NULL};
	char digits[300];
	double value;

	is_number("5", 5);
	is_number(" .5 ", 0.5);
	is_number("5.", 5);
	is_number("-1.5e-3", -0.0015);
	is_number("1e-400", 0);
	memset(digits, '1', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	is_number(digits, 1.1111111111111111e298);
	assert_int_equal(text_double(STR("1e400"), &value), TEXT_OUT_OF_RANGE);
	for (const char *const *text = WRONG; *text != NULL; text++)
		if (text_double(str_of(*text), &value) != TEXT_NO_NUMBER)
			fail_msg("'%s' is a number", *text);
}

static void is_base64(const char *text, const char *expected)
{
	struct arena arena;
	struct str out;

	arena_init(&arena);
	if (!base64_normalize(&arena, str_of(text), &out))
		fail_msg("'%s' is refused", text);
	assert_true(str_is(out, expected));
	arena_done(&arena);
}

static void test_base64(void **state)
{
	static const char *const WRONG[] = {"a", "aa", "aaa", "aGVsbG8", "_-8=", "aA==aGVs",
		"====", "=", "A===", "aGV!", "\xC3\xA9", "AA=A", NULL};
	struct arena arena;
	struct str out;

	is_base64("", "");
	is_base64(" \t\r\n", "");
	is_base64("aGVsbG8=", "aGVsbG8=");
	is_base64("aG Vs\r\nbG\t8=", "aGVsbG8=");
	is_base64("/+8=", "/+8=");
	is_base64("aGVsbG9=", "aGVsbG8=");
	is_base64("aR==", "aQ==");
	arena_init(&arena);
	for (const char *const *text = WRONG; *text != NULL; text++)
		if (base64_normalize(&arena, str_of(*text), &out))
			fail_msg("'%s' is accepted", *text);
	arena_done(&arena);
}

static void test_base64_bytes(void **state)
{
	static const struct str BYTES[] = {STR(""), STR("\0"), STR("a:"), STR("a=\0"), STR("\xFF\xFE\xFD\xFC\0\0")};
	struct arena arena;
	struct str out;

	arena_init(&arena);
	assert_true(str_is(base64_encode(&arena, STR("hello")), "aGVsbG8="));
	for (size_t i = 0; i < sizeof(BYTES) / sizeof(BYTES[0]); i++) {
		assert_true(base64_decode(&arena, base64_encode(&arena, BYTES[i]), &out));
		assert_true(str_eq(out, BYTES[i]));
	}
	assert_false(base64_decode(&arena, STR("aGVsbG8"), &out));
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
