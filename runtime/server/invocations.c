/*
 * POST /invocations: rows in, predictions out.
 *
 * media type → input_read (forms × signature) → a bundle without steps: its validated input is the
 * answer → else batch_start … on_batch_done → answers in order The client left: on_gone cancels the
 * batch, which then ends as ever and its answer is dropped.
 */
#include "server/route.h"
#include "server/row_stream.h"

struct invocation {
	struct exchange *exchange;
	struct bundle *bundle;
	struct input input;
	struct batch *batch;
	struct row_stream stream;
};

static void unref_bundle(void *data)
{
	bundle_unref(data);
}

static void count(struct worker *worker, const struct batch_usage *usage)
{
	struct metrics *metrics = &worker->metrics;

	metrics_add(metrics, METRIC_ROWS_FAILED, usage->rows_failed);
	metrics_add(metrics, METRIC_MODEL_CALLS, usage->model_calls);
	metrics_add(metrics, METRIC_MODEL_CALLS_UNREPORTED, usage->calls_unreported);
	metrics_add(metrics, METRIC_MODEL_CALLS_UNPRICED, usage->calls_unpriced);
	metrics_add(metrics, METRIC_MODEL_RETRIES, usage->retries);
	metrics_add(metrics, METRIC_TOOL_CALLS, usage->tool_calls);
	metrics_add(metrics, METRIC_INPUT_TOKENS, usage->input_tokens);
	metrics_add(metrics, METRIC_CACHED_TOKENS, usage->cached_tokens);
	metrics_add(metrics, METRIC_OUTPUT_TOKENS, usage->output_tokens);
	metrics_add(metrics, METRIC_REASONING_TOKENS, usage->reasoning_tokens);
	metrics_add(metrics, METRIC_COST_MICROUSD, (uint64_t)usage->cost_microusd);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;
	struct invocation *invocation = exchange->invocation;

	batch_cancel(invocation->batch);
}

static void on_batch_done(void *data, const struct error *err)
{
	struct invocation *invocation = data;
	struct exchange *exchange = invocation->exchange;
	const struct batch_usage *usage = batch_usage(invocation->batch);
	struct buf body = {0};

	exchange->request->on_gone = NULL;
	count(exchange->worker, usage);
	if (row_stream_finish(&invocation->stream, err == NULL))
		return;
	if (err != NULL) {
		exchange_error(exchange, err, NULL);
		return;
	}
	batch_write(&body, invocation->batch);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct invocation *invocation = data;

	if (err != NULL)
		invocation->exchange->rows_failed++;
	row_stream_push(&invocation->stream);
}

static void run_rows(struct invocation *invocation)
{
	struct exchange *exchange = invocation->exchange;
	const struct settings *settings = exchange->worker->settings;
	const struct batch_options options = {
		.timeout_ms = (uint32_t)settings->request_timeout_ms,
		.rows_in_flight = (unsigned)settings->rows_in_flight,
		.answer_max = (size_t)settings->answer_max,
		.on_row = on_row,
		.done = on_batch_done,
		.data = invocation,
	};

	invocation->batch = batch_start(&exchange->worker->seam, invocation->bundle,
		exchange->request->arena, &invocation->input, &options);
	row_stream_init(&invocation->stream, exchange, invocation->batch,
		(uint64_t)settings->stream_after_ms);
	exchange->stream = &invocation->stream;
	exchange->request->on_gone = on_gone;
}

static void echo(struct invocation *invocation)
{
	struct exchange *exchange = invocation->exchange;
	const size_t size_max = (size_t)exchange->worker->settings->answer_max;
	struct buf body = {0};
	struct error err;

	buf_reserve(&body, exchange->request->body.len + 64);
	if (input_write_within(&body, &invocation->input, size_max, &err))
		exchange_json(exchange, 200, &body);
	else
		exchange_error(exchange, &err, NULL);
	buf_done(&body);
}

/* A value that no step looks into may be an array of any length: a tensor has no rows. */
static bool check_rows(const struct invocation *invocation, struct error *err)
{
	const struct exchange *exchange = invocation->exchange;
	const int64_t rows_max = exchange->worker->settings->rows_max;
	const bool has_rows = invocation->input.shape == INPUT_TABLE ||
			      invocation->bundle->config.steps.count > 0;

	return !has_rows || exchange->rows <= (size_t)rows_max ||
	       error_set(err, ERR_TOO_LARGE,
		       "the request has %zu rows, at most %lld are taken at once",
		       (size_t)exchange->rows, (long long)rows_max);
}

void invocation_start(struct exchange *exchange, struct bundle *take_bundle)
{
	struct http_request *request = exchange->request;
	struct invocation *invocation = arena_zalloc(request->arena, sizeof(*invocation));
	enum input_media media;
	struct error err;

	invocation->exchange = exchange;
	invocation->bundle = take_bundle;
	arena_on_end(request->arena, unref_bundle, take_bundle);
	exchange->invocation = invocation;
	if (!worker_ready_for(exchange->worker, take_bundle, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	if (!input_media_parse(http_field_get(request, "content-type"), &media, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	if (!input_read(request->arena, &invocation->bundle->signature, media, request->body,
		    &invocation->input, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	exchange->rows = input_row_count(&invocation->input);
	if (!check_rows(invocation, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	metrics_add(&exchange->worker->metrics, METRIC_ROWS, exchange->rows);
	if (invocation->bundle->config.steps.count == 0)
		echo(invocation);
	else
		run_rows(invocation);
}

void invocations_handle(struct exchange *exchange)
{
	struct bundle *bundle = server_bundle(exchange->worker->server);
	struct error err;

	if (bundle != NULL) {
		invocation_start(exchange, bundle);
		return;
	}
	error_set(&err, ERR_NOT_FOUND,
		"no bundle is served here: start sluiced with --bundle DIR|FILE, or ask an endpoint: "
		"POST /serving-endpoints/NAME/invocations");
	exchange_error(exchange, &err, NULL);
}
