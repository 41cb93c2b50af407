/* Shares: traffic as command lines say it. */
#include "cli/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct json names_of(struct arena *arena)
{
	struct json names = json_array();

	json_append(arena, &names, json_string(STR("old")));
	json_append(arena, &names, json_string(STR("new")));
	return names;
}

static void expect(const char *const *words, size_t count, const char *wanted)
{
	struct arena arena;
	struct json shares;
	struct error err = {0};
	struct buf out = {0};

	arena_init(&arena);
	const struct json names = names_of(&arena);
	if (!shares_read(&arena, &names, words, count, &shares, &err))
		fail_msg("%s", err.text);
	json_write(&out, &shares);
	assert_string_equal(buf_text(&out), wanted);
	buf_done(&out);
	arena_done(&arena);
}

static void refuse(const char *const *words, size_t count, const char *text)
{
	struct arena arena;
	struct json shares;
	struct error err = {0};

	arena_init(&arena);
	const struct json names = names_of(&arena);
	assert_false(shares_read(&arena, &names, words, count, &shares, &err));
	assert_int_equal(err.code, ERR_USAGE);
	if (strstr(err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, err.text);
	arena_done(&arena);
}

#define WORDS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static void shares_by_place_and_name(void **state)
{
	expect(WORDS("90,10"), "{\"old\":90,\"new\":10}");
	expect(WORDS("90%, 10%"), "{\"old\":90,\"new\":10}");
	expect(WORDS("new=10", "old=90"), "{\"old\":90,\"new\":10}");
	/* Of two, one is enough; said to have nothing, the other has all. */
	expect(WORDS("new=25"), "{\"old\":75,\"new\":25}");
	expect(WORDS("new=100"), "{\"old\":0,\"new\":100}");
	expect(WORDS("new=0"), "{\"old\":100,\"new\":0}");
}

static void shares_that_are_none(void **state)
{
	refuse(WORDS("90,9"), "adds up to 99 percent, not to 100");
	refuse(WORDS("100"), "1 share for 2 served entities: old, new");
	refuse(WORDS("50,30,20"), "3 shares for 2");
	refuse(WORDS("90,"), "whole percents");
	refuse(WORDS("-10,110"), "whole percents");
	refuse(WORDS("9e1,10"), "whole percents");
	refuse(WORDS("new=1000000000000000000000"), "whole percents");
	refuse(WORDS("new=101"), "adds up to 101");
	refuse(WORDS("nwe=10"), "no served entity 'nwe', did you mean 'new'?; there are old, new");
	refuse(WORDS("old=50", "new=51"), "adds up to 101");
	refuse(WORDS("old=50", "new"), "whole percents");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_by_place_and_name),
		cmocka_unit_test(shares_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
