/* scoring_run → batch runs → on_row (in any order) → answers in order → on_done → the loop stops */
#include "cli/scoring.h"

#include "base/clock.h"
#include "model/recorder.h"

#include <signal.h>

enum { TICK_MS = 100, POOL_THREADS = 4, POOL_QUEUE_MAX = 65536 };

struct answered {
	const struct json *answer; /* NULL: not yet */
	const struct error *err;
};

struct scoring {
	const struct scoring_options *options;
	struct arena *arena;
	struct loop *loop;
	struct fetcher *fetcher;
	struct worker_pool *pool;
	struct recorder *recorder;
	struct batch *batch;
	struct event *signals[2];
	struct timer tick;
	struct answered *rows;
	size_t row_count, done_count, next_row;
	bool is_stopped; /* by on_answer */
	bool is_over;
	int signal_number;
	struct error err;
};

static void hand_out(struct scoring *scoring)
{
	const struct scoring_options *options = scoring->options;

	while (!scoring->is_stopped && scoring->next_row < scoring->row_count) {
		const struct answered *row = &scoring->rows[scoring->next_row];
		if (row->answer == NULL)
			break;
		scoring->is_stopped = !options->on_answer(
			options->data, scoring->next_row, row->answer, row->err);
		scoring->next_row++;
	}
}

static void on_row(void *data, size_t index, const struct json *answer, const struct error *err)
{
	struct scoring *scoring = data;
	struct answered *row = &scoring->rows[index];

	row->answer = answer;
	if (err != NULL)
		row->err = (const struct error *)arena_memdup(scoring->arena, err, sizeof(*err));
	scoring->done_count++;
	hand_out(scoring);
}

/* Cancelling from inside on_row would pull the batch from under itself. */
static void on_tick(void *data)
{
	struct scoring *scoring = data;
	const struct scoring_options *options = scoring->options;

	if (scoring->is_stopped)
		batch_cancel(scoring->batch);
	options->on_tick(options->data, scoring->done_count, scoring->row_count);
	timer_start(&scoring->tick, TICK_MS);
}

static void on_done(void *data, const struct error *err)
{
	struct scoring *scoring = data;

	if (err != NULL)
		scoring->err = *err;
	scoring->is_over = true;
	loop_stop(scoring->loop);
}

/* The second signal finds its default again. */
static void on_signal(evutil_socket_t number, short what, void *data)
{
	struct scoring *scoring = data;

	for (size_t i = 0; i < 2; i++)
		event_del(scoring->signals[i]);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	scoring->signal_number = (int)number;
	if (!scoring->is_over)
		batch_cancel(scoring->batch);
}

static void watch_signals(struct scoring *scoring)
{
	static const int NUMBERS[] = {SIGINT, SIGTERM};

	for (size_t i = 0; i < 2; i++) {
		scoring->signals[i] =
			evsignal_new(loop_base(scoring->loop), NUMBERS[i], on_signal, scoring);
		evsignal_add(scoring->signals[i], NULL);
	}
}

static bool open_seam(struct scoring *scoring, struct seam *ret, struct error *err)
{
	const struct scoring_options *options = scoring->options;
	const struct fetcher_options fetcher_options = {.ca_file = options->ca_file};

	scoring->loop = loop_new();
	if (!options->is_offline) {
		scoring->fetcher = fetcher_new(scoring->loop, &fetcher_options, err);
		if (scoring->fetcher == NULL)
			return false;
	}
	scoring->pool = worker_pool_new(POOL_THREADS, POOL_QUEUE_MAX);
	if (options->record_path != NULL) {
		scoring->recorder = recorder_new(options->record_path, err);
		if (scoring->recorder == NULL)
			return error_wrap(err, "record to '%s'", options->record_path);
	}
	*ret = (struct seam){
		.loop = scoring->loop,
		.fetcher = scoring->fetcher,
		.workers = scoring->pool,
		.now_us = seam_real_now_us,
		.random = seam_real_random,
	};
	return true;
}

static void close_seam(struct scoring *scoring)
{
	for (size_t i = 0; i < 2; i++)
		if (scoring->signals[i] != NULL)
			event_free(scoring->signals[i]);
	if (scoring->tick.is_ready)
		timer_stop(&scoring->tick);
	worker_pool_free(scoring->pool);
	fetcher_free(scoring->fetcher);
	loop_free(scoring->loop);
}

static void run_batch(struct scoring *scoring, const struct seam *seam, struct bundle *bundle,
	const struct input *input)
{
	const struct scoring_options *options = scoring->options;
	const struct batch_options batch_options = {
		.timeout_ms = options->timeout_ms,
		.rows_in_flight = options->rows_in_flight,
		.on_row = on_row,
		.recorder = scoring->recorder,
		.done = on_done,
		.data = scoring,
	};

	watch_signals(scoring);
	timer_init(&scoring->tick, scoring->loop, on_tick, scoring);
	timer_start(&scoring->tick, TICK_MS);
	scoring->batch = batch_start(seam, bundle, scoring->arena, input, &batch_options);
	loop_run(scoring->loop);
}

bool scoring_run(struct arena *arena, struct bundle *bundle, const struct input *input,
	const struct scoring_options *options, struct scored *ret, struct error *err)
{
	struct scoring scoring = {.options = options, .arena = arena};
	const int64_t start_ms = clock_ms();
	struct seam seam;

	*ret = (struct scored){.row_count = input_row_count(input)};
	scoring.row_count = ret->row_count;
	scoring.rows = arena_zalloc(arena, scoring.row_count * sizeof(*scoring.rows));
	bool is_fine = fetch_global_init(err);
	if (!is_fine)
		return false;
	is_fine = open_seam(&scoring, &seam, err);
	if (is_fine) {
		run_batch(&scoring, &seam, bundle, input);
		ret->batch = scoring.batch;
		ret->usage = *batch_usage(scoring.batch);
		ret->elapsed_ms = (uint64_t)(clock_ms() - start_ms);
		ret->signal_number = scoring.signal_number;
		is_fine = scoring.err.code == ERR_NONE;
		if (!is_fine)
			*err = scoring.err;
	}
	if (scoring.recorder != NULL && !recorder_close(scoring.recorder, is_fine ? err : NULL))
		is_fine = false;
	close_seam(&scoring);
	fetch_global_done();
	return is_fine;
}
