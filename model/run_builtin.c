#include "model/run_builtin.h"

#include "model/seam.h"

#include <stdio.h>
#include <time.h>

/* A part of the cost would read as all of it. */
static struct json get_cost(struct run *run)
{
	if (run->usage.calls_unpriced > 0)
		return json_null();
	return json_double((double)run->usage.cost_microusd / 1e6);
}

static struct json get_tokens(struct run *run)
{
	return json_integer((int64_t)(run->usage.input_tokens + run->usage.output_tokens));
}

static struct json get_latency(struct run *run)
{
	return json_integer(
		(int64_t)((loop_now_ns(run->context->seam->loop) - run->started_ns) / 1000000));
}

static struct json get_now(struct run *run)
{
	const struct seam *seam = run->context->seam;
	const int64_t now_us = seam->now_us(seam->data);
	const time_t seconds = (time_t)(now_us / 1000000);
	char date[32];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	return json_string(
		str_of(arena_printf(&run->arena, "%s.%06dZ", date, (int)(now_us % 1000000))));
}

static struct json get_null(struct run *run)
{
	return json_null();
}

static const struct {
	const char *name;
	struct json (*get)(struct run *run);
} BUILTINS[] = {
	{"cost", get_cost},
	{"tokens", get_tokens},
	{"latency_ms", get_latency},
	{"now", get_now},
	{"error", get_null},
	{"trace_id", get_null},
	{"trace_url", get_null},
};

const struct json *run_builtin(struct run *run, struct str name)
{
	for (size_t i = 0; i < sizeof(BUILTINS) / sizeof(*BUILTINS); i++) {
		if (!str_is(name, BUILTINS[i].name))
			continue;

		struct json *value = arena_alloc(&run->arena, sizeof(*value));

		*value = BUILTINS[i].get(run);
		return value;
	}
	return NULL;
}

bool run_is_builtin(struct str name)
{
	for (size_t i = 0; i < sizeof(BUILTINS) / sizeof(*BUILTINS); i++)
		if (str_is(name, BUILTINS[i].name))
			return true;
	return false;
}
