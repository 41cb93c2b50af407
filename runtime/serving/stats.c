#include "serving/stats.h"

#include "serving/entity_log.h"

#include <stdlib.h>
#include <string.h>

const int stats_statuses[STATS_STATUSES] = {200, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 499, 500,
	501, 502, 503, 504, 0};
const double stats_buckets[STATS_BUCKETS] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
	0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};

void stats_answered(struct stats_requests *stats, int status, uint64_t elapsed_ns)
{
	const double seconds = (double)elapsed_ns * 1e-9;
	unsigned s = 0, b = 0;

	while (s < STATS_STATUSES - 1 && stats_statuses[s] != status)
		s++;
	while (b < STATS_BUCKETS && seconds > stats_buckets[b])
		b++;
	stats_add(&stats->by_status[s], 1);
	stats_add(&stats->buckets[b], 1);
	stats_add(&stats->sum_ns, elapsed_ns);
}

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

struct entity_stats *entity_stats_new(unsigned worker_count, const struct gate_limits *limits, const char *entity,
	const char *model, const char *version)
{
	struct entity_stats *stats = calloc(1, sizeof(*stats) + worker_count * sizeof(stats->by_worker[0]));

	if (stats == NULL)
		abort();
	stats->entity = copy_of(entity);
	stats->model = copy_of(model);
	stats->version = copy_of(version);
	stats->references = 1;
	stats->gate = gate_new(limits);
	stats->worker_count = worker_count;
	stats->log = entity_log_new(worker_count);
	return stats;
}

struct entity_stats *entity_stats_ref(struct entity_stats *stats)
{
	atomic_fetch_add_explicit(&stats->references, 1, memory_order_relaxed);
	return stats;
}

void entity_stats_unref(struct entity_stats *stats)
{
	if (stats == NULL || atomic_fetch_sub_explicit(&stats->references, 1, memory_order_acq_rel) > 1)
		return;
	gate_free(stats->gate);
	free(stats->entity);
	free(stats->model);
	free(stats->version);
	entity_log_free(stats->log);
	free(stats);
}

/* ---- adding up ---- */

enum { COUNTERS = sizeof(struct entity_counts) / sizeof(_Atomic uint64_t) };
_Static_assert(sizeof(struct entity_counts) % sizeof(_Atomic uint64_t) == 0, "nothing but counters");

void entity_counts_add(struct entity_counts *sum, const struct entity_counts *more)
{
	_Atomic uint64_t *to = (_Atomic uint64_t *)sum;
	const _Atomic uint64_t *from = (const _Atomic uint64_t *)more;

	for (size_t i = 0; i < COUNTERS; i++)
		stats_add(&to[i], stats_read(&from[i]));
}

void entity_stats_total(const struct entity_stats *stats, struct entity_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < stats->worker_count; i++)
		entity_counts_add(ret, &stats->by_worker[i]);
}

uint64_t stats_requests_count(const struct stats_requests *stats)
{
	uint64_t sum = 0;

	for (unsigned b = 0; b <= STATS_BUCKETS; b++)
		sum += stats_read(&stats->buckets[b]);
	return sum;
}

uint64_t stats_requests_status(const struct stats_requests *stats, int from, int to)
{
	uint64_t sum = 0;

	for (unsigned s = 0; s < STATS_STATUSES; s++)
		if (stats_statuses[s] >= from && stats_statuses[s] < to)
			sum += stats_read(&stats->by_status[s]);
	return sum;
}

void entity_stats_minute_values(const struct entity_stats *stats, uint64_t ret[static MINUTE_VALUES])
{
	memset(ret, 0, MINUTE_VALUES * sizeof(*ret));
	for (unsigned i = 0; i < stats->worker_count; i++) {
		const struct stats_requests *requests = &stats->by_worker[i].requests;

		ret[0] += stats_requests_count(requests);
		ret[1] += stats_requests_status(requests, 400, 500);
		ret[2] += stats_requests_status(requests, 500, 600);
	}
}

/* ---- the last minute ---- */

enum { STEP_MS = 5000 };

void stats_tick(struct stats_minute *minute, int64_t now_ms, const uint64_t values[static MINUTE_VALUES])
{
	const int64_t step = now_ms / STEP_MS + 1;
	const unsigned slot = (unsigned)(step % MINUTE_SLOTS);

	/* What a step began with. */
	if (atomic_load_explicit(&minute->steps[slot], memory_order_relaxed) == step)
		return;
	for (unsigned v = 0; v < MINUTE_VALUES; v++)
		atomic_store_explicit(&minute->values[slot][v], values[v], memory_order_relaxed);
	atomic_store_explicit(&minute->steps[slot], step, memory_order_release);
}

void stats_growth(const struct stats_minute *minute, int64_t now_ms, const uint64_t values[static MINUTE_VALUES],
	uint64_t ret[static MINUTE_VALUES])
{
	const int64_t step = now_ms / STEP_MS + 1;

	memcpy(ret, values, MINUTE_VALUES * sizeof(*ret));
	/* The oldest slot that is still within the minute. */
	for (int64_t back = MINUTE_SLOTS - 1; back >= 0; back--) {
		const unsigned slot = (unsigned)((step - back + MINUTE_SLOTS) % MINUTE_SLOTS);

		if (atomic_load_explicit(&minute->steps[slot], memory_order_acquire) != step - back)
			continue;
		for (unsigned v = 0; v < MINUTE_VALUES; v++) {
			const uint64_t then = atomic_load_explicit(&minute->values[slot][v], memory_order_relaxed);

			ret[v] = values[v] > then ? values[v] - then : 0;
		}
		return;
	}
}
