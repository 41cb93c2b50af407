#include "model/tool.h"

#include "model/schema.h"
#include "model/sql.h"

static const struct tool_kind *kind_of(const struct tool_spec *spec)
{
	return spec->has_sql ? &TOOL_SQL : NULL;
}

void tool_start(struct tool_call *call, struct arena *arena, const struct seam *seam,
	struct work_owner *owner, const struct tool_spec *spec, struct json arguments,
	void (*done)(void *data, const struct json *value, const struct error *err), void *data)
{
	call->arena = arena;
	call->seam = seam;
	call->owner = owner;
	call->spec = spec;
	call->kind = kind_of(spec);
	call->arguments = arguments;
	call->value = json_null();
	call->state = NULL;
	call->task = (struct loop_task){0};
	call->done = done;
	call->data = data;
	error_clear(&call->err);
	if (call->kind == NULL)
		error_set(&call->err, ERR_INVALID_BUNDLE, "the tool says nothing to run");
	else if (spec->parameters_schema == NULL ||
		 schema_check(spec->parameters_schema, &call->arguments, &call->err))
		return call->kind->start(call);
	else
		error_wrap(&call->err, "arguments");
	call->kind = NULL; /* nothing runs that could be cancelled */
	tool_finish(call);
}

void tool_cancel(struct tool_call *call)
{
	if (call->kind != NULL)
		call->kind->cancel(call);
}

bool tool_is_waiting(const struct tool_call *call)
{
	return call->kind != NULL && call->kind->is_waiting(call);
}

static void finish(void *data)
{
	struct tool_call *call = data;
	const bool has_failed = call->err.code != ERR_NONE;

	if (has_failed)
		error_wrap(&call->err, "tool '%.*s'", STR_ARGS(call->spec->name));
	call->done(call->data, has_failed ? NULL : &call->value, has_failed ? &call->err : NULL);
}

void tool_finish(struct tool_call *call)
{
	call->kind = NULL;
	loop_defer(call->seam->loop, &call->task, finish, call);
}

const struct str *tool_parameters(
	struct arena *arena, const struct tool_spec *spec, size_t *ret_count)
{
	const struct json *properties = json_get(&spec->parameters, STR("properties"));

	*ret_count = 0;
	if (json_type(properties) != JSON_OBJECT)
		return spec->sql_compiled != NULL ? sql_parameters(spec->sql_compiled, ret_count)
						  : NULL;

	struct str *names = arena_array(arena, properties->size, sizeof(*names));

	for (size_t i = 0; i < properties->size; i++)
		names[i] = json_str(&properties->members[i].key);
	*ret_count = properties->size;
	return names;
}
