/* Tool kind "sql": a statement on a thread of the pool, so that the loop never waits for SQLite. */
#include "model/sql.h"
#include "model/tool.h"

struct sql_state {
	struct work work; /* first: a work is its state */
	struct tool_call *call;
	int64_t now_us;
	struct sql_stop stop;
};

static void run_statement(struct work *work)
{
	struct sql_state *state = (struct sql_state *)work;
	struct tool_call *call = state->call;

	sql_run(call->spec->sql_compiled, call->arena, &call->arguments, state->now_us,
		&state->stop, &call->value, &work->err);
}

static void on_run(struct work *work)
{
	struct sql_state *state = (struct sql_state *)work;

	state->call->err = work->err;
	tool_finish(state->call);
}

static void interrupt(struct work *work)
{
	struct sql_state *state = (struct sql_state *)work;

	sql_stop(&state->stop);
}

static void start(struct tool_call *call)
{
	struct sql_state *state = arena_zalloc(call->arena, sizeof(*state));

	state->call = call;
	state->stop = (struct sql_stop)SQL_STOP_INIT;
	state->now_us = call->seam->now_us(call->seam->data);
	state->work.owner = call->owner;
	state->work.run = run_statement;
	state->work.done = on_run;
	state->work.interrupt = interrupt;
	call->state = state;
	if (!worker_submit(call->seam->workers, call->seam->loop, &state->work, &call->err))
		tool_finish(call);
}

static void cancel(struct tool_call *call)
{
	struct sql_state *state = call->state;

	worker_cancel(&state->work);
}

static bool is_waiting(const struct tool_call *call)
{
	const struct sql_state *state = call->state;

	return worker_is_waiting(&state->work);
}

const struct tool_kind TOOL_SQL = {
	.name = "sql",
	.start = start,
	.cancel = cancel,
	.is_waiting = is_waiting,
};
