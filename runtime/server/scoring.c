/*
 * media type → body → form → { rows: input_read (forms × signature) | completion_read (one row) } → a bundle without
 * steps: its validated input is the answer → else batch_start … on_batch_done → the answers in order, or the completion.
 * The client left: on_gone cancels the batch, which then ends as ever and its answer is dropped.
 */
#include "server/serving.h"

#include "base/clock.h"
#include "model/completion.h"
#include "server/entity_account.h"
#include "server/row_stream.h"
#include "server/text_stream.h"

struct scoring {
	struct exchange *exchange;
	struct bundle *bundle;
	struct json tree; /* of the body; JSON_ABSENT: not read as JSON */
	struct input input;
	uint64_t started_ns; /* its rows; clock_ns */
	bool is_events; /* rows with `stream` */
	bool is_completion;
	struct completion completion;
	struct batch *batch;
	struct row_stream rows;
	struct text_stream text; /* of a completion with `stream` */
};

static bool read_body(struct exchange *exchange, enum scoring_form form, struct error *err);
static bool read_rows(struct scoring *scoring, enum scoring_form form, struct error *err);
static void wrap_list(struct scoring *scoring);
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

/* curl -d rows.json, without the @. */
static bool is_file_name(struct str body)
{
	enum { NAME_MAX_LEN = 256 };

	return body.len < NAME_MAX_LEN && str_ends(str_trim_space(body), STR(".json"));
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
		return is_file_name(request->body)
			       ? error_set(err, err->code, "the body is the name of a file, not JSON (curl: -d @FILE sends what is in it)")
			       : false;
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
	wrap_list(scoring);
	exchange->rows = input_row_count(&scoring->input);
	if (!check_rows(scoring, &err)) {
		exchange_error(exchange, &err, NULL);
		return;
	}
	metrics_add(&exchange->worker->metrics, METRIC_ROWS, exchange->rows);
	if (scoring->is_completion)
		completion_begin(&scoring->completion, &exchange->worker->seam,
			name.data != NULL ? name : str_of(take_bundle->name));
	scoring->started_ns = clock_ns();
	if (take_bundle->config.steps.count == 0)
		echo(scoring);
	else
		run_rows(scoring);
}

static bool wants_stream(const struct json *tree)
{
	const struct json *stream = json_get(tree, STR("stream"));

	return json_type(stream) == JSON_BOOL && stream->boolean;
}

/* At /invocations a bundle answers as a completion where it says that it is one, or is asked to stream: a column that is
 * called `messages` is no promise. Of a chat that is an endpoint, its clients expect one. */
enum task_kind scoring_kind(
	const struct exchange *exchange, const struct bundle *bundle, const struct json *tree, enum scoring_form form)
{
	static const enum task_kind KINDS[] = {
		[SCORING_INVOCATIONS] = TASK_ROWS,
		[SCORING_CHAT] = TASK_CHAT,
		[SCORING_COMPLETIONS] = TASK_COMPLETIONS,
		[SCORING_RESPONSES] = TASK_RESPONSES,
	};
	const bool is_promised = bundle->task.is_declared || wants_stream(tree) ||
				 (bundle->task.kind == TASK_CHAT && exchange->endpoint != NULL);

	if (form != SCORING_INVOCATIONS || !is_promised || bundle->task.answer == TASK_NO_TEXT ||
		!completion_is_asked(bundle, tree))
		return KINDS[form];
	return bundle->task.kind;
}

/* Clients of endpoints take no list: databricks-sdk reads the answer as an object. */
static void wrap_list(struct scoring *scoring)
{
	if (scoring->exchange->endpoint != NULL && scoring->input.shape == INPUT_TABLE)
		scoring->input.is_bare = false;
}

static bool read_rows(struct scoring *scoring, enum scoring_form form, struct error *err)
{
	struct http_request *request = scoring->exchange->request;
	const struct signature *signature = &scoring->bundle->signature;
	const enum task_kind kind = scoring_kind(scoring->exchange, scoring->bundle, &scoring->tree, form);

	if (json_type(&scoring->tree) == JSON_ABSENT)
		return input_read(request->arena, signature, INPUT_CSV, request->body, &scoring->input, err);
	scoring->is_completion = kind != TASK_ROWS;
	scoring->is_events = !scoring->is_completion && wants_stream(&scoring->tree);
	if (!scoring->is_completion)
		return input_take_tree(
			request->arena, signature, &scoring->tree, request->body.len, &scoring->input, err);
	if (!completion_read(request->arena, scoring->bundle, kind, &scoring->tree, request->body.len,
		    &scoring->completion, &scoring->input, err))
		return false;
	scoring->completion.is_agents =
		form == SCORING_INVOCATIONS && scoring->bundle->task.answer == TASK_MESSAGES;
	return true;
}

