#pragma once
/*
 * Limiter: how many calls and tokens a minute one endpoint takes, from everybody and from each: Databricks' ai_gateway
 * rate_limits (docs.databricks.com/aws/en/ai-gateway/rate-limits-beta).
 *
 * - endpoint: all traffic. Checked first; nothing else can widen it.
 * - user or service_principal with a principal: that one's own limit.
 * - user_group: what the members of the group share. Who is in several is refused when all of theirs are used up.
 * - user without a principal: what everybody else may, each for himself.
 * Calls and tokens are separate: for each, the first of own limit, groups and default that sets it is the one that counts.
 *
 * Calls are counted when they are admitted, one that is refused here counts nowhere. Tokens are known after the answer: a call is
 * admitted while fewer than the limit were spent, so calls in flight can overshoot it, and what they overshot counts. A
 * minute is a sliding one (rate_window.h).
 *
 * Invariants: thread-safe; at most LIMITER_PRINCIPALS_MAX principals without a limit of their own are remembered, each for
 * little more than a minute after his last call; when there are more, the one not seen for longest is forgotten.
 */
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

enum { LIMITER_LIMITS_MAX = 200, LIMITER_PRINCIPALS_MAX = 4096 };

enum limit_key { LIMIT_ENDPOINT, LIMIT_USER, LIMIT_USER_GROUP, LIMIT_SERVICE_PRINCIPAL };

struct limit {
	enum limit_key key;
	struct str principal;  /* empty: the default for users; of no meaning for LIMIT_ENDPOINT */
	int64_t calls, tokens; /* a minute; -1: not limited */
};

struct limit_caller {
	struct str name; /* empty: nobody in particular, as where there are no tokens */
	bool is_service_principal;
	const struct str *groups;
	size_t group_count;
};

struct limiter;

/* Limits nothing until it is told. Config versions of one endpoint share it. */
struct limiter *limiter_new(void);
struct limiter *limiter_ref(struct limiter *limiter);
void limiter_unref(struct limiter *limiter);
/*
 * Takes the place of all limits. A key and principal that had one keep their counts, whatever the number is now. Several
 * for the same key and principal: the smallest of calls and of tokens. At most LIMITER_LIMITS_MAX.
 */
void limiter_set(struct limiter *limiter, const struct limit *limits, size_t count);

/* Counts the call, or says which limit it exceeds (ERR_RATE_LIMITED) and after how many seconds to come again. */
bool limiter_admit(struct limiter *limiter, const struct limit_caller *caller, uint64_t now_ns,
	unsigned *ret_retry_after_s, struct error *err);
/* What the answer to an admitted call cost. */
void limiter_spend(struct limiter *limiter, const struct limit_caller *caller, uint64_t tokens, uint64_t now_ns);
/* For tests and metrics. */
size_t limiter_principal_count(struct limiter *limiter);
