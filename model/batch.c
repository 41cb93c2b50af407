/*
 * batch_start → launch rows, up to rows_in_flight → on_run_done → { launch the next | finish }
 *             → echo → finish, where the bundle has no steps: its validated input is the answer
 *
 * The first row that fails without a column for its error ends the batch: no more rows start, those
 * in flight are cancelled, and done is called when the last of them is quiet.
 */
#include "model/batch.h"

#include "model/run.h"
#include "model/run_output.h"

enum { ROWS_IN_FLIGHT = 64 };

struct batch {
	struct run_context context;
	struct work_owner owner;
	struct arena *arena;
	const struct input *input;
	struct batch_options options;
	uint64_t deadline_ns;
	size_t row_count, launched, running;
	struct run *runs;  /* in flight */
	struct run *spare; /* done, for the next rows */
	struct json *answers;
	size_t ready;                    /* answers from the first on that are there */
	size_t values_size, errors_size; /* of the answers, as they are written */
	bool is_full;                    /* no room for more values */
	bool was_cut;
	struct batch_usage usage;
	struct error err; /* of the whole batch; ERR_NONE so far */
	struct loop_task task;
};

static void launch_rows(struct batch *batch);
static void on_run_done(struct run *run, const struct error *err);
static void echo(void *data);
static void finish(void *data);

static bool is_echo(const struct batch *batch)
{
	return batch->context.bundle->config.steps.count == 0;
}

struct batch *batch_start(const struct seam *seam, struct bundle *bundle, struct arena *arena,
	const struct input *input, const struct batch_options *options)
{
	struct batch *batch = arena_alloc(arena, sizeof(*batch));

	batch->context = (struct run_context){.seam = seam,
		.owner = &batch->owner,
		.bundle = bundle,
		.recorder = options->recorder,
		.tap = options->tap,
		.tap_step = bundle->task.step,
		.tells_cut = options->fails_whole};
	batch->owner = (struct work_owner){0};
	batch->context.columns =
		run_columns(arena, bundle, &batch->context.column_count, &batch->context.is_bare);
	batch->arena = arena;
	batch->input = input;
	batch->options = *options;
	if (batch->options.rows_in_flight == 0)
		batch->options.rows_in_flight = ROWS_IN_FLIGHT;
	batch->deadline_ns =
		options->timeout_ms > 0
			? loop_now_ns(seam->loop) + (uint64_t)options->timeout_ms * 1000000
			: 0;
	batch->row_count = input_row_count(input);
	batch->launched = batch->running = 0;
	batch->runs = batch->spare = NULL;
	batch->answers = arena_zalloc(arena, batch->row_count * sizeof(*batch->answers));
	batch->ready = 0;
	batch->values_size = batch->errors_size = 0;
	batch->is_full = batch->was_cut = false;
	batch->usage = (struct batch_usage){0};
	batch->task = (struct loop_task){0};
	error_clear(&batch->err);
	if (is_echo(batch))
		loop_defer(seam->loop, &batch->task, echo, batch);
	else if (batch->row_count == 0)
		loop_defer(seam->loop, &batch->task, finish, batch);
	else
		launch_rows(batch);
	return batch;
}

static void link_run(struct batch *batch, struct run *run)
{
	run->prev = NULL;
	run->next = batch->runs;
	if (run->next != NULL)
		run->next->prev = run;
	batch->runs = run;
}

static void unlink_run(struct batch *batch, struct run *run)
{
	if (run->prev != NULL)
		run->prev->next = run->next;
	else
		batch->runs = run->next;
	if (run->next != NULL)
		run->next->prev = run->prev;
}

static void launch_row(struct batch *batch)
{
	struct run *run = batch->spare;

	if (run != NULL)
		batch->spare = run->next;
	else
		run = arena_alloc(batch->arena, sizeof(*run));
	run_start(run, &batch->context, batch->input, batch->launched++, batch->deadline_ns,
		on_run_done, batch);
	batch->running++;
	link_run(batch, run);
}

static void launch_rows(struct batch *batch)
{
	while (batch->err.code == ERR_NONE && batch->launched < batch->row_count &&
		batch->running < batch->options.rows_in_flight)
		launch_row(batch);
}

static void cancel_runs(struct batch *batch)
{
	for (struct run *run = batch->runs; run != NULL; run = run->next)
		run_cancel(run);
}

/* A raising pyfunc is a bad request to its client; overload and time are not the model's fault. */
static void fail_batch(struct batch *batch, const struct run *run, const struct error *err)
{
	const bool is_ours = err->code == ERR_DEADLINE || err->code == ERR_UNAVAILABLE ||
			     (err->code == ERR_TOO_LARGE && batch->is_full) ||
			     (err->code == ERR_RATE_LIMITED && batch->options.fails_whole);

	batch->err = *err;
	if (!is_ours)
		batch->err.code = ERR_BAD_REQUEST;
	error_wrap(&batch->err,
		"encountered an unexpected error while evaluating the model: row %zu", run->index);
	cancel_runs(batch);
}

static bool has_room(struct batch *batch, const struct json *answer, size_t *size)
{
	struct buf text = {0};

	if (batch->options.answer_max == 0)
		return true;
	json_write(&text, answer);
	*size += text.len;
	buf_done(&text);
	return *size <= batch->options.answer_max;
}

