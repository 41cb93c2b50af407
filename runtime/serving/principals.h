#pragma once
/*
 * Principals: what each of those that share a default limit has used, by name. Not thread-safe.
 *
 * Invariants: at most `count_max` are remembered; who was not seen for longer than a rate window is forgotten as others
 * come; when there are more than that, the one not seen for longest is. So names that somebody makes up cost bounded
 * memory, and push out who called least recently first.
 */
#include "base/str.h"
#include "serving/rate_window.h"

#include <sys/queue.h>

struct usage {
	struct rate_window calls, tokens;
};

struct principal;
LIST_HEAD(principal_bucket, principal);
TAILQ_HEAD(principal_ages, principal);

struct principals {
	struct principal_bucket *buckets;
	size_t bucket_count, count, count_max; /* buckets: a power of two */
	struct principal_ages ages;            /* first: seen longest ago */
	uint64_t seed;
};

void principals_init(struct principals *principals, size_t count_max);
void principals_done(struct principals *principals);
void principals_clear(struct principals *principals);
/* Never NULL; stays until the next call. A user and a service principal of one name are two. */
struct usage *principals_usage(
	struct principals *principals, struct str name, bool is_service_principal, uint64_t now_ns);
