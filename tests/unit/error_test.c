/* Errors: text, context, cuts at characters' borders, and the table. */
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void set_and_wrap(void **state)
{
	struct error err;

	error_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_false(error_set(&err, ERR_UPSTREAM, "no %s", "answer"));
	assert_int_equal(err.code, ERR_UPSTREAM);
	assert_string_equal(err.text, "no answer");
	assert_false(error_wrap(&err, "step '%s'", "a"));
	assert_int_equal(err.code, ERR_UPSTREAM);
	assert_string_equal(err.text, "step 'a': no answer");
	assert_false(error_set_errno(&err, ERR_NOT_FOUND, ENOENT, "open '%s'", "x"));
	assert_string_equal(err.text, "open 'x': No such file or directory");
	assert_false(error_set(NULL, ERR_INTERNAL, "nobody listens"));
	assert_false(error_wrap(NULL, "nobody"));
	assert_false(error_set_errno(NULL, ERR_INTERNAL, EIO, "nobody"));
}

static void may_quote_itself(void **state)
{
	struct error err;

	error_set(&err, ERR_CONFLICT, "inner");
	error_set(&err, ERR_CONFLICT, "outer %s", err.text);
	assert_string_equal(err.text, "outer inner");
}

/* Every length at which a cut can fall into a character of two, three or four bytes. */
static void cuts_at_characters(void **state)
{
	static const char *const CHARACTERS[] = {"x", "é", "€", "𝄞"};
	static char text[3 * ERROR_TEXT_MAX], long_context[ERROR_TEXT_MAX];
	struct error err;

	for (size_t c = 0; c < 4; c++) {
		for (size_t lead = 0; lead < 5; lead++) {
			size_t len = lead;
			memset(text, 'a', lead);
			while (len < ERROR_TEXT_MAX + 100)
				len += (size_t)sprintf(text + len, "%s", CHARACTERS[c]);
			error_set(&err, ERR_INTERNAL, "%s", text);
			assert_true(strlen(err.text) < ERROR_TEXT_MAX);
			assert_true(strlen(err.text) > ERROR_TEXT_MAX - 8);
			assert_true(str_is_utf8(str_of(err.text)));
			error_set(&err, ERR_INTERNAL, "reason");
			error_wrap(&err, "%s", text);
			assert_true(str_is_utf8(str_of(err.text)));
			assert_non_null(strstr(err.text, ": reason"));
			error_set_errno(&err, ERR_INTERNAL, ENOENT, "%s", text);
			assert_true(str_is_utf8(str_of(err.text)));
		}
	}
	memset(long_context, 'c', sizeof(long_context) - 1);
	for (int i = 0; i < 20; i++)
		error_wrap(&err, "%s", long_context);
	assert_true(strlen(err.text) < ERROR_TEXT_MAX);
}

static void whole_text_stays_whole(void **state)
{
	struct error err;

	error_set(&err, ERR_INTERNAL, "ends with é");
	assert_string_equal(err.text, "ends with é");
}

static void table(void **state)
{
	for (int code = 0; code < ERR_COUNT; code++) {
		const struct error_info *info = error_info((enum error_code)code);
		assert_non_null(info->name);
		assert_non_null(info->help);
		assert_non_null(info->error_code);
		assert_in_range(info->http_status, 200, 599);
		assert_int_equal(info->exit_status == 0, code == ERR_NONE);
		for (int other = 0; other < code; other++)
			assert_string_not_equal(
				info->name, error_info((enum error_code)other)->name);
	}
	assert_ptr_equal(error_info((enum error_code)999), error_info(ERR_INTERNAL));
	assert_ptr_equal(error_info((enum error_code) - 1), error_info(ERR_INTERNAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_wrap),
		cmocka_unit_test(may_quote_itself),
		cmocka_unit_test(cuts_at_characters),
		cmocka_unit_test(whole_text_stays_whole),
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
