#include "cli/spent.h"

#include <inttypes.h>

enum { MICRO = 1000000 };

static void write_part(struct buf *out, uint64_t count, const char *what)
{
	if (count > 0)
		buf_printf(out, " (%" PRIu64 " %s)", count, what);
}

void spent_write(struct buf *out, const struct scored *scored)
{
	const struct batch_usage *usage = &scored->usage;

	buf_printf(out, "%zu rows in %.1f s, %" PRIu64 " model calls", scored->row_count,
		(double)scored->elapsed_ms / 1000, usage->model_calls);
	write_part(out, usage->calls_unreported, "without usage");
	buf_printf(out, ", %" PRIu64, usage->input_tokens);
	write_part(out, usage->cached_tokens, "cached");
	buf_printf(out, " + %" PRIu64, usage->output_tokens);
	write_part(out, usage->reasoning_tokens, "reasoning");
	buf_printf(out, " tokens, $%" PRId64 ".%06" PRId64, usage->cost_microusd / MICRO,
		usage->cost_microusd % MICRO);
	write_part(out, usage->calls_unpriced, "calls without a price");
}

struct json spent_json(struct arena *arena, const struct scored *scored)
{
	const struct batch_usage *usage = &scored->usage;
	const struct {
		struct str name;
		uint64_t count;
	} COUNTS[] = {
		{STR("rows"), scored->row_count},
		{STR("rows_failed"), usage->rows_failed},
		{STR("elapsed_ms"), scored->elapsed_ms},
		{STR("model_calls"), usage->model_calls},
		{STR("calls_unreported"), usage->calls_unreported},
		{STR("calls_unpriced"), usage->calls_unpriced},
		{STR("retries"), usage->retries},
		{STR("tool_calls"), usage->tool_calls},
		{STR("input_tokens"), usage->input_tokens},
		{STR("cached_tokens"), usage->cached_tokens},
		{STR("output_tokens"), usage->output_tokens},
		{STR("reasoning_tokens"), usage->reasoning_tokens},
	};
	struct json spent = json_object();

	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++)
		json_set(arena, &spent, COUNTS[i].name, json_integer((int64_t)COUNTS[i].count));
	json_set(arena, &spent, STR("cost_usd"), json_double((double)usage->cost_microusd / MICRO));
	return spent;
}
