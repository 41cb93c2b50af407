/*
 * Shadows: a request's rows run once more by an entity that answers to nobody: a challenger sees real traffic.
 *
 * start: copy of the body → bundle (only where it is in memory) → input → batch … on_done: counted, dropped
 *
 * They never hold up who is answered: what does not fit (SHADOWS_MAX in a worker, a bundle that is not loaded, an input
 * that does not fit its signature) is left out and counted as failed.
 */
#include "server/shadow.h"

#include "base/clock.h"
#include "model/batch.h"
#include "model/completion.h"
#include "server/entity_account.h"
#include "server/scoring.h"

#include <stdlib.h>

enum { SHADOWS_MAX = 64 };

struct shadow {
	LIST_ENTRY(shadow) entry;
	struct worker *worker;
	struct arena arena;
	struct endpoint *endpoint;
	struct entity *entity;
	struct bundle *bundle;
	struct input input;
	struct completion completion; /* of a chat: only its row is run */
	bool is_completion;
	struct batch *batch;
	uint64_t started_ns;
};

static struct entity_counts *counts_of(const struct shadow *shadow)
{
	return &shadow->entity->stats->by_worker[shadow->worker->index];
}

static void shadow_free(struct shadow *shadow)
{
	arena_done(&shadow->arena);
	bundle_unref(shadow->bundle);
	endpoint_unref(shadow->endpoint);
	free(shadow);
}

static void end(struct shadow *shadow, int status)
{
	struct worker *worker = shadow->worker;

	stats_answered(&counts_of(shadow)->model, status, clock_ns() - shadow->started_ns);
	stats_add(&counts_of(shadow)->counters[STATS_SHADOWED], 1);
	shadow_free(shadow);
	if (worker->shadows.count == 0 && worker->shadows.on_none != NULL)
		worker->shadows.on_none(worker);
}

static void on_done(void *data, const struct error *err)
{
	struct shadow *shadow = data;
	const struct batch_usage *usage = batch_usage(shadow->batch);
	struct entity_counts *counts = counts_of(shadow);

	LIST_REMOVE(shadow, entry);
	shadow->worker->shadows.count--;
	stats_add(&counts->counters[STATS_ROWS], input_row_count(&shadow->input));
	stats_add(&counts->counters[STATS_ROWS_FAILED], usage->rows_failed);
	entity_count_usage(counts, usage);
	end(shadow, err != NULL ? error_info(err->code)->http_status : 200);
}

/* The request's memory ends with its answer. */
static struct str copy_body(struct arena *arena, struct str body)
{
	char *copy = arena_alloc(arena, body.len + JSON_PADDING);

	if (body.len > 0)
		memcpy(copy, body.data, body.len);
	memset(copy + body.len, 0, JSON_PADDING);
	return (struct str){copy, body.len};
}

static bool read_tree(struct shadow *shadow, const struct exchange *exchange, struct str body, enum scoring_form form,
	struct error *err)
{
	struct json tree;

	if (!json_read_padded(&shadow->arena, body, &tree, err))
		return false;
	const enum task_kind kind = scoring_kind(exchange, shadow->bundle, &tree, form);
	if (kind == TASK_ROWS)
		return input_take_tree(
			&shadow->arena, &shadow->bundle->signature, &tree, body.len, &shadow->input, err);
	shadow->is_completion = true;
	return completion_read(&shadow->arena, shadow->bundle, kind, &tree, body.len, &shadow->completion,
		&shadow->input, err);
}

static bool read_input(
	struct shadow *shadow, const struct exchange *exchange, enum scoring_form form, struct error *err)
{
	const struct http_request *request = exchange->request;
	const int64_t rows_max = shadow->worker->settings->rows_max;
	const struct str body = copy_body(&shadow->arena, request->body);
	enum input_media media;

	if (!input_media_parse(http_field_get(request, "content-type"), &media, err) ||
		!(media == INPUT_CSV ? input_read(&shadow->arena, &shadow->bundle->signature, media, body,
					       &shadow->input, err)
				     : read_tree(shadow, exchange, body, form, err)))
		return false;
	return input_row_count(&shadow->input) <= (size_t)rows_max || error_set(err, ERR_TOO_LARGE, "too many rows");
}

static void run(struct shadow *shadow)
{
	struct worker *worker = shadow->worker;
	const struct settings *settings = worker->settings;
	const struct batch_options options = {
		.timeout_ms = (uint32_t)settings->request_timeout_ms,
		.rows_in_flight = (unsigned)settings->rows_in_flight,
		.answer_max = (size_t)settings->answer_max,
		.fails_whole = shadow->is_completion,
		.done = on_done,
		.data = shadow,
	};

	LIST_INSERT_HEAD(&worker->shadows.list, shadow, entry);
	worker->shadows.count++;
	shadow->batch = batch_start(&worker->seam, shadow->bundle, &shadow->arena, &shadow->input, &options);
}

static struct shadow *shadow_new(struct exchange *exchange, struct entity *entity)
{
	struct shadow *shadow = calloc(1, sizeof(*shadow));

	if (shadow == NULL)
		abort();
	arena_init(&shadow->arena);
	shadow->worker = exchange->worker;
	shadow->endpoint = endpoint_ref(exchange->endpoint);
	shadow->entity = entity;
	shadow->started_ns = clock_ns();
	if (exchange->worker->shadows.count < SHADOWS_MAX)
		shadow->bundle = resident_bundle(entity->resident);
	return shadow;
}

static void start(struct exchange *exchange, struct entity *entity, enum scoring_form form)
{
	struct shadow *shadow = shadow_new(exchange, entity);
	struct error err;

	if (shadow->bundle == NULL)
		end(shadow, error_info(ERR_UNAVAILABLE)->http_status);
	else if (!worker_ready_for(exchange->worker, shadow->bundle, &err) ||
		 !read_input(shadow, exchange, form, &err))
		end(shadow, error_info(err.code)->http_status);
	else if (shadow->bundle->config.steps.count == 0)
		end(shadow, 200);
	else
		run(shadow);
}

void shadows_start(struct exchange *exchange, uint64_t ticket, int form)
{
	struct endpoint *endpoint = exchange->endpoint;

	for (size_t i = 0; i < endpoint->entity_count; i++) {
		struct entity *entity = &endpoint->entities[i];

		if (entity != exchange->entity && entity->shadow_percent > 0 && entity_shadows(entity, ticket))
			start(exchange, entity, (enum scoring_form)form);
	}
}

void shadows_end(struct worker *worker, void (*on_none)(struct worker *worker))
{
	struct shadow *shadow;

	if (worker->shadows.count == 0) {
		on_none(worker);
		return;
	}
	worker->shadows.on_none = on_none;
	LIST_FOREACH(shadow, &worker->shadows.list, entry)
		batch_cancel(shadow->batch);
}
