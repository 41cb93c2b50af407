/* limiter, principals, rate window, budget: exact against naive models, bounded against made-up
 * names. */
#include "base/budget.h"
#include "serving/limiter.h"
#include "serving/principals.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static uint64_t seed = 88172645463325252ull;

static uint64_t below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

static struct limit_caller user(const char *name)
{
	return (struct limit_caller){.name = str_of(name)};
}

static bool admit(struct limiter *limiter, struct limit_caller caller, uint64_t now_ns)
{
	unsigned retry_after_s = 0;
	struct error err = {0};
	const bool is_admitted = limiter_admit(limiter, &caller, now_ns, &retry_after_s, &err);

	if (is_admitted) {
		assert_int_equal(err.code, ERR_NONE);
		return true;
	}
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_in_range(retry_after_s, 1, RATE_WINDOW_S + 1);
	return false;
}

static unsigned admitted_of(
	struct limiter *limiter, struct limit_caller caller, unsigned tries, uint64_t now_ns)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += admit(limiter, caller, now_ns);
	return count;
}

static void spend(
	struct limiter *limiter, struct limit_caller caller, uint64_t tokens, uint64_t now_ns)
{
	limiter_spend(limiter, &caller, tokens, now_ns);
}

static void test_no_limits(void **state)
{
	struct limiter *limiter = limiter_new();

	assert_int_equal(admitted_of(limiter, user("ann"), 1000, SECOND), 1000);
	spend(limiter, user("ann"), 1000000, SECOND);
	assert_int_equal(limiter_principal_count(limiter), 0);
	limiter_unref(limiter);
}

static void test_retry_after(void **state)
{
	const struct limit limit = {.key = LIMIT_ENDPOINT, .calls = 3, .tokens = -1};
	struct limiter *limiter = limiter_new();
	const struct limit_caller caller = user("ann");
	unsigned retry_after_s;
	struct error err;

	limiter_set(limiter, &limit, 1);
	assert_true(admit(limiter, caller, 10 * SECOND + 1));
	assert_true(admit(limiter, caller, 25 * SECOND));
	assert_true(admit(limiter, caller, 25 * SECOND + SECOND / 2));
	assert_false(limiter_admit(limiter, &caller, 30 * SECOND, &retry_after_s, &err));
	assert_string_equal(err.text,
		"rate limit of 3 calls a minute for this endpoint is used up: come again in 41 s");
	assert_int_equal(retry_after_s, 41);
	assert_false(admit(limiter, caller, 71 * SECOND - 1));
	assert_true(admit(limiter, caller, 71 * SECOND));
	limiter_unref(limiter);
}

static void test_zero(void **state)
{
	const struct limit limit = {.key = LIMIT_ENDPOINT, .calls = 0, .tokens = -1};
	struct limiter *limiter = limiter_new();

	limiter_set(limiter, &limit, 1);
	assert_false(admit(limiter, user("ann"), SECOND));
	assert_false(admit(limiter, user("ann"), 1000 * SECOND));
	limiter_unref(limiter);
}

