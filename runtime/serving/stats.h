#pragma once
/*
 * Stats: counters of requests, written by one thread each and read by any (relaxed atomics: no lock, no shared cache
 * line on the hot path); whoever reads adds the threads up. A set a route of the server, and a set a served entity.
 */
#include "async/gate.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { STATS_STATUSES = 20, STATS_BUCKETS = 19 };

/* HTTP statuses told apart; the last one, 0, is any other. Upper bounds of the histograms' buckets in seconds; one more
 * bucket, +Inf, follows. */
extern const int stats_statuses[STATS_STATUSES];
extern const double stats_buckets[STATS_BUCKETS];

struct stats_requests {
	_Atomic uint64_t by_status[STATS_STATUSES];
	_Atomic uint64_t buckets[STATS_BUCKETS + 1];
	_Atomic uint64_t sum_ns;
};
void stats_answered(struct stats_requests *stats, int status, uint64_t elapsed_ns);

static inline void stats_add(_Atomic uint64_t *counter, uint64_t value)
{
	/* Single writer: a load and a store are enough, and cheaper than a locked add. */
	atomic_store_explicit(
		counter, atomic_load_explicit(counter, memory_order_relaxed) + value, memory_order_relaxed);
}

static inline uint64_t stats_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

enum stats_counter {
	STATS_ROWS,
	STATS_ROWS_FAILED,
	STATS_MODEL_CALLS,
	STATS_INPUT_TOKENS,
	STATS_OUTPUT_TOKENS,
	STATS_COST_MICROUSD,
	STATS_SHADOWED, /* requests that it was asked as a shadow */
	STATS_COUNTER_COUNT
};

/* What one worker counts of one served entity. */
struct entity_counts {
	struct stats_requests requests; /* from the request's first byte to its answer */
	struct stats_requests model;    /* the time of its rows alone */
	struct stats_requests queue;    /* the wait for a free place */
	_Atomic uint64_t counters[STATS_COUNTER_COUNT];
};

/* What outlives a config version of a served entity: all workers' counts, and the gate in front of it. Shared by the config
 * versions that serve the same version under the same name, so that counts go on and an update admits no one twice. */
struct entity_stats {
	char *entity, *model, *version;
	_Atomic int references;
	struct gate *gate; /* requests at once, and the queue in front */
	unsigned worker_count;
	struct entity_counts by_worker[];
};
struct entity_stats *entity_stats_new(unsigned worker_count, const struct gate_limits *limits, const char *entity,
	const char *model, const char *version);
struct entity_stats *entity_stats_ref(struct entity_stats *stats);
void entity_stats_unref(struct entity_stats *stats);
/* The sum over all workers of what lies `offset` bytes into struct entity_counts. */
uint64_t entity_stats_sum(const struct entity_stats *stats, size_t offset);
