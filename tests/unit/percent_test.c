#include "base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_decoded(const char *text, const char *expected)
{
	char to[64];
	const size_t len = percent_decode(to, str_of(text));

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(to, expected, len);
}

static void test_decoding_leaves_what_is_no_escape(void **state)
{
	assert_decoded("", "");
	assert_decoded("a%20b%2Fc%2f", "a b/c/");
	assert_decoded("%", "%");
	assert_decoded("%4", "%4");
	assert_decoded("%4g%zz%-1", "%4g%zz%-1");
	assert_decoded("100%+1", "100%+1");
	assert_decoded("%2541", "%41");
	assert_decoded("%c3%A4", "\xC3\xA4");
}

static void test_the_byte_of_an_escape(void **state)
{
	assert_int_equal(percent_byte(STR("%00")), 0);
	assert_int_equal(percent_byte(STR("%fFx")), 255);
	assert_int_equal(percent_byte(STR("%f")), -1);
	assert_int_equal(percent_byte(STR("x41")), -1);
	assert_int_equal(percent_byte(STR("")), -1);
}

static void test_encoding(void **state)
{
	struct buf out = {0};

	percent_encode(&out, (struct str){"a-Z~0 /%\0\xC3", 10}, PERCENT_UNRESERVED);
	assert_string_equal(buf_text(&out), "a-Z~0%20%2F%25%00%C3");
	out.len = 0;
	percent_encode(&out, STR("a/b c"), PERCENT_UNRESERVED "/");
	assert_string_equal(buf_text(&out), "a/b%20c");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoding_leaves_what_is_no_escape),
		cmocka_unit_test(test_the_byte_of_an_escape),
		cmocka_unit_test(test_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
