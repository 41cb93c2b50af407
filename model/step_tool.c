/*
 * Step kind "tool": runs a tool on values of the row; its value is the tool's result.
 *
 * start_tool → on_tool_done → run_step_done
 */
#include "model/step.h"
#include "model/tool.h"

#include <stdio.h>

struct tool_state {
	struct tool_call call;
	struct json value;
};

static struct next on_tool_done(void *self);

static void add_argument(struct run *run, struct json *arguments, struct str name, struct str path)
{
	const struct json *value = run_value(run, path);

	if (value != NULL)
		json_set(&run->arena, arguments, name, *value);
}

/* As the step says, else the row's values of the parameters' names; what the row does not have is
 * left out. */
static struct json collect_arguments(struct run *run)
{
	const struct tool_step *step = &run_step(run)->tool;
	struct json arguments = json_object();
	size_t count;

	if (json_type(&step->arguments) == JSON_OBJECT) {
		for (size_t i = 0; i < step->arguments.size; i++)
			add_argument(run, &arguments, json_str(&step->arguments.members[i].key),
				json_str(&step->arguments.members[i].value));
		return arguments;
	}

	const struct str *names = tool_parameters(&run->arena, step->spec, &count);

	for (size_t i = 0; i < count; i++)
		add_argument(run, &arguments, names[i], names[i]);
	return arguments;
}

static void on_call_done(void *data, const struct json *value, const struct error *err)
{
	struct run *run = data;
	struct tool_state *state = run->step_state;

	if (err != NULL)
		run->flow.err = *err;
	else
		state->value = *value;
	flow_resume(&run->flow);
}

static struct next start_tool(void *self)
{
	struct run *run = self;
	struct tool_state *state = arena_alloc(&run->arena, sizeof(*state));

	run->step_state = state;
	run->usage.tool_calls++;
	error_clear(&run->flow.err);
	tool_start(&state->call, &run->arena, run->context->seam, run->context->owner,
		run_step(run)->tool.spec, collect_arguments(run), on_call_done, run);
	return next_wait(on_tool_done);
}

static struct next on_tool_done(void *self)
{
	struct run *run = self;
	const struct tool_state *state = run->step_state;

	if (run->flow.err.code != ERR_NONE)
		return next_fail(&run->flow, "step '%.*s'", STR_ARGS(run_step(run)->name));
	return run_step_done(run, state->value);
}

static void cancel(struct run *run)
{
	struct tool_state *state = run->step_state;

	tool_cancel(&state->call);
}

static void tell(const struct run *run, char *ret, size_t size)
{
	const struct tool_state *state = run->step_state;

	snprintf(ret, size, "for %stool '%.*s'",
		tool_is_waiting(&state->call) ? "a thread that would run " : "",
		STR_ARGS(run_step(run)->tool.spec->name));
}

const struct step_kind STEP_KIND_TOOL = {
	.name = "tool",
	.start = start_tool,
	.cancel = cancel,
	.tell = tell,
};
