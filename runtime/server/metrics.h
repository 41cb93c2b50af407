#pragma once
/*
 * Metrics: counters of one worker, written by its thread alone and read by any (relaxed atomics: no
 * lock, no shared cache line on the hot path); a scrape adds the workers up. Names and help texts:
 * the tables in metrics.c.
 */
#include "base/str.h"

#include <stdatomic.h>
#include <stdint.h>

enum metrics_counter {
	METRIC_ROWS,
	METRIC_ROWS_FAILED,
	METRIC_MODEL_CALLS,
	METRIC_MODEL_CALLS_UNREPORTED,
	METRIC_MODEL_CALLS_UNPRICED,
	METRIC_MODEL_RETRIES,
	METRIC_TOOL_CALLS,
	METRIC_INPUT_TOKENS,
	METRIC_CACHED_TOKENS,
	METRIC_OUTPUT_TOKENS,
	METRIC_REASONING_TOKENS,
	METRIC_COST_MICROUSD,
	METRIC_COUNTER_COUNT
};

/* What requests are told apart by: a label each. Routes that are the same by another path share one. */
enum metrics_label {
	METRICS_NO_ROUTE,
	METRICS_PING,
	METRICS_HEALTH,
	METRICS_VERSION,
	METRICS_METRICS,
	METRICS_INVOCATIONS,
	METRICS_COMPLETIONS,
	METRICS_MODELS,
	METRICS_REGISTRY,
	METRICS_ARTIFACTS,
	METRICS_LABEL_COUNT
};

enum { METRICS_STATUSES = 20, METRICS_BUCKETS = 19 };

struct metrics_route {
	_Atomic uint64_t by_status[METRICS_STATUSES];
	_Atomic uint64_t buckets[METRICS_BUCKETS + 1]; /* the last one is +Inf */
	_Atomic uint64_t sum_ns;
};

struct metrics {
	struct metrics_route routes[METRICS_LABEL_COUNT];
	_Atomic uint64_t counters[METRIC_COUNTER_COUNT];
};

void metrics_answered(struct metrics *metrics, enum metrics_label label, int status, uint64_t elapsed_ns);

static inline void metrics_add(
	struct metrics *metrics, enum metrics_counter counter, uint64_t value)
{
	/* Single writer: a load and a store are enough, and cheaper than a locked add. */
	const uint64_t now =
		atomic_load_explicit(&metrics->counters[counter], memory_order_relaxed);

	atomic_store_explicit(&metrics->counters[counter], now + value, memory_order_relaxed);
}

struct server;
/* Appends the whole exposition: Prometheus text format 0.0.4, or OpenMetrics 1.0 with its "# EOF".
 */
void metrics_expose(struct buf *out, const struct server *server, bool is_openmetrics);
