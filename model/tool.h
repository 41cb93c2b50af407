#pragma once
/*
 * Tool: one call of a tool, whatever its kind; one file a kind, each ending in its `struct
 * tool_kind`.
 *
 * Arguments are checked against the tool's parameters before anything runs. `done` is called
 * exactly once, never inside tool_start() or tool_cancel(); the call and its arena stay until then,
 * and are the call's alone: a kind may fill the arena on a thread of the pool. Calls of one `owner`
 * (NULL: nobody's) take turns with those of others for the pool's threads: worker.h.
 */
#include "model/config.h"
#include "model/seam.h"

struct tool_call;

struct tool_kind {
	const char *name;
	void (*start)(struct tool_call *call); /* ends in tool_finish(), possibly at once */
	void (*cancel)(struct tool_call *call);
	bool (*is_waiting)(const struct tool_call *call); /* for a thread */
};
extern const struct tool_kind TOOL_SQL;

struct tool_call {
	struct arena *arena;
	const struct seam *seam;
	struct work_owner *owner;
	const struct tool_spec *spec;
	const struct tool_kind *kind;
	struct json arguments; /* an object */
	struct json value;
	struct error err;
	void *state; /* the kind's */
	struct loop_task task;
	void (*done)(void *data, const struct json *value,
		const struct error *err); /* one of the two is NULL */
	void *data;
};

void tool_start(struct tool_call *call, struct arena *arena, const struct seam *seam,
	struct work_owner *owner, const struct tool_spec *spec, struct json arguments,
	void (*done)(void *data, const struct json *value, const struct error *err), void *data);
void tool_cancel(struct tool_call *call);
/* It has not begun, for want of a thread. */
bool tool_is_waiting(const struct tool_call *call);
/* For kinds: call->value is the result, or call->err is set. Calls done in the loop's next turn. */
void tool_finish(struct tool_call *call);

/* The names that a tool takes where nobody says more: its parameters' properties, else what its
 * statement names. */
const struct str *tool_parameters(
	struct arena *arena, const struct tool_spec *spec, size_t *ret_count);
