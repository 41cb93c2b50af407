#pragma once
/*
 * Output: which values of a row answer which columns, and whether they fit.
 *
 * A column takes the value that `outputs` names for it, else the value of its own name; an unnamed
 * column takes the output at its place, else the last step's value. Without an output signature the
 * answer is an object of `outputs`, or of all steps' values.
 *
 * Conversions lose nothing: an integer fits double; a double without fraction fits integer and
 * long; datetime and binary are text. Null fits every column (a failing row has nulls, so a client
 * must expect them). Everything else is ERR_INVALID_PARAMETER that names column, expected and got.
 * The shape of tensors is not checked.
 */
#include "model/run.h"

struct run_column {
	struct str name;             /* in the answer */
	struct str path;             /* in the row */
	const struct sig_node *node; /* NULL: any */
	bool is_error;               /* takes a failing row's error */
};

/* The columns of `bundle`'s answers. */
const struct run_column *run_columns(
	struct arena *arena, const struct bundle *bundle, size_t *ret_count, bool *ret_is_bare);
bool run_answer(struct run *run, struct json *ret, struct error *err);
/* The row of a failed run: the error in its column, nulls beside it. False where no column takes
 * it. */
bool run_answer_failed(const struct run_context *context, struct arena *arena,
	const struct error *error, struct json *ret);