/* Own limit before groups before the default; the endpoint's above all. */
static void test_who_counts(void **state)
{
	const struct limit limits[] = {
		{.key = LIMIT_USER, .calls = 2, .tokens = -1},
		{.key = LIMIT_USER, .principal = STR("boss"), .calls = 5, .tokens = -1},
		{.key = LIMIT_SERVICE_PRINCIPAL,
			.principal = STR("robot"),
			.calls = 7,
			.tokens = -1},
		{.key = LIMIT_USER_GROUP, .principal = STR("sales"), .calls = 3, .tokens = -1},
		{.key = LIMIT_USER_GROUP, .principal = STR("tests"), .calls = 4, .tokens = -1},
		{.key = LIMIT_ENDPOINT, .calls = 25, .tokens = -1},
	};
	const struct str groups[] = {STR("sales"), STR("tests")};
	struct limiter *limiter = limiter_new();

	limiter_set(limiter, limits, 6);
	assert_int_equal(admitted_of(limiter, user("ann"), 9, SECOND), 2);
	assert_int_equal(admitted_of(limiter, user("bob"), 9, SECOND), 2);
	assert_int_equal(admitted_of(limiter, user("boss"), 9, SECOND), 5);
	/* A service principal of a user's name is somebody else. */
	assert_int_equal(admitted_of(limiter, (struct limit_caller){STR("boss"), true, groups, 0},
				 9, SECOND),
		2);
	assert_int_equal(admitted_of(limiter, (struct limit_caller){STR("robot"), true, groups, 2},
				 9, SECOND),
		7);
	/* Members share; who is in two groups is refused when both are used up, his calls count in
	 * both. */
	assert_int_equal(admitted_of(limiter, (struct limit_caller){STR("eve"), false, groups, 1},
				 2, SECOND),
		2);
	assert_int_equal(admitted_of(limiter, (struct limit_caller){STR("max"), false, groups, 2},
				 9, SECOND),
		4);
	assert_int_equal(admitted_of(limiter, (struct limit_caller){STR("eve"), false, groups, 1},
				 9, SECOND),
		0);
	/* 24 were admitted. */
	assert_int_equal(admitted_of(limiter, user("new"), 9, SECOND), 1);
	assert_int_equal(admitted_of(limiter, user("other"), 9, SECOND), 0);
	assert_int_equal(limiter_principal_count(limiter), 5);
	limiter_unref(limiter);
}

/* A call through one group counts in no other that is full: that one has room again when its own
 * calls are old. */
static void test_full_group(void **state)
{
	const struct limit limits[] = {
		{.key = LIMIT_USER_GROUP, .principal = STR("sales"), .calls = 3, .tokens = -1},
		{.key = LIMIT_USER_GROUP, .principal = STR("tests"), .calls = 9, .tokens = -1},
	};
	const struct str groups[] = {STR("sales"), STR("tests")};
	const struct limit_caller both = {STR("max"), false, groups, 2},
				  seller = {STR("eve"), false, groups, 1};
	struct limiter *limiter = limiter_new();

	limiter_set(limiter, limits, 2);
	assert_int_equal(admitted_of(limiter, seller, 9, SECOND), 3);
	assert_int_equal(admitted_of(limiter, both, 2, 50 * SECOND), 2);
	assert_int_equal(admitted_of(limiter, seller, 9, 62 * SECOND), 3);
	limiter_unref(limiter);
}

static void test_tokens(void **state)
{
	const struct limit limits[] = {
		{.key = LIMIT_USER, .calls = -1, .tokens = 100},
		{.key = LIMIT_USER, .principal = STR("boss"), .calls = 2, .tokens = -1},
	};
	struct limiter *limiter = limiter_new();

	limiter_set(limiter, limits, 2);
	assert_true(admit(limiter, user("ann"), SECOND));
	spend(limiter, user("ann"), 99, SECOND);
	assert_true(admit(limiter, user("ann"), SECOND));
	spend(limiter, user("ann"), 50, 2 * SECOND);
	assert_false(admit(limiter, user("ann"), 2 * SECOND));
	assert_true(admit(limiter, user("bob"), 2 * SECOND));
	assert_true(admit(limiter, user("ann"), 62 * SECOND));
	/* An own limit of calls leaves the default of tokens in force. */
	spend(limiter, user("boss"), 100, SECOND);
	assert_false(admit(limiter, user("boss"), SECOND));
	limiter_unref(limiter);
}

