/*
 * gate rule: a simulation of arrivals and services in virtual time, which prints and asserts what
 * issue and header promise: under ten times the capacity the slots stay busy, who is accepted is
 * quick, who is refused is refused at once, and it is over soon; a burst of clients that wait for
 * their answers is never refused.
 */
#include "async/gate_rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS     1000000ull
#define SECOND (1000 * MS)

enum { TIMEOUT_MS = 30000, QUEUE_MAX = 4096, SLOTS_MAX = 64, CLIENTS_MAX = 256 };

struct traffic {
	unsigned slots;
	uint64_t service_ns;
	bool is_random;      /* exponential times, else constant */
	unsigned processors; /* that all share evenly, service_ns each; 0: one for each */
};

struct samples {
	double *ms;
	size_t count, cap;
};

struct request {
	uint64_t came_ns, started_ns;
	enum gate_company company;
	double ends; /* when `work` is there */
	int client;  /* -1: open loop */
	bool is_counted;
};

struct sim {
	struct gate_rule rule;
	struct traffic traffic;
	uint64_t now, random;
	double work; /* nanoseconds of a processor that each that is running had, since the
			beginning */
	struct request running[SLOTS_MAX]; /* a heap by `ends` */
	unsigned running_count;
	struct request queue[QUEUE_MAX];
	unsigned queue_at, waiting;
	uint64_t client_at[CLIENTS_MAX]; /* when he sends; UINT64_MAX: he waits for an answer */
	int clients;

	bool is_counting;
	struct samples accepted, refused;
	uint64_t completed, in_use_max, queued_max;
};

