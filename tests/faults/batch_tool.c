/*
 * Runs a bundle on one request without a server: the fault tests' driver.
 *
 *	batch_tool BUNDLE_DIR [--timeout-ms N] [--rows-in-flight N] [--threads N] [--cancel-after-ms
 *N]
 *		[--repeat N] [--record FILE] < request.json
 *
 * Repeated with --cancel-after-ms, each time is cancelled a millisecond later than the one before.
 * Prints one JSON object a thread: {"answer":…} or {"error":…,"code":…}, with usage, elapsed_ms,
 *loop_stall_ms (the longest time that the loop was held).
 */
#include "model/batch.h"
#include "model/recorder.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICK_MS = 5, REQUEST_MAX = 32 << 20 };

struct setup {
	struct bundle *bundle;
	struct worker_pool *workers;
	struct recorder *recorder;
	struct str request;
	unsigned timeout_ms, rows_in_flight, cancel_after_ms, repeat;
};

struct thread {
	const struct setup *setup;
	pthread_t id;
	struct arena arena;
	struct loop *loop;
	struct input input;
	struct batch *batch;
	struct timer tick, cancel;
	uint64_t started_ns, tick_ns, stall_ns;
	unsigned left, rows_seen;
	struct error err;
	struct buf out;
};

static void on_tick(void *data)
{
	struct thread *thread = data;
	const uint64_t now_ns = loop_now_ns(thread->loop);
	const uint64_t due_ns = thread->tick_ns + TICK_MS * 1000000;

	if (now_ns > due_ns && now_ns - due_ns > thread->stall_ns)
		thread->stall_ns = now_ns - due_ns;
	thread->tick_ns = now_ns;
	timer_start(&thread->tick, TICK_MS);
}

static void on_cancel(void *data)
{
	struct thread *thread = data;

	batch_cancel(thread->batch);
}

static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct thread *thread = data;

	thread->rows_seen++;
}

static void report(struct thread *thread, const struct error *err)
{
	const struct batch_usage *usage = batch_usage(thread->batch);

	thread->out.len = 0;
	buf_add_text(&thread->out, "{");
	if (err != NULL) {
		buf_printf(&thread->out, "\"code\":\"%s\",\"error\":", error_info(err->code)->name);
		json_write_string(&thread->out, str_of(err->text));
	} else {
		buf_add_text(&thread->out, "\"answer\":");
		batch_write(&thread->out, thread->batch);
	}
	buf_printf(&thread->out,
		",\"usage\":{\"input_tokens\":%llu,\"output_tokens\":%llu,\"model_calls\":%llu,"
		"\"calls_unreported\":%llu,\"tool_calls\":%llu,\"retries\":%llu,\"rows_failed\":%llu,"
		"\"cost_microusd\":%lld},\"rows_seen\":%u,\"elapsed_ms\":%llu,\"loop_stall_ms\":%llu}\n",
		(unsigned long long)usage->input_tokens, (unsigned long long)usage->output_tokens,
		(unsigned long long)usage->model_calls, (unsigned long long)usage->calls_unreported,
		(unsigned long long)usage->tool_calls, (unsigned long long)usage->retries,
		(unsigned long long)usage->rows_failed, (long long)usage->cost_microusd,
		thread->rows_seen,
		(unsigned long long)((loop_now_ns(thread->loop) - thread->started_ns) / 1000000),
		(unsigned long long)(thread->stall_ns / 1000000));
}

static void start_batch(struct thread *thread, const struct seam *seam);

static void on_done(void *data, const struct error *err)
{
	struct thread *thread = data;

	if (thread->left == 1)
		report(thread, err);
	loop_stop(thread->loop);
}

static void start_batch(struct thread *thread, const struct seam *seam)
{
	const struct setup *setup = thread->setup;
	const struct batch_options options = {.timeout_ms = setup->timeout_ms,
		.rows_in_flight = setup->rows_in_flight,
		.recorder = setup->recorder,
		.on_row = on_row,
		.done = on_done,
		.data = thread};

	thread->batch = batch_start(seam, setup->bundle, &thread->arena, &thread->input, &options);
	if (setup->cancel_after_ms > 0)
		timer_start(
			&thread->cancel, setup->cancel_after_ms + (setup->repeat - thread->left));
}

