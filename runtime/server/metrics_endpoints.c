#include "server/metrics_endpoints.h"

#include <stdio.h>
#include <stdlib.h>

struct series {
	const char *labels;
	struct entity_counts counts;
	struct gate_state gate;
};

struct all_series {
	const struct exposition *exposition;
	struct arena arena;
	struct series *list;
	size_t count;
};

/* ---- what there is ---- */

struct asked {
	const struct endpoint *endpoint;
	const struct entity *entity;
};

static bool was_asked(const struct entity *entity)
{
	uint64_t values[MINUTE_VALUES], shadowed = 0;

	entity_stats_minute_values(entity->stats, values);
	for (unsigned i = 0; i < entity->stats->worker_count; i++)
		shadowed += stats_read(&entity->stats->by_worker[i].counters[STATS_SHADOWED]);
	return values[0] + shadowed > 0;
}

static int by_name(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;
	const int order = strcmp(x->endpoint->name, y->endpoint->name);

	return order != 0 ? order : strcmp(x->entity->name, y->entity->name);
}

static size_t list_asked(struct serving *serving, struct arena *arena, struct asked **ret)
{
	struct endpoint **endpoints;
	const size_t count = serving_list(serving, arena, &endpoints);
	size_t most = 0, found = 0;

	for (size_t i = 0; i < count; i++)
		most += endpoints[i]->entity_count;
	struct asked *list = arena_array(arena, most + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < endpoints[i]->entity_count; j++)
			if (was_asked(&endpoints[i]->entities[j]))
				list[found++] = (struct asked){endpoints[i], &endpoints[i]->entities[j]};
	qsort(list, found, sizeof(*list), by_name);
	*ret = list;
	return found;
}

static void add_series(struct series *series, const struct asked *asked, const char *labels)
{
	struct entity_counts counts;

	entity_stats_total(asked->entity->stats, &counts);
	entity_counts_add(&series->counts, &counts);
	const struct gate_state gate = gate_state(asked->entity->stats->gate);
	series->gate.in_use += gate.in_use;
	series->gate.queued += gate.queued;
	series->gate.is_overloaded |= gate.is_overloaded;
	series->labels = labels;
}

/* Names are checked when they are made: nothing in them needs an escape. */
static void collect(struct all_series *all, struct serving *serving)
{
	struct asked *asked;
	const size_t count = list_asked(serving, &all->arena, &asked);

	all->list = arena_zalloc(&all->arena, (METRICS_ENTITIES_MAX + 1) * sizeof(*all->list));
	for (size_t i = 0; i < count && i < METRICS_ENTITIES_MAX; i++)
		add_series(&all->list[all->count++], &asked[i],
			arena_printf(&all->arena, "endpoint=\"%s\",served_entity=\"%s\",entity_version=\"%s\"",
				asked[i].endpoint->name, asked[i].entity->name, asked[i].entity->version));
	for (size_t i = METRICS_ENTITIES_MAX; i < count; i++)
		add_series(&all->list[METRICS_ENTITIES_MAX], &asked[i],
			"endpoint=\"_other\",served_entity=\"_other\",entity_version=\"\"");
	if (count > METRICS_ENTITIES_MAX)
		all->count++;
}

/* ---- what is told of them ---- */

static void put_labelled(struct all_series *all, const char *name, const struct series *series, const char *label,
	const char *value, uint64_t number)
{
	if (number > 0)
		buf_printf(all->exposition->out, "%s{%s,%s=\"%s\"} %lu\n", name, series->labels, label, value, number);
}

static void put_requests(struct all_series *all)
{
	exposition_family(all->exposition, "sluice_endpoint_requests", "counter", "Requests answered, by status.");
	for (size_t i = 0; i < all->count; i++) {
		for (unsigned s = 0; s < STATS_STATUSES; s++) {
			char status[16] = "other";

			if (stats_statuses[s] != 0)
				snprintf(status, sizeof(status), "%d", stats_statuses[s]);
			put_labelled(all, "sluice_endpoint_requests_total", &all->list[i], "code", status,
				stats_read(&all->list[i].counts.requests.by_status[s]));
		}
	}
}

static void put_errors(struct all_series *all, const char *name, const char *help, size_t offset)
{
	exposition_family(all->exposition, name, "counter", help);
	for (size_t i = 0; i < all->count; i++) {
		const _Atomic uint64_t *errors =
			(const _Atomic uint64_t *)((const char *)&all->list[i].counts + offset);

		for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
			put_labelled(all, arena_printf(&all->arena, "%s_total", name), &all->list[i], "type",
				error_info((enum error_code)code)->name, stats_read(&errors[code]));
	}
}