static void take_failure(struct batch *batch, const struct run *run, const struct error *err)
{
	struct json *answer = &batch->answers[run->index];
	struct error full;

	if (batch->err.code != ERR_NONE)
		return; /* cancelled by what failed first */
	batch->usage.rows_failed++;
	if (batch->options.fails_whole ||
		!run_answer_failed(&batch->context, batch->arena, err, answer)) {
		fail_batch(batch, run, err);
	} else if (!has_room(batch, answer, &batch->errors_size)) {
		batch->is_full = true;
		error_set(&full, ERR_TOO_LARGE, "the rows' errors are longer than %zu bytes",
			batch->options.answer_max);
		fail_batch(batch, run, &full);
	}
}

/* Rows are small, what they answer need not be: one value of the request in every row. */
static bool take_answer(struct batch *batch, const struct run *run, struct error *err)
{
	if (batch->is_full || !has_room(batch, &run->answer, &batch->values_size)) {
		batch->is_full = true;
		return error_set(err, ERR_TOO_LARGE, "the answer is longer than %zu bytes",
			batch->options.answer_max);
	}
	batch->answers[run->index] = json_copy(batch->arena, &run->answer);
	return true;
}

static void on_run_done(struct run *run, const struct error *err)
{
	struct batch *batch = run->data;
	struct json *answer = &batch->answers[run->index];
	struct error full;

	unlink_run(batch, run);
	batch->running--;
	batch->was_cut |= run->is_cut;
	usage_add(&batch->usage, &run->usage);
	if (err == NULL && !take_answer(batch, run, &full))
		err = &full;
	if (err != NULL)
		take_failure(batch, run, err);
	while (batch->ready < batch->row_count &&
		json_type(&batch->answers[batch->ready]) != JSON_ABSENT)
		batch->ready++;
	if (batch->options.on_row != NULL && batch->err.code == ERR_NONE)
		batch->options.on_row(batch->options.data, run->index, answer, err);
	run_done(run);
	run->next = batch->spare;
	batch->spare = run;

	launch_rows(batch);
	if (batch->running == 0)
		finish(batch);
}

static struct json table_row(struct arena *arena, const struct input *input, size_t index)
{
	struct json row = json_object();

	for (size_t i = 0; i < input->column_count; i++) {
		const struct json *cell = &input->cells[index * input->column_count + i];

		if (json_type(cell) != JSON_ABSENT)
			json_set(arena, &row, input->columns[i], *cell);
	}
	return row;
}

static void echo(void *data)
{
	struct batch *batch = data;
	const struct input *input = batch->input;

	for (size_t i = 0; i < batch->row_count && batch->err.code == ERR_NONE; i++) {
		if (input->shape == INPUT_TABLE)
			batch->answers[i] = table_row(batch->arena, input, i);
		else
			batch->answers[i] = json_type(&input->value) == JSON_ARRAY
						    ? input->value.items[i]
						    : input->value;
		if (batch->options.on_row != NULL)
			batch->options.on_row(batch->options.data, i, &batch->answers[i], NULL);
	}
	finish(batch);
}

static void finish(void *data)
{
	struct batch *batch = data;
	const bool has_failed = batch->err.code != ERR_NONE;

	/* The last thing: done may free the arena that the batch lies on. */
	batch->options.done(batch->options.data, has_failed ? &batch->err : NULL);
}

void batch_cancel(struct batch *batch)
{
	if (batch->err.code != ERR_NONE)
		return;
	error_set(&batch->err, ERR_CANCELLED, "cancelled");
	cancel_runs(batch);
}

const struct batch_usage *batch_usage(const struct batch *batch)
{
	return &batch->usage;
}

bool batch_fails_by_row(const struct batch *batch)
{
	for (size_t i = 0; !batch->options.fails_whole && i < batch->context.column_count; i++)
		if (batch->context.columns[i].is_error)
			return true;
	return false;
}

const struct json *batch_answer(const struct batch *batch, size_t row)
{
	return &batch->answers[row];
}

bool batch_was_cut(const struct batch *batch)
{
	return batch->was_cut;
}

size_t batch_ready_count(const struct batch *batch)
{
	return batch->ready;
}

/* The chat form without a signature is one object, not rows: so is its answer. */
static bool is_one_value(const struct batch *batch)
{
	return batch->input->is_bare && batch->input->shape == INPUT_VALUE && batch->row_count == 1;
}

void batch_write_part(struct buf *out, const struct batch *batch, size_t from, size_t to)
{
	const bool is_rows = !is_one_value(batch), is_wrapped = !batch->input->is_bare;

	if (from == 0 && is_rows)
		buf_add_text(out, is_wrapped ? "{\"predictions\":[" : "[");
	for (size_t i = from; i < to; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_write(out, &batch->answers[i]);
	}
	if (to == batch->row_count && is_rows)
		buf_add_text(out, is_wrapped ? "]}" : "]");
}

void batch_write(struct buf *out, const struct batch *batch)
{
	if (is_echo(batch))
		input_write(out, batch->input);
	else
		batch_write_part(out, batch, 0, batch->row_count);
}
