#pragma once
/*
 * Batch: the rows of one request run through a bundle, concurrently, answers in order.
 *
 * A failing row carries its error in the `error` column where the output signature has one, and the
 * batch goes on; else the batch fails as a raising pyfunc does (ERR_BAD_REQUEST, the row and step
 * named) and what is in flight is cancelled. `done` is called exactly once, on the loop's thread,
 * never inside batch_start() or batch_cancel().
 */
#include "model/bundle.h"
#include "model/input.h"
#include "model/seam.h"

struct batch;
struct recorder;
struct tap;

struct batch_options {
	uint32_t timeout_ms; /* for all rows; 0: none. Rows that are late fail with ERR_DEADLINE */
	unsigned rows_in_flight; /* 0: 64 */
	/* Bytes of all values as they are written, and of all errors; 0: no limit. The first row
	 * beyond it and all that end after it fail with ERR_TOO_LARGE; where no column takes that,
	 * or the errors are too long as well, the batch does. */
	size_t answer_max;
	void (*on_row)(void *data, size_t row, const struct json *answer,
		const struct error *err); /* may be NULL */
	/* A failing row fails the batch even where a column takes its error: whoever asked one
	 * question has no use for an answer of nulls. The endpoint's 429 stays one then, and a text that was cut at a
	 * limit of the request's is one: batch_was_cut() tells. */
	bool fails_whole;
	/* Takes the text of the bundle's task (model/task.h) while a model writes it, of a batch of one row; may be
	 * NULL. Nothing is handed out where the text is no step's own or comes at once: a recorded reply, JSON. */
	struct tap *tap;
	struct recorder *recorder; /* takes every model reply (model/recorder.h); may be NULL */
	void (*done)(void *data, const struct error *err); /* answers are ready where err is NULL */
	void *data;
};

struct batch_usage {
	uint64_t input_tokens, output_tokens;     /* as the models report them */
	uint64_t cached_tokens, reasoning_tokens; /* contained in the two above */
	uint64_t model_calls;                     /* answered, repairs included */
	uint64_t calls_unreported; /* of them without usage: they count no tokens and no cost */
	uint64_t calls_unpriced;   /* of models without a price: they add no cost, so it is a part */
	uint64_t tool_calls, retries, rows_failed;
	int64_t cost_microusd; /* integer micro-dollars; the rounding rule is in model/usage.h */
};

/* `input` and `bundle` must outlive the batch; answers live on `arena`. */
struct batch *batch_start(const struct seam *seam, struct bundle *bundle, struct arena *arena,
	const struct input *input, const struct batch_options *options);
void batch_cancel(struct batch *batch);
const struct batch_usage *batch_usage(const struct batch *batch);
/* At any time: whether every failure has a column, so that the batch can only end early by a
 * cancel; and how many rows, from the first on, have their answers. */
bool batch_fails_by_row(const struct batch *batch);
size_t batch_ready_count(const struct batch *batch);
/* A row's answer, once it is there. */
const struct json *batch_answer(const struct batch *batch, size_t row);
/* After done: a text of the bundle's task ended at a token limit that the request had set. */
bool batch_was_cut(const struct batch *batch);
/* After done: appends the answers, {"predictions":[…]} or bare, one value a row: an object of the
 * output columns, or the bare value where one unnamed column is declared. */
void batch_write(struct buf *out, const struct batch *batch);
/* The same in pieces: rows `from` to before `to`, with what stands before the first and behind the
 * last. */
void batch_write_part(struct buf *out, const struct batch *batch, size_t from, size_t to);
