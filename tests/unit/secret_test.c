/* Secrets: they show as ***, are wiped, and are found in what comes back. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void keeps_its_bytes(void **state)
{
	struct arena arena;

	arena_init(&arena);
	const struct secret none = secret_new(&arena, (struct str){0}),
			    key = secret_new(&arena, STR("k\0ey"));
	assert_false(secret_is_set(none));
	assert_int_equal(secret_reveal(none).len, 0);
	assert_true(secret_is_set(key));
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

static void redact(const char *secret, const char *text, const char *redacted)
{
	struct arena arena;

	arena_init(&arena);
	const struct str clean =
		secret_redact(&arena, str_of(text), secret_new(&arena, str_of(secret)));
	if (!str_is(clean, redacted))
		fail_msg("%s → %.*s, expected %s", text, STR_ARGS(clean), redacted);
	arena_done(&arena);
}

/* The key of the cases: what escapes change, and a letter that is none in hexadecimal. */
#define KEY "sk/a\"b\\c&<T>\xC3\xA9+9"

static void is_redacted_in_escapes(void **state)
{
	static const struct {
		const char *text, *redacted;
	} CASES[] = {
		{"(" KEY ")", "(***)"},
		/* JSON, JSON in JSON, JSON in JSON in JSON, all in \u */
		{"(sk\\/a\\\"b\\\\c&<T>\\u00e9+9)", "(***)"},
		{"(sk/a\\\\\\\"b\\\\c&<T>\\\\u00E9+9)", "(***)"},
		{"(s\\u006B/a\\u0022b\\u005cc\\u0026<\\u0054>\xC3\xA9+9)", "(***)"},
		{"(sk/a\"b\\\\c\\x26<\\x54>\xC3\xA9+9)", "(***)"},
		/* URL, twice */
		{"?k=sk%2Fa%22b%5cc%26%3CT%3E%C3%A9%2B9&x=1", "?k=***&x=1"},
		{"?k=sk%252Fa%2522b%255Cc%2526%253CT%253E%25C3%25A9%252B9&x", "?k=***&x"},
		/* HTML, twice, by number; in JSON */
		{"<p>sk/a&quot;b\\c&amp;&lt;T&gt;\xC3\xA9+9</p>", "<p>***</p>"},
		{"<p>sk&#47;a&#x22;b\\c&#38;&#x3c;&#84;&gt;&#233;+9</p>", "<p>***</p>"},
		{"<p>sk/a&amp;quot;b\\\\c&amp;amp;&amp;lt;T&amp;gt;\\u00e9+9</p>",
			"<p>sk/a&amp;quot;b\\\\c&amp;amp;&amp;lt;T&amp;gt;\\u00e9+9</p>"},
		{"<p>sk/a&amp;quot;b\\c&amp;&amp;lt;T&amp;gt;\\u00e9+9</p>", "<p>***</p>"},
		/* another text */
		{"sk/a\\", "sk/a\\"},
		{"sk/a%", "sk/a%"},
		{"sk\\u002", "sk\\u002"},
		{"sk&#4", "sk&#4"},
		{"sk&#47", "sk&#47"},
		{"sk&#99999999;", "sk&#99999999;"},
		{"\\\\\\\\\\\\\\\\\\\\\\\\", "\\\\\\\\\\\\\\\\\\\\\\\\"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		redact(KEY, CASES[i].text, CASES[i].redacted);
}

/* A secret may hold what looks like an escape. */
static void marks_stand_for_themselves(void **state)
{
	redact("a%41\\u0042&lt;z", "(a%41\\u0042&lt;z)", "(***)");
	redact("a%41\\u0042&lt;z", "(a%2541\\\\u0042&amp;lt;z)", "(***)");
	redact("\\\\u", "(\\\\u)", "(***)");
	redact("\\\\u", "(\\\\\\\\u)", "(***)");
}

static void is_redacted_in_base64(void **state)
{
	/* printf 'Bearer sk-plainSECRET0123>?>?' | base64, and so on */
	redact("sk-plainSECRET0123>?>?", "h: QmVhcmVyIHNrLXBsYWluU0VDUkVUMDEyMz4/Pj8=, x",
		"h: ***, x");
	redact("sk-plainSECRET0123>?>?", "h: QmVhcmVyIHNrLXBsYWluU0VDUkVUMDEyMz4_Pj8, x",
		"h: ***, x");
	redact("sk-plainSECRET0123>?>?", "\"c2stcGxhaW5TRUNSRVQwMTIzPj8\\u002BPw==\"", "\"***\"");
	redact("sk-plainSECRET0123>?>?", "dXNlcjpzay1wbGFpblNFQ1JFVDAxMjM+Pz4/", "***");
	redact("sk-plainSECRET0123>?>?", "dXNlcjpzay1wbGFpblNFQ1JFVDAxMjM%2BPz4%2F", "***");
	redact("none", "bm9uZQ== none", "bm9uZQ== ***");
}

static void parts_at_the_end_are_redacted(void **state)
{
	redact("0123456789/ABC", "x 01234567", "x ***");
	redact("0123456789/ABC", "x 0123456", "x 0123456");
	redact("0123456789/ABC", "x 01234567 y", "x 01234567 y");
	redact("0123456789/ABC", "x 0123456789\\", "x ***");
	redact("0123456789/ABC", "x 0123456789\\u00", "x ***");
	redact("0123456789/ABC", "x 0123456789%2", "x ***");
	redact("0123456789/ABC", "x 0123456789&amp;#4", "x ***");
	redact("01", "x 0", "x 0");
}

/* What an upstream may send to make the search slow. */
static void is_fast(void **state)
{
	static char text[1 << 18];
	static const char *const FILLS[] = {
		"\\", "%25", "&amp;", "sk-0123456789012345678", "sk-0", "s"};
	struct arena arena;

	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("sk-01234567890123456789"));
	for (size_t i = 0; i < sizeof(FILLS) / sizeof(*FILLS); i++) {
		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = FILLS[i][k % strlen(FILLS[i])];

		const clock_t before = clock();
		const struct str clean =
			secret_redact(&arena, (struct str){text, sizeof(text)}, key);

		assert_in_range(clean.len, sizeof(text) - 20, sizeof(text));
		assert_in_range((clock() - before) / (CLOCKS_PER_SEC / 1000), 0, 20000);
	}
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_bytes),
		cmocka_unit_test(is_a_copy),
		cmocka_unit_test(is_redacted),
		cmocka_unit_test(is_redacted_in_escapes),
		cmocka_unit_test(marks_stand_for_themselves),
		cmocka_unit_test(is_redacted_in_base64),
		cmocka_unit_test(parts_at_the_end_are_redacted),
		cmocka_unit_test(is_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
