/* Secrets: they show as ***, are wiped, and are found in what comes back. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void shows_stars(void **state)
{
	struct arena arena;

	arena_init(&arena);
	const struct secret none = secret_new(&arena, (struct str){0}),
			    key = secret_new(&arena, STR("k\0ey"));
	assert_false(secret_is_set(none));
	assert_string_equal(secret_show(none), "(none)");
	assert_int_equal(secret_reveal(none).len, 0);
	assert_true(secret_is_set(key));
	assert_string_equal(secret_show(key), "***");
	assert_true(str_eq(secret_reveal(key), STR("k\0ey")));
	arena_done(&arena);
}

/* The source may go; the secret stays as it was. */
static void is_a_copy(void **state)
{
	char text[] = "hunter2";
	struct arena arena;

	arena_init(&arena);
	const struct secret key = secret_new(&arena, str_of(text));
	memset(text, 'x', sizeof(text) - 1);
	assert_true(str_is(secret_reveal(key), "hunter2"));
	arena_done(&arena);
}

static void is_redacted(void **state)
{
	static const struct {
		const char *text, *redacted;
	} CASES[] = {
		{"", ""},
		{"a", "a"},
		{"nothing here", "nothing here"},
		{"abab", "***"},
		{"xababy", "x***y"},
		{"abababab", "******"},
		{"ababab", "***ab"},
		{"aab", "aab"},
		{"abab in front and behind abab", "*** in front and behind ***"},
	};
	struct arena arena;

	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("abab")), none = {0};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct str text = str_of(CASES[i].text);
		const struct str redacted = secret_redact(&arena, text, key);
		if (!str_is(redacted, CASES[i].redacted))
			fail_msg("%s → %.*s", CASES[i].text, STR_ARGS(redacted));
		assert_ptr_equal(secret_redact(&arena, text, none).data, text.data);
	}
	assert_int_equal(secret_redact(&arena, (struct str){0}, key).len, 0);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_stars),
		cmocka_unit_test(is_a_copy),
		cmocka_unit_test(is_redacted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
