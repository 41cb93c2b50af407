/* Counting tokens and money. */
#include "model/usage.h"

/* Beyond any model's context: such a figure is a defect of the endpoint, and counts as unreported.
 */
static const int64_t TOKENS_MAX = (int64_t)1 << 40;

static bool read_tokens(const struct json *usage, const char *path, uint64_t *ret)
{
	const struct json *value = json_at(usage, str_of(path));

	if (json_type(value) != JSON_INTEGER || value->integer < 0 || value->integer > TOKENS_MAX)
		return false;
	*ret = (uint64_t)value->integer;
	return true;
}

void usage_read(struct usage *ret, const struct json *value)
{
	struct usage usage = {0};

	if (read_tokens(value, "prompt_tokens", &usage.input_tokens) &&
		read_tokens(value, "completion_tokens", &usage.output_tokens)) {
		read_tokens(value, "prompt_tokens_details.cached_tokens", &usage.cached_tokens);
		read_tokens(value, "completion_tokens_details.reasoning_tokens",
			&usage.reasoning_tokens);
		usage.is_reported = true;
	} else if (read_tokens(value, "input_tokens", &usage.input_tokens) &&
		   read_tokens(value, "output_tokens", &usage.output_tokens)) {
		read_tokens(value, "cache_read_input_tokens", &usage.cached_tokens);
		usage.is_reported = true;
	}
	*ret = usage.is_reported ? usage : (struct usage){0};
}

int64_t usage_cost_microusd(const struct usage *usage, const struct model_spec *model)
{
	const unsigned __int128 price = (unsigned __int128)usage->input_tokens *
						(uint64_t)model->input_microusd_per_million +
					(unsigned __int128)usage->output_tokens *
						(uint64_t)model->output_microusd_per_million;
	const unsigned __int128 cost = (price + 500000) / 1000000;

	return cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
}

static int64_t add_capped(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void usage_count(
	struct batch_usage *total, const struct usage *usage, const struct model_spec *model)
{
	if (!usage->is_reported)
		total->calls_unreported++;
	if (!model->has_price)
		total->calls_unpriced++;
	total->input_tokens += usage->input_tokens;
	total->output_tokens += usage->output_tokens;
	total->cached_tokens += usage->cached_tokens;
	total->reasoning_tokens += usage->reasoning_tokens;
	total->cost_microusd = add_capped(total->cost_microusd, usage_cost_microusd(usage, model));
}

void usage_add(struct batch_usage *total, const struct batch_usage *more)
{
	total->input_tokens += more->input_tokens;
	total->output_tokens += more->output_tokens;
	total->cached_tokens += more->cached_tokens;
	total->reasoning_tokens += more->reasoning_tokens;
	total->model_calls += more->model_calls;
	total->calls_unreported += more->calls_unreported;
	total->calls_unpriced += more->calls_unpriced;
	total->tool_calls += more->tool_calls;
	total->retries += more->retries;
	total->rows_failed += more->rows_failed;
	total->cost_microusd = add_capped(total->cost_microusd, more->cost_microusd);
}