static void put_counters(struct all_series *all)
{
	static const struct {
		const char *name, *help;
		double scale;
	} COUNTERS[STATS_COUNTER_COUNT] = {
		[STATS_ROWS] = {"sluice_endpoint_rows", "Rows received that fit the signature.", 1},
		[STATS_ROWS_FAILED] = {"sluice_endpoint_rows_failed", "Rows that ended with an error.", 1},
		[STATS_MODEL_CALLS] = {"sluice_endpoint_model_calls", "Calls that language models answered.", 1},
		[STATS_INPUT_TOKENS] = {"sluice_endpoint_input_tokens", "Prompt tokens that models reported.", 1},
		[STATS_OUTPUT_TOKENS] = {"sluice_endpoint_output_tokens", "Completion tokens that models reported.", 1},
		[STATS_COST_MICROUSD] = {"sluice_endpoint_cost_usd", "Cost by the configured prices, for graphs only.", 1e-6},
		[STATS_SHADOWED] = {"sluice_endpoint_shadowed", "Requests of others that it was shown.", 1},
	};

	for (unsigned c = 0; c < STATS_COUNTER_COUNT; c++) {
		const char *name = arena_printf(&all->arena, "%s_total", COUNTERS[c].name);

		exposition_family(all->exposition, COUNTERS[c].name, "counter", COUNTERS[c].help);
		for (size_t i = 0; i < all->count; i++)
			exposition_sample(all->exposition, name, all->list[i].labels,
				(double)stats_read(&all->list[i].counts.counters[c]) * COUNTERS[c].scale);
	}
}

static void put_histograms(struct all_series *all)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} HISTOGRAMS[] = {
		{"sluice_endpoint_request_duration_seconds", "From a request's first byte to its answer.",
			offsetof(struct entity_counts, requests)},
		{"sluice_endpoint_model_duration_seconds", "The time of its rows alone.",
			offsetof(struct entity_counts, model)},
		{"sluice_endpoint_queue_duration_seconds", "The wait for a free place.",
			offsetof(struct entity_counts, queue)},
	};

	for (size_t h = 0; h < sizeof(HISTOGRAMS) / sizeof(*HISTOGRAMS); h++) {
		exposition_family(all->exposition, HISTOGRAMS[h].name, "histogram", HISTOGRAMS[h].help);
		for (size_t i = 0; i < all->count; i++)
			exposition_histogram(all->exposition, HISTOGRAMS[h].name, all->list[i].labels,
				(const struct stats_requests *)((const char *)&all->list[i].counts + HISTOGRAMS[h].offset), 1);
	}
}

static void put_gates(struct all_series *all)
{
	exposition_family(all->exposition, "sluice_endpoint_requests_active", "gauge", "Requests being answered.");
	for (size_t i = 0; i < all->count; i++)
		exposition_sample(all->exposition, "sluice_endpoint_requests_active", all->list[i].labels,
			all->list[i].gate.in_use);
	exposition_family(all->exposition, "sluice_endpoint_requests_waiting", "gauge", "Requests that wait for a place.");
	for (size_t i = 0; i < all->count; i++)
		exposition_sample(all->exposition, "sluice_endpoint_requests_waiting", all->list[i].labels,
			all->list[i].gate.queued);
	exposition_family(all->exposition, "sluice_endpoint_overloaded", "gauge",
		"1 while more requests come than are done and the queue is short.");
	for (size_t i = 0; i < all->count; i++)
		exposition_sample(
			all->exposition, "sluice_endpoint_overloaded", all->list[i].labels, all->list[i].gate.is_overloaded);
}

void metrics_endpoints(const struct exposition *exposition, struct serving *serving)
{
	struct all_series all = {.exposition = exposition};

	arena_init(&all.arena);
	collect(&all, serving);
	if (all.count > 0) {
		put_requests(&all);
		put_errors(&all, "sluice_endpoint_errors", "Requests that failed, by why.",
			offsetof(struct entity_counts, errors));
		put_errors(&all, "sluice_endpoint_row_errors", "Rows that failed, by why.",
			offsetof(struct entity_counts, row_errors));
		put_counters(&all);
		put_histograms(&all);
		put_gates(&all);
	}
	arena_done(&all.arena);
}
