/* What admission costs a request, nobody else being there: nanoseconds, the best of five rounds. */
#include "async/gate.h"
#include "base/budget.h"
#include "base/clock.h"
#include "serving/limiter.h"

#include <stdio.h>

enum { ROUNDS = 5, TIMES = 1000000 };

static struct gate *gate;
static struct gate_pass pass;
static struct loop *loop;
static struct limiter *limiter;
static struct budget budget = {.max = 1 << 30};
static const struct limit_caller CALLER = {.name = {"ann@example.com", 15}};

static void on_turn(void *data, enum gate_turn turn)
{
}

static void through_gate(void)
{
	gate_enter(gate, &pass, loop, on_turn, NULL);
	gate_leave(&pass);
}

static void through_limiter(void)
{
	unsigned retry_after_s;
	struct error err;

	limiter_admit(limiter, &CALLER, clock_ns(), &retry_after_s, &err);
}

static void through_budget(void)
{
	budget_take(&budget, 1000);
	budget_give(&budget, 1000);
}

static void measure(const char *name, void (*act)(void))
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		const uint64_t start = clock_ns();

		for (int i = 0; i < TIMES; i++)
			act();

		const double each = (double)(clock_ns() - start) / TIMES;

		best = each < best ? each : best;
	}
	printf("%-40s %6.1f ns\n", name, best);
}

int main(void)
{
	const struct limit limits[] = {
		{.key = LIMIT_ENDPOINT, .calls = INT32_MAX, .tokens = INT32_MAX},
		{.key = LIMIT_USER, .calls = INT32_MAX, .tokens = INT32_MAX},
	};

	loop = loop_new();
	gate = gate_new(&(struct gate_limits){.slots = 4, .queue_timeout_ms = 30000, .sheds = true});
	limiter = limiter_new();
	measure("gate: enter and leave", through_gate);
	measure("limiter: admit, no limits", through_limiter);
	limiter_set(limiter, limits, 1);
	measure("limiter: admit, an endpoint's limits", through_limiter);
	limiter_set(limiter, limits, 2);
	measure("limiter: admit, and each user's", through_limiter);
	measure("budget: take and give", through_budget);
	limiter_unref(limiter);
	gate_free(gate);
	loop_free(loop);
	return 0;
}
