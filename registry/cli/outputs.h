#pragma once
/*
 * Outputs: what the answers of a test hold, column by column: numbers as least, mean and most, texts by their length,
 * errors and traces as they are.
 */
#include "base/json.h"

struct outputs {
	struct arena *arena;
	struct output *columns;
	size_t column_count;
	size_t row_count, rows_failed;
	struct json errors, traces; /* texts, each once */
};

void outputs_init(struct outputs *outputs, struct arena *arena);
/* One answer, which may go then: {"predictions": …}, one of a chat, or anything else. */
void outputs_add(struct outputs *outputs, const struct json *answer);
/* [{"column", "count", "nulls"?, "type", "min"?, "mean"?, "max"?, "values"?, "chars_min"?, …}] */
struct json outputs_json(const struct outputs *outputs);
/* A line a column. */
void outputs_write(struct buf *out, const struct outputs *outputs);
