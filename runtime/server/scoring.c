/*
 * media type → body → form → { rows: input_read (forms × signature) | completion_read (one row) } → a bundle without
 * steps: its validated input is the answer → else batch_start … on_batch_done → the answers in order, or the completion.
 * The client left: on_gone cancels the batch, which then ends as ever and its answer is dropped.
 */
#include "server/scoring.h"

#include "model/completion.h"
#include "server/row_stream.h"

struct scoring {
	struct exchange *exchange;
	struct bundle *bundle;
	struct json tree; /* of the body; JSON_ABSENT: not read as JSON */
	struct input input;
	bool is_completion;
	struct completion completion;
	struct batch *batch;
	struct row_stream stream;
};

static bool read_body(struct exchange *exchange, enum scoring_form form, struct error *err);
static bool read_rows(struct scoring *scoring, enum scoring_form form, struct error *err);
static void echo(struct scoring *scoring);
static void run_rows(struct scoring *scoring);

bool scoring_model(struct exchange *exchange, enum scoring_form form, struct str *ret_model, struct error *err)
{
	exchange->is_openai = form != SCORING_INVOCATIONS;
	if (!read_body(exchange, form, err))
		return false;
	if (json_type(&exchange->scoring->tree) != JSON_OBJECT)
		return error_set(err, ERR_BAD_REQUEST, "a request is a JSON object, got %s",
			json_type_name(&exchange->scoring->tree));
	*ret_model = json_str(json_get(&exchange->scoring->tree, STR("model")));
	return true;
}

static void unref_bundle(void *data)
{
	bundle_unref(data);
}

/* Once an exchange: a CSV is read with the signature at hand. */
static bool read_body(struct exchange *exchange, enum scoring_form form, struct error *err)
{
	struct http_request *request = exchange->request;
	struct scoring *scoring = exchange->scoring;
	enum input_media media;

	if (scoring != NULL)
		return true;
	if (!input_media_parse(http_field_get(request, "content-type"), &media, err))
		return false;
	if (media == INPUT_CSV && form != SCORING_INVOCATIONS)
		return error_set(err, ERR_UNSUPPORTED_MEDIA, "this path takes application/json only");
	scoring = arena_zalloc(request->arena, sizeof(*scoring));
	if (media == INPUT_JSON && !json_read_padded(request->arena, request->body, &scoring->tree, err))
		return false;
	scoring->exchange = exchange;
	exchange->scoring = scoring;
	return true;
}

/* A value that no step looks into may be an array of any length: a tensor has no rows. */
static bool check_rows(const struct scoring *scoring, struct error *err)
{
	const struct exchange *exchange = scoring->exchange;
	const int64_t rows_max = exchange->worker->settings->rows_max;
	const bool has_rows = scoring->input.shape == INPUT_TABLE || scoring->bundle->config.steps.count > 0;

	return !has_rows || exchange->rows <= (size_t)rows_max ||
	       error_set(err, ERR_TOO_LARGE, "the request has %zu rows, at most %lld are taken at once",
		       (size_t)exchange->rows, (long long)rows_max);
}

