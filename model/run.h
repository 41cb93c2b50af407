#pragma once
/*
 * Run: one row through a bundle: defaults, the steps in order, the columns of the output signature.
 *
 * A run has one struct, one arena, one deadline and one cancel. The row is a JSON object that every
 * step adds one value to, under the step's name. `done` is called exactly once, never inside
 * run_start() or run_cancel().
 */
#include "async/flow.h"
#include "model/batch.h"
#include "model/llm.h"
#include "model/recordings.h"

struct run_column; /* where a column's value comes from: run_output.h */

/* What the runs of a batch share; frozen while they run. */
struct run_context {
	const struct seam *seam;
	struct work_owner *owner; /* of the works that tools submit: the batch */
	const struct bundle *bundle;
	struct recorder *recorder;
	const struct run_column *columns;
	size_t column_count;
	bool is_bare; /* one unnamed column: the answer is its value */
	struct tap *tap; /* takes the text of the step `tap_step`; NULL: none */
	size_t tap_step;
	bool tells_cut; /* the caller tells that the text of that step was cut, so that it may be */
};

enum { RUN_WAITED_MAX = 160 };

struct run {
	struct flow flow;
	struct arena arena; /* the run's own; the run itself lies elsewhere */
	const struct run_context *context;
	size_t index;
	struct json row;
	size_t step;      /* index of the one that runs, or runs next */
	void *step_state; /* that step's, on the arena */
	struct timer deadline;
	uint64_t started_ns, timeout_ms;
	bool is_late;
	size_t late_step;            /* the step at that moment */
	char waited[RUN_WAITED_MAX]; /* what a late run waited for; "": it had not begun */
	struct recordings_played played;
	struct llm_context llm;
	struct batch_usage usage;
	bool is_cut;        /* the task's text ended at a token limit that the request had set */
	struct json answer; /* on the arena; set on success */
	void (*done)(struct run *run, const struct error *err);
	void *data;
	struct run *next, *prev; /* the batch's */
};

/* `deadline_ns` (loop_now_ns(), 0: none) is the batch's; the bundle's own timeout may come first.
 */
void run_start(struct run *run, const struct run_context *context, const struct input *input,
	size_t index, uint64_t deadline_ns, void (*done)(struct run *run, const struct error *err),
	void *data);
void run_cancel(struct run *run);
/* After done: gives the arena back. */
void run_done(struct run *run);

/* The value at a dotted path of the row, or a built-in one; NULL where there is none. */
const struct json *run_value(struct run *run, struct str path);
/* For step kinds: the step has its value, what follows is the next step. */
MUST_USE struct next run_step_done(struct run *run, struct json value);
const struct step_spec *run_step(const struct run *run);
