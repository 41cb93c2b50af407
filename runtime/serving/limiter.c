/*
 * A configured limit has its counts beside it, those of the default are in a table of principals.
 * One lock: it is held for a few additions.
 *
 * admit: for calls and tokens, which rules bind this caller ── is there room? ──▶ count the call │
 * refuse
 */
#include "serving/limiter.h"

#include "serving/principals.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum unit { CALLS, TOKENS, UNIT_COUNT };

/* The ways to limit a caller, the one that decides first. */
enum strength { OWN, GROUP, DEFAULT, NONE };

struct rule {
	enum limit_key key;
	char *principal; /* NULL: none */
	int64_t most[UNIT_COUNT];
	struct usage usage;
};

struct limiter {
	_Atomic int references;
	pthread_mutex_t lock;
	struct rule *rules;
	size_t rule_count;
	struct principals principals; /* of the users' default */
};

struct account {
	const struct rule *rule;
	struct rate_window *window; /* NULL: there is no such limit */
};

/* What one call counts against in one unit. */
struct binding {
	struct account endpoint;
	struct account caller[LIMITER_LIMITS_MAX]; /* several are groups: room in one is enough */
	size_t caller_count;
};

static void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

struct limiter *limiter_new(void)
{
	struct limiter *limiter = must(calloc(1, sizeof(*limiter)));

	if (pthread_mutex_init(&limiter->lock, NULL) != 0)
		abort();
	principals_init(&limiter->principals, LIMITER_PRINCIPALS_MAX);
	limiter->references = 1;
	return limiter;
}

static void rules_free(struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(rules[i].principal);
	free(rules);
}

struct limiter *limiter_ref(struct limiter *limiter)
{
	atomic_fetch_add_explicit(&limiter->references, 1, memory_order_relaxed);
	return limiter;
}

void limiter_unref(struct limiter *limiter)
{
	if (limiter == NULL ||
		atomic_fetch_sub_explicit(&limiter->references, 1, memory_order_acq_rel) > 1)
		return;
	principals_done(&limiter->principals);
	rules_free(limiter->rules, limiter->rule_count);
	pthread_mutex_destroy(&limiter->lock);
	free(limiter);
}

static struct rule *find_rule(
	struct rule *rules, size_t count, enum limit_key key, struct str principal)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].key == key && str_is(principal, rules[i].principal))
			return &rules[i];
	return NULL;
}

static void lower(int64_t *most, int64_t limit)
{
	if (limit >= 0 && (*most < 0 || limit < *most))
		*most = limit;
}

/* One rule a key and principal, without counts. */
static size_t merge(const struct limit *limits, size_t count, struct rule *rules)
{
	size_t merged = 0;

	for (size_t i = 0; i < count; i++) {
		const struct limit *limit = &limits[i];
		const struct str principal =
			limit->key == LIMIT_ENDPOINT ? (struct str){0} : limit->principal;
		struct rule *rule = find_rule(rules, merged, limit->key, principal);

		if (rule == NULL) {
			rule = &rules[merged++];
			*rule = (struct rule){.key = limit->key, .most = {-1, -1}};
			if (principal.len > 0)
				rule->principal = must(strndup(principal.data, principal.len));
		}
		lower(&rule->most[CALLS], limit->calls);
		lower(&rule->most[TOKENS], limit->tokens);
	}
	return merged;
}

void limiter_set(struct limiter *limiter, const struct limit *limits, size_t count)
{
	assert(count <= LIMITER_LIMITS_MAX);

	struct rule *rules = must(calloc(count > 0 ? count : 1, sizeof(*rules)));
	const size_t merged = merge(limits, count, rules);

	pthread_mutex_lock(&limiter->lock);

	struct rule *old = limiter->rules;
	const size_t old_count = limiter->rule_count;

	for (size_t i = 0; i < merged; i++) {
		const struct rule *before =
			find_rule(old, old_count, rules[i].key, str_of(rules[i].principal));

		if (before != NULL)
			rules[i].usage = before->usage;
	}
	if (find_rule(rules, merged, LIMIT_USER, (struct str){0}) == NULL)
		principals_clear(&limiter->principals);
	limiter->rules = rules;
	limiter->rule_count = merged;
	pthread_mutex_unlock(&limiter->lock);
	rules_free(old, old_count);
}

static bool is_member(const struct limit_caller *caller, const char *group)
{
	for (size_t i = 0; i < caller->group_count; i++)
		if (str_is(caller->groups[i], group))
			return true;
	return false;
}

static enum strength strength_of(const struct rule *rule, const struct limit_caller *caller)
{
	switch (rule->key) {
	case LIMIT_ENDPOINT:
		return NONE;
	case LIMIT_USER_GROUP:
		return is_member(caller, rule->principal) ? GROUP : NONE;
	case LIMIT_USER:
	case LIMIT_SERVICE_PRINCIPAL:
		break;
	}
	if (rule->principal == NULL)
		return DEFAULT;

	const bool is_of_kind =
		caller->is_service_principal == (rule->key == LIMIT_SERVICE_PRINCIPAL);

	return is_of_kind && str_is(caller->name, rule->principal) ? OWN : NONE;
}

static struct rate_window *window_of(struct usage *usage, enum unit unit)
{
	return unit == CALLS ? &usage->calls : &usage->tokens;
}

/* `ret_own`: of who falls under the default, once it was looked up. */
static struct account account_of(struct limiter *limiter, struct rule *rule,
	const struct limit_caller *caller, enum unit unit, uint64_t now_ns, struct usage **ret_own)
{
	if (rule->key != LIMIT_USER || rule->principal != NULL)
		return (struct account){rule, window_of(&rule->usage, unit)};
	if (*ret_own == NULL)
		*ret_own = principals_usage(
			&limiter->principals, caller->name, caller->is_service_principal, now_ns);
	return (struct account){rule, window_of(*ret_own, unit)};
}