static bool read_input(struct thread *thread)
{
	return input_read(&thread->arena, &thread->setup->bundle->signature, INPUT_JSON,
		thread->setup->request, &thread->input, &thread->err);
}

static void *run_thread(void *data)
{
	struct thread *thread = data;
	struct seam seam = {.workers = thread->setup->workers,
		.now_us = seam_real_now_us,
		.random = seam_real_random};

	seam.loop = thread->loop = loop_new();
	seam.fetcher = fetcher_new(thread->loop, &(struct fetcher_options){0}, &thread->err);
	if (seam.fetcher == NULL)
		return NULL;
	timer_init(&thread->tick, thread->loop, on_tick, thread);
	timer_init(&thread->cancel, thread->loop, on_cancel, thread);
	thread->started_ns = thread->tick_ns = loop_now_ns(thread->loop);
	timer_start(&thread->tick, TICK_MS);
	for (thread->left = thread->setup->repeat; thread->left > 0; thread->left--) {
		arena_clear(&thread->arena);
		if (!read_input(thread))
			break;
		start_batch(thread, &seam);
		loop_run(thread->loop);
		timer_stop(&thread->cancel);
	}
	timer_stop(&thread->tick);
	fetcher_free(seam.fetcher);
	loop_free(thread->loop);
	return NULL;
}

static struct str read_request(struct arena *arena)
{
	char *text = arena_alloc(arena, REQUEST_MAX + JSON_PADDING);

	return (struct str){text, fread(text, 1, REQUEST_MAX, stdin)};
}

static int run_all(struct setup *setup, unsigned count)
{
	struct thread *threads = calloc(count, sizeof(*threads));
	int status = 0;

	for (unsigned i = 0; i < count; i++) {
		threads[i].setup = setup;
		arena_init(&threads[i].arena);
		pthread_create(&threads[i].id, NULL, run_thread, &threads[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i].id, NULL);
		if (threads[i].err.code != ERR_NONE) {
			fprintf(stderr, "batch_tool: %s\n", threads[i].err.text);
			status = error_info(threads[i].err.code)->exit_status;
		}
		if (threads[i].out.len > 0)
			fwrite(threads[i].out.data, 1, threads[i].out.len, stdout);
		buf_done(&threads[i].out);
		arena_done(&threads[i].arena);
	}
	free(threads);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option OPTIONS[] = {{"timeout-ms", required_argument, NULL, 't'},
		{"rows-in-flight", required_argument, NULL, 'f'},
		{"threads", required_argument, NULL, 'n'},
		{"cancel-after-ms", required_argument, NULL, 'c'},
		{"repeat", required_argument, NULL, 'r'}, {"record", required_argument, NULL, 'o'},
		{0}};
	struct setup setup = {.repeat = 1};
	struct problems problems;
	struct arena arena;
	struct error err = {0};
	unsigned threads = 1;
	const char *record = NULL;
	int letter, status = 1;

	while ((letter = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		if (letter == 't')
			setup.timeout_ms = (unsigned)atoi(optarg);
		else if (letter == 'f')
			setup.rows_in_flight = (unsigned)atoi(optarg);
		else if (letter == 'n')
			threads = (unsigned)atoi(optarg);
		else if (letter == 'c')
			setup.cancel_after_ms = (unsigned)atoi(optarg);
		else if (letter == 'r')
			setup.repeat = (unsigned)atoi(optarg);
		else if (letter == 'o')
			record = optarg;
		else
			return 64;
	}
	if (optind + 1 != argc)
		return 64;
	arena_init(&arena);
	problems_init(&problems, &arena);
	if (!fetch_global_init(&err))
		goto out;
	if (!bundle_load(argv[optind], &(struct bundle_options){0}, &problems, &setup.bundle)) {
		problems_check(&problems, &err);
		goto out;
	}
	if (record != NULL && (setup.recorder = recorder_new(record, &err)) == NULL)
		goto out;
	setup.workers = worker_pool_new(4, 1024);
	setup.request = read_request(&arena);
	status = run_all(&setup, threads);
	worker_pool_free(setup.workers);
	if (setup.recorder != NULL && !recorder_close(setup.recorder, &err))
		status = 1;
out:
	if (err.code != ERR_NONE)
		fprintf(stderr, "batch_tool: %s\n", err.text);
	bundle_unref(setup.bundle);
	arena_done(&arena);
	fetch_global_done();
	return status;
}
