#pragma once
/*
 * Stats: counters of requests, written by one thread each and read by any (relaxed atomics: no lock, no shared cache
 * line on the hot path); whoever reads adds the threads up. A set a route of the server, and a set a served entity.
 */
#include "async/gate.h"
#include "base/error.h"

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
	_Atomic uint64_t errors[ERR_COUNT];     /* requests that failed, by why */
	_Atomic uint64_t row_errors[ERR_COUNT]; /* rows that did, of requests that went on */
};

/*
 * The last minute of numbers that only grow: one thread ticks every second or so, any thread asks how much they grew.
 * Steps of 5 seconds.
 */
enum { MINUTE_SLOTS = 13, MINUTE_VALUES = 3 };
struct stats_minute {
	_Atomic int64_t steps[MINUTE_SLOTS]; /* which step the slot is of; 0: none */
	_Atomic uint64_t values[MINUTE_SLOTS][MINUTE_VALUES];
};
void stats_tick(struct stats_minute *minute, int64_t now_ms, const uint64_t values[static MINUTE_VALUES]);
/* By how much `values` are more than a minute ago, or than at the first tick. */
void stats_growth(const struct stats_minute *minute, int64_t now_ms, const uint64_t values[static MINUTE_VALUES],
	uint64_t ret[static MINUTE_VALUES]);

struct entity_log;

/* What outlives a config version of a served entity: all workers' counts, and the gate in front of it. Shared by the config
 * versions that serve the same version under the same name, so that counts go on and an update admits no one twice. */
struct entity_stats {
	char *entity, *model, *version;
	_Atomic int references;
	struct gate *gate; /* requests at once, and the queue in front */
	unsigned worker_count;
	struct entity_log *log;
	struct stats_minute minute; /* requests, those answered 4xx, those answered 5xx */
	struct entity_counts by_worker[];
};
struct entity_stats *entity_stats_new(unsigned worker_count, const struct gate_limits *limits, const char *entity,
	const char *model, const char *version);
struct entity_stats *entity_stats_ref(struct entity_stats *stats);
void entity_stats_unref(struct entity_stats *stats);
/* The whole of it, added up: struct entity_counts is nothing but counters. */
void entity_stats_total(const struct entity_stats *stats, struct entity_counts *ret);
/* Adds `more` to `sum`, whose thread it is. */
void entity_counts_add(struct entity_counts *sum, const struct entity_counts *more);
uint64_t stats_requests_count(const struct stats_requests *stats);
/* Of the statuses from `from` to before `to`. */
uint64_t stats_requests_status(const struct stats_requests *stats, int from, int to);
/* What `minute` is ticked with. */
void entity_stats_minute_values(const struct entity_stats *stats, uint64_t ret[static MINUTE_VALUES]);
