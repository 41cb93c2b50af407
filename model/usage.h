#pragma once
/*
 * Usage: the tokens that a model says it used, and what they cost.
 *
 * Tokens are counted as reported, never guessed: a reply without usage counts as a call whose usage
 *is unreported. Money is integer micro-dollars. A call costs (input_tokens × input price +
 *output_tokens × output price) / 1,000,000 with prices in micro-dollars per million tokens, rounded
 *half up to one micro-dollar, once a call; sums of calls are exact. Cached tokens are part of
 *input_tokens and reasoning tokens of output_tokens, priced as those.
 * What a model without a price costs is unknown, not nothing: its calls are counted beside the sum.
 */
#include "model/batch.h"

struct model_spec;

struct usage {
	uint64_t input_tokens, output_tokens;
	uint64_t cached_tokens, reasoning_tokens; /* details, contained in the two above */
	bool is_reported;
};

/* From a chat-completions reply's `usage`, or from Anthropic-style input_tokens and output_tokens.
 */
void usage_read(struct usage *ret, const struct json *value);
int64_t usage_cost_microusd(const struct usage *usage, const struct model_spec *model);
/* Counts one call that was answered. */
void usage_count(
	struct batch_usage *total, const struct usage *usage, const struct model_spec *model);
void usage_add(struct batch_usage *total, const struct batch_usage *more);
