/*
 * Closed loop of N concurrent fetches on one thread: calls per second and the processor time of a
 *call, client only.
 *
 *	fetch_bench URL CONCURRENCY SECONDS [BODY_BYTES]
 */
#include "async/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct bench {
	struct loop *loop;
	struct fetcher *fetcher;
	struct fetch_request request;
	struct timer timer;
	uint64_t calls, errors, bytes;
	unsigned running;
	bool is_over;
	struct error first_error;
};

struct lane {
	struct bench *bench;
	struct arena arena;
};

static void on_done(void *data, const struct fetch_reply *reply, const struct error *err);

static void begin(struct lane *lane)
{
	arena_clear(&lane->arena);
	fetch_start(lane->bench->fetcher, &lane->arena, &lane->bench->request, on_done, lane);
}

static void on_done(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct lane *lane = data;
	struct bench *bench = lane->bench;

	bench->calls++;
	if (err != NULL || reply->status != 200) {
		if (bench->errors++ == 0 && err != NULL)
			bench->first_error = *err;
	} else {
		bench->bytes += reply->body.len;
	}
	if (!bench->is_over)
		begin(lane);
	else if (--bench->running == 0)
		loop_stop(bench->loop);
}

static void on_time(void *data)
{
	((struct bench *)data)->is_over = true;
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void report(const struct bench *bench, double wall, double cpu)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("%.0f calls/s, %.2f us CPU/call (user %.2f, system %.2f in all), %llu calls, "
	       "%llu errors, %.0f bytes/reply\n",
		(double)bench->calls / wall, cpu * 1e6 / (double)bench->calls,
		((double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec) /
			(double)bench->calls,
		((double)usage.ru_stime.tv_sec * 1e6 + (double)usage.ru_stime.tv_usec) /
			(double)bench->calls,
		(unsigned long long)bench->calls, (unsigned long long)bench->errors,
		(double)bench->bytes / (double)bench->calls);
	if (bench->errors > 0)
		printf("first error: %s\n", bench->first_error.text);
}

static char *make_body(size_t len)
{
	static const char HEAD[] =
		"{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"";
	static const char TAIL[] = "\"}]}";
	const size_t frame = sizeof(HEAD) + sizeof(TAIL) - 2;
	struct buf body = {0};

	buf_add_text(&body, HEAD);
	for (size_t i = frame; i < len; i++)
		buf_add_char(&body, 'x');
	buf_add_text(&body, TAIL);
	buf_text(&body);
	return body.data;
}

static void run(struct bench *bench, unsigned count, unsigned duration_s)
{
	struct lane *lanes = calloc(count, sizeof(*lanes));

	if (lanes == NULL)
		abort();
	bench->running = count;
	for (unsigned i = 0; i < count; i++) {
		lanes[i].bench = bench;
		begin(&lanes[i]);
	}
	timer_init(&bench->timer, bench->loop, on_time, bench);
	timer_start(&bench->timer, duration_s * 1000);
	const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	loop_run(bench->loop);
	report(bench, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	for (unsigned i = 0; i < count; i++)
		arena_done(&lanes[i].arena);
	free(lanes);
}

int main(int argc, char **argv)
{
	static const struct fetch_header HEADERS[] = {
		{STR("Content-Type"), STR("application/json"), false},
		{STR("Authorization"), STR("Bearer sk-test"), true},
	};
	struct bench bench = {0};
	struct error err = {0};

	if (argc < 4) {
		fprintf(stderr, "usage: fetch_bench URL CONCURRENCY SECONDS [BODY_BYTES]\n");
		return 64;
	}
	char *body = make_body(argc > 4 ? strtoul(argv[4], NULL, 10) : 400);
	bench.request = (struct fetch_request){.method = "POST",
		.url = argv[1],
		.headers = HEADERS,
		.header_count = 2,
		.body = str_of(body),
		.is_repeatable = true};
	bench.loop = loop_new();
	if (!fetch_global_init(&err) ||
		(bench.fetcher = fetcher_new(bench.loop, NULL, &err)) == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return error_info(err.code)->exit_status;
	}
	run(&bench, (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
	fetcher_free(bench.fetcher);
	loop_free(bench.loop);
	fetch_global_done();
	free(body);
	return bench.errors > 0;
}
