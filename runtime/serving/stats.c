#include "serving/stats.h"

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
	free(stats);
}

uint64_t entity_stats_sum(const struct entity_stats *stats, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < stats->worker_count; i++)
		sum += stats_read((const _Atomic uint64_t *)((const char *)&stats->by_worker[i] + offset));
	return sum;
}
