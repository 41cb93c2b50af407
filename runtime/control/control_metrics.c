/* GET …/metrics: an endpoint's numbers for Prometheus, by the names that Databricks' export has (docs/protocol/DATABRICKS.md 1.9): gauges
 * of the last minute, whose names end in _total there, and histograms since the start. */
#include "control/control.h"

#include "base/clock.h"
#include "serving/exposition.h"

#include <stdio.h>
#include <unistd.h>

struct endpoint_metrics {
	struct exposition exposition;
	const struct endpoint *endpoint;
	const char **labels; /* of each entity */
};

/* ---- gauges ---- */

static double memory_percent(void)
{
	const double machine = (double)sysconf(_SC_PHYS_PAGES);
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL) {
		if (fscanf(file, "%*s %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return machine > 0 ? 100.0 * (double)pages / machine : 0;
}

static void put_process(struct control_call *call, struct endpoint_metrics *metrics)
{
	struct exposition *exposition = &metrics->exposition;
	const char *label = arena_printf(call->arena, "endpoint_name=\"%s\"", metrics->endpoint->name);

	exposition_family(exposition, "cpu_usage_percentage", "gauge",
		"Processors used by the whole server in the last minute.");
	exposition_sample(exposition, "cpu_usage_percentage", label, deployer_cpu_percent(call->control->deployer));
	exposition_family(exposition, "mem_usage_percentage", "gauge", "Memory used by the whole server.");
	exposition_sample(exposition, "mem_usage_percentage", label, memory_percent());
}

static void put_minute(struct endpoint_metrics *metrics)
{
	static const struct {
		const char *name, *help;
	} GAUGES[MINUTE_VALUES] = {
		{"request_count_total", "Requests in the last minute."},
		{"request_4xx_count_total", "Of them answered with 4xx."},
		{"request_5xx_count_total", "Of them answered with 5xx."},
	};

	for (unsigned v = 0; v < MINUTE_VALUES; v++) {
		exposition_family(&metrics->exposition, GAUGES[v].name, "gauge", GAUGES[v].help);
		for (size_t i = 0; i < metrics->endpoint->entity_count; i++) {
			const struct entity_stats *stats = metrics->endpoint->entities[i].stats;
			uint64_t values[MINUTE_VALUES], growth[MINUTE_VALUES];

			entity_stats_minute_values(stats, values);
			stats_growth(&stats->minute, clock_ms(), values, growth);
			exposition_sample(&metrics->exposition, GAUGES[v].name, metrics->labels[i], (double)growth[v]);
		}
	}
}

static void put_slots(struct endpoint_metrics *metrics)
{
	const char *name = "provisioned_concurrent_requests_total";

	exposition_family(&metrics->exposition, name, "gauge", "Requests that run at once; more wait or are refused.");
	for (size_t i = 0; i < metrics->endpoint->entity_count; i++)
		exposition_sample(
			&metrics->exposition, name, metrics->labels[i], metrics->endpoint->entities[i].slots);
}

/* ---- histograms ---- */

static void put_histograms(struct endpoint_metrics *metrics)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} HISTOGRAMS[] = {
		{"request_latency_ms", "From a request's first byte to its answer.",
			offsetof(struct entity_counts, requests)},
		{"model_prediction_latency_ms", "The time of its rows alone.", offsetof(struct entity_counts, model)},
		{"model_queue_time_ms", "The wait for a free place.", offsetof(struct entity_counts, queue)},
	};

	for (size_t h = 0; h < sizeof(HISTOGRAMS) / sizeof(*HISTOGRAMS); h++) {
		exposition_family(&metrics->exposition, HISTOGRAMS[h].name, "histogram", HISTOGRAMS[h].help);
		for (size_t i = 0; i < metrics->endpoint->entity_count; i++) {
			struct entity_counts total;

			entity_stats_total(metrics->endpoint->entities[i].stats, &total);
			exposition_histogram(&metrics->exposition, HISTOGRAMS[h].name, metrics->labels[i],
				(const struct stats_requests *)((const char *)&total + HISTOGRAMS[h].offset), 1000);
		}
	}
}

/* ---- the call ---- */

/* Names are checked when they are made: nothing in them needs an escape. */
static const char **labels_of(struct control_call *call, const struct endpoint *endpoint)
{
	const char **labels = arena_array(call->arena, endpoint->entity_count + 1, sizeof(*labels));

	for (size_t i = 0; i < endpoint->entity_count; i++) {
		const struct entity *entity = &endpoint->entities[i];

		labels[i] = arena_printf(call->arena,
			"endpoint_name=\"%s\",served_entity_name=\"%s\",served_model_name=\"%s\",entity_version=\"%s\"",
			endpoint->name, entity->name, entity->name, entity->version);
	}
	return labels;
}

static void put_all(struct control_call *call, const struct endpoint *endpoint)
{
	struct endpoint_metrics metrics = {
		.exposition = {&call->text, exposition_wants_openmetrics(call->accept)},
		.endpoint = endpoint,
		.labels = labels_of(call, endpoint),
	};

	put_process(call, &metrics);
	put_minute(&metrics);
	put_slots(&metrics);
	put_histograms(&metrics);
	exposition_end(&metrics.exposition);
	call->content_type = exposition_content_type(&metrics.exposition);
}

static bool run_metrics(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err))
		return false;
	struct endpoint *endpoint = serving_get(call->control->serving, row.name);
	if (endpoint == NULL)
		return error_set(err, ERR_UNAVAILABLE, "endpoint '%.*s' is being made", STR_ARGS(row.name));
	put_all(call, endpoint);
	endpoint_unref(endpoint);
	return true;
}

const struct control_rpc control_metrics[] = {
	CONTROL_RPC("GET", "serving-endpoints/{name}/metrics", PERMISSION_VIEW, run_metrics, DB_READ,
		"its numbers for Prometheus; OpenMetrics by Accept", NULL),
	{0},
};