static void echo(struct scoring *scoring)
{
	struct exchange *exchange = scoring->exchange;
	const size_t size_max = (size_t)exchange->worker->settings->answer_max;
	struct buf body = {0};
	struct error err;

	buf_reserve(&body, exchange->request->body.len + 64);
	const bool is_fine = input_write_within(&body, &scoring->input, size_max, &err);
	entity_account_rows(exchange, NULL, scoring->started_ns, is_fine ? NULL : &err);
	if (is_fine)
		exchange_json(exchange, 200, &body);
	else
		exchange_error(exchange, &err, NULL);
	buf_done(&body);
}

/* The batch */

static void count(const struct exchange *exchange, const struct batch_usage *usage)
{
	struct metrics *metrics = &exchange->worker->metrics;

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
	if (exchange->endpoint != NULL)
		serving_spend(exchange, usage->input_tokens + usage->output_tokens);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	batch_cancel(exchange->scoring->batch);
}

/* NULL where the row is no answer; then the error is set. */
static const struct completion_answer *read_answer(struct scoring *scoring, struct error *err)
{
	struct arena *arena = scoring->exchange->request->arena;
	struct completion_answer *answer = arena_alloc(arena, sizeof(*answer));

	if (!completion_answer_read(arena, &scoring->completion, batch_answer(scoring->batch, 0), answer, err))
		return NULL;
	if (batch_was_cut(scoring->batch))
		answer->finish_reason = STR("length");
	return answer;
}

static void end_rows(struct scoring *scoring, const struct error *err)
{
	struct exchange *exchange = scoring->exchange;
	struct buf body = {0};

	if (row_stream_finish(&scoring->rows, err))
		return;
	if (err != NULL) {
		exchange_error(exchange, err, NULL);
		return;
	}
	batch_write(&body, scoring->batch);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

static void end_completion(struct scoring *scoring, const struct error *err)
{
	struct exchange *exchange = scoring->exchange;
	const struct batch_usage *usage = batch_usage(scoring->batch);
	const struct completion_answer *answer = NULL;
	struct buf body = {0};
	struct error unfit;

	if (err == NULL) {
		answer = read_answer(scoring, &unfit);
		err = answer == NULL ? &unfit : NULL;
	}
	if (scoring->completion.is_stream && text_stream_finish(&scoring->text, answer, usage, err))
		return;
	if (err != NULL) {
		exchange_error(exchange, err, NULL);
		return;
	}
	completion_write(&body, &scoring->completion, answer, usage);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

static void on_batch_done(void *data, const struct error *err)
{
	struct scoring *scoring = data;

	scoring->exchange->request->on_gone = NULL;
	count(scoring->exchange, batch_usage(scoring->batch));
	entity_account_rows(scoring->exchange, batch_usage(scoring->batch), scoring->started_ns, err);
	if (scoring->is_completion)
		end_completion(scoring, err);
	else
		end_rows(scoring, err);
}

static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct scoring *scoring = data;

	if (err != NULL) {
		scoring->exchange->rows_failed++;
		entity_account_row_error(scoring->exchange, row, err);
	}
	if (!scoring->is_completion)
		row_stream_push(&scoring->rows);
}

static enum row_stream_shape shape_of(const struct scoring *scoring)
{
	if (!scoring->is_events)
		return ROWS_JSON;
	return scoring->input.is_bare ? ROWS_BARE_EVENTS : ROWS_EVENTS;
}

static void run_rows(struct scoring *scoring)
{
	struct exchange *exchange = scoring->exchange;
	const struct settings *settings = exchange->worker->settings;
	const uint64_t after_ms = (uint64_t)settings->stream_after_ms;
	const bool is_text = scoring->completion.is_stream;
	const struct batch_options options = {
		.timeout_ms = (uint32_t)settings->request_timeout_ms,
		.rows_in_flight = (unsigned)settings->rows_in_flight,
		.answer_max = (size_t)settings->answer_max,
		.fails_whole = scoring->is_completion,
		.tap = is_text ? &scoring->text.tap : NULL,
		.on_row = on_row,
		.done = on_batch_done,
		.data = scoring,
	};

	if (is_text)
		text_stream_init(&scoring->text, exchange, &scoring->completion, after_ms);
	scoring->batch = batch_start(
		&exchange->worker->seam, scoring->bundle, exchange->request->arena, &scoring->input, &options);
	if (!scoring->is_completion)
		row_stream_init(&scoring->rows, exchange, scoring->batch, shape_of(scoring), after_ms);
	exchange->stream = &scoring->rows;
	exchange->request->on_gone = on_gone;
}