static void add(struct samples *samples, uint64_t ns)
{
	if (samples->count == samples->cap) {
		samples->cap = samples->cap * 2 + 1024;
		samples->ms = realloc(samples->ms, samples->cap * sizeof(double));
		assert_non_null(samples->ms);
	}
	samples->ms[samples->count++] = (double)ns / 1e6;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double p99(struct samples *samples)
{
	if (samples->count == 0)
		return 0;
	qsort(samples->ms, samples->count, sizeof(double), compare);
	return samples->ms[(samples->count - 1) * 99 / 100];
}

/* xorshift64*: the same numbers in every run. */
static double uniform(struct sim *sim)
{
	sim->random ^= sim->random >> 12;
	sim->random ^= sim->random << 25;
	sim->random ^= sim->random >> 27;
	return (double)((sim->random * 0x2545F4914F6CDD1Dull) >> 11) / 9007199254740992.0;
}

static uint64_t span(struct sim *sim, double mean_ns)
{
	return (uint64_t)(sim->traffic.is_random ? -log(1 - uniform(sim)) * mean_ns : mean_ns);
}

static void sim_init(struct sim *sim, const struct traffic *traffic)
{
	const struct gate_limits limits = {.slots = traffic->slots,
		.queue_max = QUEUE_MAX,
		.queue_timeout_ms = TIMEOUT_MS,
		.sheds = true};

	memset(sim, 0, sizeof(*sim));
	sim->traffic = *traffic;
	sim->random = 0x9E3779B97F4A7C15ull;
	sim->now = SECOND;
	gate_rule_init(&sim->rule, &limits, sim->now);
}

static void sim_done(struct sim *sim)
{
	free(sim->accepted.ms);
	free(sim->refused.ms);
}

static void count_from_here(struct sim *sim)
{
	sim->is_counting = true;
	sim->accepted.count = sim->refused.count = 0;
	sim->completed = 0;
}

static void run(struct sim *sim, struct request request)
{
	unsigned at = sim->running_count++;

	assert_true(sim->running_count <= sim->traffic.slots);
	request.started_ns = sim->now;
	request.company = gate_rule_company(&sim->rule);
	request.ends = sim->work + (double)span(sim, (double)sim->traffic.service_ns);
	for (; at > 0 && sim->running[(at - 1) / 2].ends > request.ends; at = (at - 1) / 2)
		sim->running[at] = sim->running[(at - 1) / 2];
	sim->running[at] = request;
}

static struct request take_ended(struct sim *sim)
{
	const struct request first = sim->running[0];
	const struct request last = sim->running[--sim->running_count];
	unsigned at = 0;

	for (unsigned child; (child = 2 * at + 1) < sim->running_count; at = child) {
		if (child + 1 < sim->running_count &&
			sim->running[child + 1].ends < sim->running[child].ends)
			child++;
		if (sim->running[child].ends >= last.ends)
			break;
		sim->running[at] = sim->running[child];
	}
	sim->running[at] = last;
	return first;
}

static struct request take_first(struct sim *sim)
{
	const struct request first = sim->queue[sim->queue_at];

	sim->queue_at = (sim->queue_at + 1) % QUEUE_MAX;
	sim->waiting--;
	return first;
}

/* A client that is refused asks again after a second, one that is answered after 50 us. */
static void refuse(struct sim *sim, const struct request *request)
{
	if (request->is_counted)
		add(&sim->refused, sim->now - request->came_ns);
	if (request->client >= 0)
		sim->client_at[request->client] = sim->now + SECOND;
}

static void let_in(struct sim *sim)
{
	while (gate_rule_next(&sim->rule, sim->now))
		run(sim, take_first(sim));
}

static void come(struct sim *sim, int client)
{
	const struct request request = {
		.came_ns = sim->now, .client = client, .is_counted = sim->is_counting};
	unsigned shed;
	const enum gate_door door = gate_rule_come(&sim->rule, sim->now, &shed);

	if (client >= 0)
		sim->client_at[client] = UINT64_MAX;
	while (shed-- > 0) {
		const struct request old = take_first(sim);

		refuse(sim, &old);
	}
	if (door == GATE_ENTERED)
		run(sim, request);
	else if (door == GATE_FULL)
		refuse(sim, &request);
	else
		sim->queue[(sim->queue_at + sim->waiting++) % QUEUE_MAX] = request;
	let_in(sim);
	if (sim->rule.queued > sim->queued_max)
		sim->queued_max = sim->rule.queued;
}

static void end(struct sim *sim)
{
	const struct request request = take_ended(sim);

	if (request.is_counted)
		add(&sim->accepted, sim->now - request.came_ns);
	sim->completed++;
	if (request.client >= 0)
		sim->client_at[request.client] = sim->now + 50000;
	gate_rule_go(&sim->rule, request.started_ns, request.company, sim->now);
	let_in(sim);
	assert_int_equal(sim->rule.in_use, sim->running_count);
	assert_int_equal(sim->rule.queued, sim->waiting);
	assert_true(sim->rule.queued == 0 || sim->rule.in_use >= sim->rule.limit);
}

static uint64_t expires_ns(const struct sim *sim)
{
	return sim->rule.queued == 0 ? UINT64_MAX
				     : sim->queue[sim->queue_at].came_ns + TIMEOUT_MS * MS;
}

static void expire(struct sim *sim)
{
	const struct request request = take_first(sim);

	gate_rule_quit(&sim->rule);
	refuse(sim, &request);
}

/* Of a processor that each has that is running. */
static double pace(const struct sim *sim)
{
	const unsigned processors = sim->traffic.processors, running = sim->running_count;

	return processors == 0 || running <= processors ? 1 : (double)processors / running;
}

static uint64_t ends_ns(const struct sim *sim)
{
	if (sim->running_count == 0)
		return UINT64_MAX;

	const double left = sim->running[0].ends - sim->work;

	return sim->now + (left > 0 ? (uint64_t)ceil(left / pace(sim)) : 0);
}

static void pass_to(struct sim *sim, uint64_t time)
{
	sim->work += (double)(time - sim->now) * pace(sim);
	sim->now = time;
}

/* Everything but arrivals, until a time. */
static void pass_until(struct sim *sim, uint64_t until)
{
	for (;;) {
		const uint64_t ends = ends_ns(sim);
		const uint64_t expires = expires_ns(sim);
		const uint64_t next = ends < expires ? ends : expires;

		if (next > until)
			break;
		pass_to(sim, next);
		if (ends <= expires)
			end(sim);
		else
			expire(sim);
	}
	pass_to(sim, until);
}

static double capacity_per_ns(const struct sim *sim)
{
	const unsigned processors = sim->traffic.processors, slots = sim->traffic.slots;

	return (double)(processors != 0 && processors < slots ? processors : slots) /
	       (double)sim->traffic.service_ns;
}

/* Open loop: `load` times the capacity, whatever is answered. */
static void arrive(struct sim *sim, double load, uint64_t for_ns)
{
	const double gap = 1 / (capacity_per_ns(sim) * load);
	const uint64_t until = sim->now + for_ns;
	uint64_t next = sim->now + span(sim, gap);

	for (; next < until; next += span(sim, gap)) {
		pass_until(sim, next);
		come(sim, -1);
	}
	pass_until(sim, until);
}

/* Closed loop: all begin within start_ns; each sends when it was answered. */
static void ask_and_wait(struct sim *sim, int clients, uint64_t start_ns, uint64_t for_ns)
{
	const uint64_t until = sim->now + for_ns;

	for (int i = 0; i < clients; i++)
		sim->client_at[i] = sim->now + (uint64_t)(uniform(sim) * (double)start_ns);
	for (;;) {
		int first = 0;

		for (int i = 1; i < clients; i++)
			if (sim->client_at[i] < sim->client_at[first])
				first = i;

		const uint64_t ends = ends_ns(sim);
		const uint64_t next = sim->client_at[first] < ends ? sim->client_at[first] : ends;

		if (next > until)
			break;
		pass_until(sim, next);
		if (sim->client_at[first] <= sim->now)
			come(sim, first);
	}
}

static const char *describe(const struct traffic *traffic)
{
	static char text[64];

	snprintf(text, sizeof(text), "%u slots, %llu ms %s%s", traffic->slots,
		(unsigned long long)(traffic->service_ns / MS),
		traffic->is_random ? "exponential" : "constant",
		traffic->processors != 0 ? ", shared" : "");
	return text;
}

/* Long enough that the p99 is one, and that the beginning (3 service times) is under 1 %. */
static uint64_t long_enough(const struct traffic *traffic)
{
	const uint64_t service = traffic->service_ns;
	const uint64_t answers =
		4000 * service / (traffic->processors != 0 ? traffic->processors : traffic->slots);
	const uint64_t span_ns = answers > 400 * service ? answers : 400 * service;

	return span_ns > 4 * SECOND ? span_ns : 4 * SECOND;
}

struct outcome {
	double goodput, calm_p99, p99, refused_p99, calm_refused, refused, after_p99, after_refused;
};

static double share(const struct sim *sim)
{
	const size_t all = sim->accepted.count + sim->refused.count;

	return all == 0 ? 0 : (double)sim->refused.count / (double)all;
}

/* 80 %, then `load`, which is looked at after settle_ns, then 80 % again, of which the first 5 s
 * (or 8 service times) are the recovery.
 */
static struct outcome overload(const struct traffic *traffic, double load, uint64_t settle_ns)
{
	struct sim *sim = malloc(sizeof(*sim));
	const uint64_t span_ns = long_enough(traffic);
	struct outcome outcome;

	assert_non_null(sim);
	sim_init(sim, traffic);
	count_from_here(sim);
	arrive(sim, 0.8, span_ns);
	outcome.calm_p99 = p99(&sim->accepted);
	outcome.calm_refused = share(sim);
	sim->is_counting = false;
	arrive(sim, load, settle_ns);
	count_from_here(sim);
	arrive(sim, load, span_ns);
	outcome.goodput = (double)sim->completed / (capacity_per_ns(sim) * (double)span_ns);
	outcome.p99 = p99(&sim->accepted);
	outcome.refused_p99 = p99(&sim->refused);
	outcome.refused = share(sim);
	sim->is_counting = false;
	arrive(sim, 0.8,
		traffic->service_ns * 8 > 5 * SECOND ? traffic->service_ns * 8 : 5 * SECOND);
	count_from_here(sim);
	arrive(sim, 0.8, span_ns);
	outcome.after_p99 = p99(&sim->accepted);
	outcome.after_refused = share(sim);
	printf("%-28s %4.1fx: goodput %5.1f %%, p99 %9.2f ms (%5.2f x that at 80 %%), refused %4.1f %% "
	       "(p99 %6.2f ms; at 80 %% %.2f %%), after: p99 %9.2f ms, refused %.2f %%, queue %llu\n",
		describe(traffic), load, 100 * outcome.goodput, outcome.p99,
		outcome.p99 / outcome.calm_p99, 100 * outcome.refused, outcome.refused_p99,
		100 * outcome.calm_refused, outcome.after_p99, 100 * outcome.after_refused,
		(unsigned long long)sim->queued_max);
	sim_done(sim);
	free(sim);
	return outcome;
}

static const struct traffic TRAFFICS[] = {
	{1, 1 * MS, false, 0},
	{4, 1 * MS, false, 0},
	{64, 1 * MS, false, 0},
	{1, 50 * MS, false, 0},
	{4, 50 * MS, false, 0},
	{64, 50 * MS, false, 0},
	{1, 2000 * MS, false, 0},
	{4, 2000 * MS, false, 0},
	{64, 2000 * MS, false, 0},
	{1, 1 * MS, true, 0},
	{4, 1 * MS, true, 0},
	{64, 1 * MS, true, 0},
	{1, 50 * MS, true, 0},
	{4, 50 * MS, true, 0},
	{64, 50 * MS, true, 0},
	{1, 2000 * MS, true, 0},
	{4, 2000 * MS, true, 0},
	{64, 2000 * MS, true, 0},
};
/* Requests that compute, on two processors. */
static const struct traffic SHARED[] = {
	{4, 10 * MS, false, 2},
	{16, 10 * MS, false, 2},
	{64, 10 * MS, false, 2},
	{4, 10 * MS, true, 2},
	{16, 10 * MS, true, 2},
	{64, 10 * MS, true, 2},
};

enum { TRAFFIC_COUNT = sizeof(TRAFFICS) / sizeof(*TRAFFICS) };

/* All rows are printed before the test fails. */
#define MISSES(claim) ((claim) ? 0 : (printf("%28s missed: %s\n", "", #claim), 1))

static void test_ten_times(void **state)
{
	unsigned misses = 0;

	for (size_t i = 0; i < TRAFFIC_COUNT; i++) {
		const struct outcome outcome = overload(&TRAFFICS[i], 10, 0);

		misses += MISSES(outcome.goodput >= 0.90);
		misses += MISSES(outcome.p99 <= 2 * outcome.calm_p99);
		misses += MISSES(outcome.refused_p99 <= 10);
		misses += MISSES(outcome.after_p99 <= 1.5 * outcome.calm_p99);
		/* One slot with random services of 2 s queues for longer than the timeout by
		 * itself. */
		if (TRAFFICS[i].service_ns * 20 > TIMEOUT_MS * MS * TRAFFICS[i].slots)
			continue;
		misses += MISSES(outcome.calm_refused <= 0.001);
		misses += MISSES(outcome.after_refused <= 0.001);
	}
	assert_int_equal(misses, 0);
}

static void test_shared_processors(void **state)
{
	unsigned misses = 0;

	for (size_t i = 0; i < sizeof(SHARED) / sizeof(*SHARED); i++) {
		const struct outcome outcome = overload(&SHARED[i], 10, 3 * SECOND);

		misses += MISSES(outcome.goodput >= 0.90);
		misses += MISSES(outcome.p99 <= 2 * outcome.calm_p99);
		misses += MISSES(outcome.refused_p99 <= 10);
	}
	assert_int_equal(misses, 0);
}

/* Requests that are slow by themselves, not for want of a processor, keep their places. */
static void test_heavier_requests(void **state)
{
	unsigned misses = 0;

	for (size_t i = 0; i < TRAFFIC_COUNT; i++) {
		const struct traffic *traffic = &TRAFFICS[i];

		if (traffic->service_ns != 50 * MS)
			continue;

		struct sim *sim = malloc(sizeof(*sim));

		assert_non_null(sim);
		sim_init(sim, traffic);
		arrive(sim, 0.8, long_enough(traffic));
		sim->traffic.service_ns *= 5;
		count_from_here(sim);

		const uint64_t span_ns = 2 * long_enough(&sim->traffic);

		arrive(sim, 10, span_ns);

		const double goodput =
			(double)sim->completed / (capacity_per_ns(sim) * (double)span_ns);

		printf("%-28s five times as slow in overload: goodput %5.1f %%\n",
			describe(traffic), 100 * goodput);
		misses += MISSES(goodput >= 0.90);
		sim_done(sim);
		free(sim);
	}
	assert_int_equal(misses, 0);
}

/* 64000 requests a second take as long to simulate as all others together. */
static bool is_costly(const struct traffic *traffic)
{
	return traffic->slots == 64 && traffic->service_ns == MS;
}

static void test_twice(void **state)
{
	unsigned misses = 0;

	for (size_t i = 0; i < TRAFFIC_COUNT; i++) {
		if (is_costly(&TRAFFICS[i]))
			continue;

		const struct outcome outcome = overload(&TRAFFICS[i], 2, 0);

		misses += MISSES(outcome.goodput >= 0.75);
	}
	assert_int_equal(misses, 0);
}

static void test_at_capacity(void **state)
{
	unsigned misses = 0;

	for (size_t i = 0; i < TRAFFIC_COUNT; i++) {
		if (is_costly(&TRAFFICS[i]))
			continue;

		const struct outcome outcome = overload(&TRAFFICS[i], 1, 0);

		misses += MISSES(outcome.goodput >= 0.75);
	}
	assert_int_equal(misses, 0);
}

static void test_closed_loop(void **state)
{
	static const int CLIENTS[] = {16, 64, 256};
	struct sim *sim = malloc(sizeof(*sim));

	assert_non_null(sim);
	for (size_t i = 0; i < TRAFFIC_COUNT; i++)
		for (size_t j = 0; j < 3; j++) {
			const struct traffic *traffic = &TRAFFICS[i];
			const double wait =
				(double)traffic->service_ns * CLIENTS[j] / traffic->slots;

			sim_init(sim, traffic);
			count_from_here(sim);
			ask_and_wait(sim, CLIENTS[j], 5 * MS,
				20 * traffic->service_ns + (uint64_t)(5 * wait));
			printf("%-28s %3d clients: goodput %5.1f %%, p99 %9.2f ms, refused %.2f %%\n",
				describe(traffic), CLIENTS[j],
				100 * (double)sim->completed /
					(capacity_per_ns(sim) * (double)(sim->now - SECOND)),
				p99(&sim->accepted), 100 * share(sim));
			if (wait <= TIMEOUT_MS * MS / 2)
				assert_int_equal(sim->refused.count, 0);
			sim_done(sim);
		}
	free(sim);
}

/* Programs that start their clients one after the other look like an open loop at first. */
static void test_slow_start(void **state)
{
	struct sim *sim = malloc(sizeof(*sim));

	assert_non_null(sim);
	for (size_t i = 0; i < TRAFFIC_COUNT; i++) {
		if (TRAFFICS[i].slots != 4 || TRAFFICS[i].service_ns > SECOND)
			continue;
		for (uint64_t start_ns = 10 * MS; start_ns <= SECOND; start_ns *= 2) {
			sim_init(sim, &TRAFFICS[i]);
			count_from_here(sim);
			ask_and_wait(sim, 64, start_ns, 3 * SECOND);
			assert_true(sim->accepted.count > 100);
			assert_int_equal(sim->refused.count, 0);
			sim_done(sim);
		}
	}
	free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_times),
		cmocka_unit_test(test_shared_processors),
		cmocka_unit_test(test_heavier_requests),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_at_capacity),
		cmocka_unit_test(test_closed_loop),
		cmocka_unit_test(test_slow_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