/* What stays keeps its counts, also under another number; what is new begins at none. */
static void test_set(void **state)
{
	struct limit limits[] = {
		{.key = LIMIT_USER, .calls = 4, .tokens = -1},
		{.key = LIMIT_ENDPOINT, .calls = 100, .tokens = -1},
		{.key = LIMIT_ENDPOINT, .calls = 50, .tokens = 1000},
	};
	struct limiter *limiter = limiter_new();

	limiter_set(limiter, limits, 3);
	assert_int_equal(admitted_of(limiter, user("ann"), 3, SECOND), 3);
	limiter_set(limiter, limits, 3);
	assert_int_equal(admitted_of(limiter, user("ann"), 3, SECOND), 1);
	limits[0].calls = 6;
	limits[2].calls = 5;
	limiter_set(limiter, limits, 3);
	assert_int_equal(admitted_of(limiter, user("ann"), 3, SECOND), 1);
	limiter_set(limiter, limits, 1);
	assert_int_equal(admitted_of(limiter, user("ann"), 3, SECOND), 1);
	limiter_set(limiter, NULL, 0);
	assert_int_equal(admitted_of(limiter, user("ann"), 9, SECOND), 9);
	assert_int_equal(limiter_principal_count(limiter), 0);
	limiter_unref(limiter);
}

static void test_made_up_names(void **state)
{
	const struct limit limit = {.key = LIMIT_USER, .calls = 1, .tokens = -1};
	struct limiter *limiter = limiter_new();
	char name[32];

	limiter_set(limiter, &limit, 1);
	for (unsigned i = 0; i < 3 * LIMITER_PRINCIPALS_MAX; i++) {
		snprintf(name, sizeof(name), "user-%u", i);
		assert_true(admit(limiter, user(name), SECOND));
		assert_false(admit(limiter, user(name), SECOND));
	}
	assert_int_equal(limiter_principal_count(limiter), LIMITER_PRINCIPALS_MAX);
	/* The newest are remembered, the oldest are not. */
	assert_false(admit(limiter, user(name), SECOND));
	assert_true(admit(limiter, user("user-0"), SECOND));
	/* Who calls again is not the oldest. */
	assert_true(admit(limiter, user("regular"), SECOND));
	for (unsigned i = 0; i < 2 * LIMITER_PRINCIPALS_MAX; i++) {
		snprintf(name, sizeof(name), "other-%u", i);
		assert_true(admit(limiter, user(name), SECOND));
		if (i % 1000 == 0)
			assert_false(admit(limiter, user("regular"), SECOND));
	}
	assert_false(admit(limiter, user("regular"), SECOND));
	/* They are forgotten as others come. */
	for (unsigned i = 0; i < LIMITER_PRINCIPALS_MAX; i++) {
		snprintf(name, sizeof(name), "later-%u", i % 8);
		admit(limiter, user(name), 70 * SECOND + i * SECOND);
	}
	for (unsigned i = 0; i < LIMITER_PRINCIPALS_MAX; i++) {
		snprintf(name, sizeof(name), "last-%u", i);
		admit(limiter, user(name), 5000 * SECOND + i * 100 * SECOND);
	}
	assert_in_range(limiter_principal_count(limiter), 1, 2);
	limiter_unref(limiter);
}

/* A window against the list of everything that was added. */
static void test_window_model(void **state)
{
	enum { EVENTS = 4000 };
	static uint64_t at[EVENTS], amount[EVENTS];
	struct rate_window window = {0};
	uint64_t now = below(5 * SECOND);

	for (size_t i = 0; i < EVENTS; i++) {
		now += below(20) == 0 ? below(90 * SECOND) : below(SECOND / 2);
		at[i] = now;
		amount[i] = below(50);
		rate_window_add(&window, amount[i], now);

		uint64_t sum = 0, strict = 0;

		for (size_t j = 0; j <= i; j++) {
			if (at[j] / SECOND + 60 >= now / SECOND)
				sum += amount[j];
			if (at[j] + 60 * SECOND > now)
				strict += amount[j];
		}
		assert_int_equal(rate_window_sum(&window, now), sum);
		assert_true(sum >= strict);

		if (sum == 0)
			continue;

		const uint64_t limit = below(sum) + 1;
		const unsigned wait_s = rate_window_wait_s(&window, limit, now);
		struct rate_window later = window;

		assert_true(rate_window_sum(&later, now + wait_s * SECOND) < limit);
		later = window;
		assert_true(wait_s == 1 ||
			    rate_window_sum(&later, now + (wait_s - 1) * SECOND) >= limit);
	}
}

