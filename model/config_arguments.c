/*
 * Checks what statements name with ":name", which is known when they are compiled. A name that
 * nothing provides would be bound as null, and the mistake be found in an answer: it must be a
 * declared parameter of its tool or, where the tool declares none, have a source in every step that
 * runs it.
 */
#include "model/config_scope.h"

#include "model/sql.h"
#include "model/tool.h"

static const struct json *where(const struct json *tree, const char *list, size_t index)
{
	const struct json *array = json_get(tree, str_of(list));

	return json_type(array) == JSON_ARRAY && index < array->size ? &array->items[index] : NULL;
}

static bool has_name(const struct str *names, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static void check_given(struct decoder *decoder, const struct tool_step *step,
	const struct str *names, size_t count)
{
	for (size_t i = 0; json_type(&step->arguments) == JSON_OBJECT && i < step->arguments.size;
		i++) {
		const struct json *key = &step->arguments.members[i].key;

		if (!has_name(names, count, json_str(key)))
			decode_problem(decoder, key,
				"arguments: the statement of tool '%.*s' has no :%.*s",
				STR_ARGS(step->spec->name), STR_ARGS(json_str(key)));
	}
}

static void check_step(struct decoder *decoder, const struct json *tree, const struct scope *scope,
	const struct tool_step *step)
{
	size_t count = 0;
	const struct str *names = tool_parameters(decoder->arena, step->spec, &count);
	const char *why = NULL;

	check_given(decoder, step, names, count);
	for (size_t i = 0; i < count; i++)
		if (json_get(&step->arguments, names[i]) == NULL &&
			!scope_knows(scope, names[i], &why))
			decode_problem(decoder, tree,
				"argument :%.*s of tool '%.*s' has no source: %s",
				STR_ARGS(names[i]), STR_ARGS(step->spec->name), why);
}

static bool declares_parameters(const struct tool_spec *tool)
{
	return json_type(json_get(&tool->parameters, STR("properties"))) == JSON_OBJECT;
}

static void check_tool(
	struct decoder *decoder, const struct json *tree, const struct tool_spec *tool)
{
	size_t declared_count = 0, count = 0;

	if (tool->sql_compiled == NULL || !declares_parameters(tool))
		return;
	const struct str *declared = tool_parameters(decoder->arena, tool, &declared_count);
	const struct str *names = sql_parameters(tool->sql_compiled, &count);
	for (size_t i = 0; i < count; i++)
		if (!has_name(declared, declared_count, names[i]))
			decode_problem(decoder, tree,
				"sql.statement: :%.*s is none of the tool's parameters",
				STR_ARGS(names[i]));
}

static void check_tools(
	struct decoder *decoder, const struct json *tree, const struct config *config)
{
	const struct tool_spec *tools = config->tools.items;

	for (size_t i = 0; i < config->tools.count; i++) {
		decode_enter(decoder, "tools");
		decode_enter_index(decoder, i);
		check_tool(decoder, where(tree, "tools", i), &tools[i]);
		decode_leave(decoder);
		decode_leave(decoder);
	}
}

void config_check_arguments(struct decoder *decoder, const struct json *tree,
	const struct signature *signature, const struct config *config)
{
	const struct step_spec *steps = config->steps.items;
	struct scope scope;

	check_tools(decoder, tree, config);
	scope_init(&scope, decoder->arena, signature, &config->defaults);
	for (size_t i = 0; i < config->steps.count; i++)
		scope_add(&scope,
			(struct scope_name){
				.name = steps[i].name, .origin = SCOPE_STEP, .is_later = true});
	for (size_t i = 0; i < config->steps.count; i++) {
		const struct tool_step *tool = &steps[i].tool;

		decode_enter(decoder, "steps");
		decode_enter_index(decoder, i);
		if (steps[i].type == STEP_TOOL && !declares_parameters(tool->spec))
			check_step(decoder, where(tree, "steps", i), &scope, tool);
		decode_leave(decoder);
		decode_leave(decoder);
		scope_step_ran(&scope, &steps[i]);
	}
}
