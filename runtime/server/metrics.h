#pragma once
/*
 * Metrics: counters of one worker, written by its thread alone and read by any (relaxed atomics: no
 * lock, no shared cache line on the hot path); a scrape adds the workers up. Names and help texts:
 * the tables in metrics.c.
 */
#include "base/str.h"
#include "serving/stats.h"

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
	METRICS_SERVING,
	METRICS_CONTROL,
	METRICS_ACCESS,
	METRICS_COMPLETIONS,
	METRICS_MODELS,
	METRICS_REGISTRY,
	METRICS_ARTIFACTS,
	METRICS_LABEL_COUNT
};

struct metrics {
	struct stats_requests routes[METRICS_LABEL_COUNT];
	_Atomic uint64_t counters[METRIC_COUNTER_COUNT];
};

static inline void metrics_add(
	struct metrics *metrics, enum metrics_counter counter, uint64_t value)
{
	stats_add(&metrics->counters[counter], value);
}

struct server;
/* Appends the whole exposition: Prometheus text format 0.0.4, or OpenMetrics 1.0 with its "# EOF".
 */
void metrics_expose(struct buf *out, const struct server *server, bool is_openmetrics);