/* Any mixture of callers: never more than the limit in any minute, and nobody is refused while the
 * last 61 s had room. */
static void test_limiter_model(void **state)
{
	enum { EVENTS = 6000, USERS = 5, LIMIT_ALL = 40, LIMIT_EACH = 12 };
	static const char *const NAMES[USERS] = {"a", "b", "c", "d", "e"};
	static uint64_t at[EVENTS];
	static size_t who[EVENTS];
	const struct limit limits[] = {
		{.key = LIMIT_ENDPOINT, .calls = LIMIT_ALL, .tokens = -1},
		{.key = LIMIT_USER, .calls = LIMIT_EACH, .tokens = -1},
	};
	struct limiter *limiter = limiter_new();
	size_t count = 0, refused = 0;
	uint64_t now = 0;

	limiter_set(limiter, limits, 2);
	for (unsigned i = 0; i < EVENTS; i++) {
		const size_t caller = below(USERS) * below(2);
		unsigned all = 0, own = 0, all_kept = 0, own_kept = 0;

		now += below(2 * SECOND);
		for (size_t j = 0; j < count; j++) {
			const bool is_kept = at[j] / SECOND + 60 >= now / SECOND;

			all += at[j] + 60 * SECOND > now;
			own += at[j] + 60 * SECOND > now && who[j] == caller;
			all_kept += is_kept;
			own_kept += is_kept && who[j] == caller;
		}
		if (admit(limiter, user(NAMES[caller]), now)) {
			assert_true(all < LIMIT_ALL && own < LIMIT_EACH);
			at[count] = now;
			who[count++] = caller;
		} else {
			assert_true(all_kept >= LIMIT_ALL || own_kept >= LIMIT_EACH);
			refused++;
		}
	}
	assert_true(refused > EVENTS / 10 && count > EVENTS / 10);
	limiter_unref(limiter);
}

struct crowd {
	struct limiter *limiter;
	struct budget budget;
	_Atomic unsigned admitted;
	_Atomic size_t most;
};

static void *call_often(void *data)
{
	struct crowd *crowd = data;
	const struct limit_caller caller = user("ann");
	unsigned retry_after_s;
	struct error err;

	for (unsigned i = 0; i < 2000; i++) {
		const size_t bytes = 1 + i % 700;

		if (limiter_admit(crowd->limiter, &caller, SECOND, &retry_after_s, &err))
			crowd->admitted++;
		limiter_spend(crowd->limiter, &caller, 1, SECOND);
		if (!budget_take(&crowd->budget, bytes))
			continue;
		if (crowd->budget.used > crowd->budget.max)
			abort();
		if (crowd->budget.used > crowd->most)
			crowd->most = crowd->budget.used;
		budget_give(&crowd->budget, bytes);
	}
	return NULL;
}

static void test_threads(void **state)
{
	const struct limit limit = {.key = LIMIT_USER, .calls = 3000, .tokens = 1000000};
	struct crowd crowd = {.limiter = limiter_new(), .budget = {.max = 1000}};
	pthread_t threads[4];

	limiter_set(crowd.limiter, &limit, 1);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, call_often, &crowd);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(crowd.admitted, 3000);
	assert_int_equal(crowd.budget.used, 0);
	assert_true(crowd.most >= 700);
	limiter_unref(crowd.limiter);
}

static void test_budget(void **state)
{
	struct budget budget = {.max = 100};

	assert_true(budget_take(&budget, 60));
	assert_false(budget_take(&budget, 41));
	assert_false(budget_take(&budget, SIZE_MAX));
	assert_true(budget_take(&budget, 40));
	assert_false(budget_take(&budget, 1));
	assert_true(budget_take(&budget, 0));
	budget_give(&budget, 60);
	assert_true(budget_take(&budget, 60));
	assert_int_equal(budget.used, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_who_counts),
		cmocka_unit_test(test_full_group),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_made_up_names),
		cmocka_unit_test(test_window_model),
		cmocka_unit_test(test_limiter_model),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