void scoring_handle(struct exchange *exchange, struct bundle *take_bundle, enum scoring_form form, struct str name)
{
	struct http_request *request = exchange->request;
	struct error err;

	exchange->is_openai = form != SCORING_INVOCATIONS;
	arena_on_end(request->arena, unref_bundle, take_bundle);
	if (!worker_ready_for(exchange->worker, take_bundle, &err) || !read_body(exchange, form, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	struct scoring *scoring = exchange->scoring;

	scoring->bundle = take_bundle;
	if (!read_rows(scoring, form, &err)) {
		exchange->param = scoring->completion.param;
		exchange_error(exchange, &err, NULL);
		return;
	}
	exchange->rows = input_row_count(&scoring->input);
	if (!check_rows(scoring, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	metrics_add(&exchange->worker->metrics, METRIC_ROWS, exchange->rows);
	if (scoring->is_completion)
		completion_begin(&scoring->completion, &exchange->worker->seam,
			name.data != NULL ? name : str_of(take_bundle->name));
	if (take_bundle->config.steps.count == 0)
		echo(scoring);
	else
		run_rows(scoring);
}

/* At /invocations a bundle answers as a completion only where it says that it is one: a column that is called
 * `messages` is no promise. */
static enum task_kind kind_asked(const struct scoring *scoring, enum scoring_form form)
{
	static const enum task_kind KINDS[] = {
		[SCORING_INVOCATIONS] = TASK_ROWS,
		[SCORING_CHAT] = TASK_CHAT,
		[SCORING_COMPLETIONS] = TASK_COMPLETIONS,
		[SCORING_RESPONSES] = TASK_RESPONSES,
	};
	const struct bundle *bundle = scoring->bundle;

	if (form != SCORING_INVOCATIONS || !bundle->task.is_declared || bundle->task.answer == TASK_NO_TEXT ||
		!completion_is_asked(bundle, &scoring->tree))
		return KINDS[form];
	return bundle->task.kind;
}

static bool read_rows(struct scoring *scoring, enum scoring_form form, struct error *err)
{
	struct http_request *request = scoring->exchange->request;
	const struct signature *signature = &scoring->bundle->signature;
	const enum task_kind kind = kind_asked(scoring, form);

	if (json_type(&scoring->tree) == JSON_ABSENT)
		return input_read(request->arena, signature, INPUT_CSV, request->body, &scoring->input, err);
	scoring->is_completion = kind != TASK_ROWS;
	if (!scoring->is_completion)
		return input_take_tree(
			request->arena, signature, &scoring->tree, request->body.len, &scoring->input, err);
	return completion_read(request->arena, scoring->bundle, kind, &scoring->tree, request->body.len,
		&scoring->completion, &scoring->input, err);
}

static void echo(struct scoring *scoring)
{
	struct exchange *exchange = scoring->exchange;
	const size_t size_max = (size_t)exchange->worker->settings->answer_max;
	struct buf body = {0};
	struct error err;

	buf_reserve(&body, exchange->request->body.len + 64);
	if (input_write_within(&body, &scoring->input, size_max, &err))
		exchange_json(exchange, 200, &body);
	else
		exchange_error(exchange, &err, NULL);
	buf_done(&body);
}

/* The batch */

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

	batch_cancel(exchange->scoring->batch);
}

static bool write_answer(struct buf *out, struct scoring *scoring, struct error *err)
{
	struct completion_answer answer;

	if (!scoring->is_completion) {
		batch_write(out, scoring->batch);
		return true;
	}
	if (!completion_answer_read(scoring->exchange->request->arena, &scoring->completion,
		    batch_answer(scoring->batch, 0), &answer, err))
		return false;
	completion_write(out, &scoring->completion, &answer, batch_usage(scoring->batch));
	return true;
}

static void on_batch_done(void *data, const struct error *err)
{
	struct scoring *scoring = data;
	struct exchange *exchange = scoring->exchange;
	struct buf body = {0};
	struct error unfit;

	exchange->request->on_gone = NULL;
	count(exchange->worker, batch_usage(scoring->batch));
	if (row_stream_finish(&scoring->stream, err == NULL))
		return;
	if (err == NULL && write_answer(&body, scoring, &unfit))
		exchange_json(exchange, 200, &body);
	else
		exchange_error(exchange, err != NULL ? err : &unfit, NULL);
	buf_done(&body);
}

static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct scoring *scoring = data;

	if (err != NULL)
		scoring->exchange->rows_failed++;
	row_stream_push(&scoring->stream);
}

static void run_rows(struct scoring *scoring)
{
	struct exchange *exchange = scoring->exchange;
	const struct settings *settings = exchange->worker->settings;
	const struct batch_options options = {
		.timeout_ms = (uint32_t)settings->request_timeout_ms,
		.rows_in_flight = (unsigned)settings->rows_in_flight,
		.answer_max = (size_t)settings->answer_max,
		.fails_whole = scoring->is_completion,
		.on_row = on_row,
		.done = on_batch_done,
		.data = scoring,
	};

	scoring->batch = batch_start(
		&exchange->worker->seam, scoring->bundle, exchange->request->arena, &scoring->input, &options);
	row_stream_init(
		&scoring->stream, exchange, scoring->batch, (uint64_t)settings->stream_after_ms);
	exchange->stream = &scoring->stream;
	exchange->request->on_gone = on_gone;
}