static void bind_caller(struct limiter *limiter, const struct limit_caller *caller, enum unit unit,
	uint64_t now_ns, struct usage **ret_own, struct binding *ret)
{
	enum strength strongest = NONE;
	struct rule *rules[LIMITER_LIMITS_MAX];

	ret->endpoint = (struct account){0};
	ret->caller_count = 0;
	for (size_t i = 0; i < limiter->rule_count; i++) {
		struct rule *rule = &limiter->rules[i];

		if (rule->most[unit] < 0)
			continue;
		if (rule->key == LIMIT_ENDPOINT) {
			ret->endpoint = (struct account){rule, window_of(&rule->usage, unit)};
			continue;
		}

		const enum strength strength = strength_of(rule, caller);

		if (strength == NONE || strength > strongest)
			continue;
		if (strength < strongest)
			ret->caller_count = 0;
		strongest = strength;
		rules[ret->caller_count++] = rule;
	}
	for (size_t i = 0; i < ret->caller_count; i++)
		ret->caller[i] = account_of(limiter, rules[i], caller, unit, now_ns, ret_own);
}

static uint64_t most_of(const struct account *account, enum unit unit)
{
	return (uint64_t)account->rule->most[unit];
}

static bool has_room(const struct account *account, enum unit unit, uint64_t now_ns)
{
	return rate_window_sum(account->window, now_ns) < most_of(account, unit);
}

static bool refuse(const struct account *account, enum unit unit, uint64_t now_ns,
	unsigned *ret_retry_after_s, struct error *err)
{
	static const char *const WHOSE[] = {"this endpoint", "user", "group", "service principal"};
	static const char *const UNITS[] = {"calls", "tokens"};
	const struct rule *rule = account->rule;
	const char *name = rule->principal;

	*ret_retry_after_s = rate_window_wait_s(account->window, most_of(account, unit), now_ns);
	if (rule->key == LIMIT_USER && name == NULL)
		return error_set(err, ERR_RATE_LIMITED,
			"rate limit of %lld %s a minute for each user is used up: come again in %u s",
			(long long)rule->most[unit], UNITS[unit], *ret_retry_after_s);
	return error_set(err, ERR_RATE_LIMITED,
		"rate limit of %lld %s a minute for %s%s%s%s is used up: come again in %u s",
		(long long)rule->most[unit], UNITS[unit], WHOSE[rule->key],
		name != NULL ? " '" : "", name != NULL ? name : "", name != NULL ? "'" : "",
		*ret_retry_after_s);
}

/* The account that refuses the call; NULL: none does. Of groups the one that has room again first.
 */
static const struct account *find_full(
	const struct binding *binding, enum unit unit, uint64_t now_ns)
{
	const struct account *soonest = NULL;
	unsigned wait_s = 0;

	if (binding->endpoint.window != NULL && !has_room(&binding->endpoint, unit, now_ns))
		return &binding->endpoint;
	for (size_t i = 0; i < binding->caller_count; i++) {
		const struct account *account = &binding->caller[i];

		if (has_room(account, unit, now_ns))
			return NULL;

		const unsigned wait =
			rate_window_wait_s(account->window, most_of(account, unit), now_ns);

		if (soonest != NULL && wait >= wait_s)
			continue;
		soonest = account;
		wait_s = wait;
	}
	return soonest;
}

static void count_call(const struct binding *binding, uint64_t now_ns)
{
	if (binding->endpoint.window != NULL)
		rate_window_add(binding->endpoint.window, 1, now_ns);
	for (size_t i = 0; i < binding->caller_count; i++)
		if (has_room(&binding->caller[i], CALLS, now_ns))
			rate_window_add(binding->caller[i].window, 1, now_ns);
}

bool limiter_admit(struct limiter *limiter, const struct limit_caller *caller, uint64_t now_ns,
	unsigned *ret_retry_after_s, struct error *err)
{
	struct binding calls, tokens;
	struct usage *own = NULL;
	bool is_admitted = false;

	pthread_mutex_lock(&limiter->lock);
	bind_caller(limiter, caller, CALLS, now_ns, &own, &calls);
	bind_caller(limiter, caller, TOKENS, now_ns, &own, &tokens);

	const struct account *full_calls = find_full(&calls, CALLS, now_ns);
	const struct account *full_tokens = find_full(&tokens, TOKENS, now_ns);

	if (full_calls != NULL)
		refuse(full_calls, CALLS, now_ns, ret_retry_after_s, err);
	else if (full_tokens != NULL)
		refuse(full_tokens, TOKENS, now_ns, ret_retry_after_s, err);
	else
		is_admitted = true;
	if (is_admitted)
		count_call(&calls, now_ns);
	pthread_mutex_unlock(&limiter->lock);
	return is_admitted;
}

void limiter_spend(struct limiter *limiter, const struct limit_caller *caller, uint64_t tokens,
	uint64_t now_ns)
{
	struct binding binding;
	struct usage *own = NULL;

	pthread_mutex_lock(&limiter->lock);
	bind_caller(limiter, caller, TOKENS, now_ns, &own, &binding);
	if (binding.endpoint.window != NULL)
		rate_window_add(binding.endpoint.window, tokens, now_ns);
	for (size_t i = 0; i < binding.caller_count; i++)
		rate_window_add(binding.caller[i].window, tokens, now_ns);
	pthread_mutex_unlock(&limiter->lock);
}

size_t limiter_principal_count(struct limiter *limiter)
{
	pthread_mutex_lock(&limiter->lock);

	const size_t count = limiter->principals.count;

	pthread_mutex_unlock(&limiter->lock);
	return count;
}
