/*
 * Links a decoded config: looks up every name, compiles schemas, and checks every path against what
 * the row holds at that moment of a run, so that a bundle that loads cannot fail on a name.
 */
#include "model/config_scope.h"

#include "model/input.h"
#include "model/prompt.h"
#include "model/schema.h"

struct linker {
	struct decoder *decoder;
	const struct json *tree;
	const struct prompts *prompts;
	const struct signature *signature;
	struct config *config;
	struct scope scope;
};

static void link_models(struct linker *linker);
static void link_tools(struct linker *linker);
static void link_defaults(struct linker *linker);
static void link_steps(struct linker *linker);
static void link_outputs(struct linker *linker);

void config_link(struct decoder *decoder, const struct json *tree, const struct prompts *prompts,
	const struct signature *signature, struct config *config)
{
	struct linker linker = {.decoder = decoder,
		.tree = tree,
		.prompts = prompts,
		.signature = signature,
		.config = config};

	link_models(&linker);
	link_tools(&linker);
	link_defaults(&linker);
	scope_init(&linker.scope, decoder->arena, signature, &config->defaults);
	link_steps(&linker);
	link_outputs(&linker);
}

/* Where problems stand */

static const struct json *member(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, str_of(name));

	return value != NULL ? value : object;
}

static const struct json *element(const struct linker *linker, const char *list, size_t index)
{
	const struct json *array = json_get(linker->tree, str_of(list));

	return json_type(array) == JSON_ARRAY && index < array->size ? &array->items[index] : NULL;
}

static const char *text_of(struct linker *linker, struct str text)
{
	return arena_memdup(linker->decoder->arena, text.data, text.len);
}

static void enter_element(struct linker *linker, const char *list, size_t index)
{
	decode_enter(linker->decoder, list);
	decode_enter_index(linker->decoder, index);
}

static void leave_element(struct linker *linker)
{
	decode_leave(linker->decoder);
	decode_leave(linker->decoder);
}

/* "unknown WHAT 'NAME', did you mean …?" at the member `key` of `object`. `size` is that of an item
 * whose name is first. */
static void unknown(struct linker *linker, const struct json *object, const char *key,
	const char *what, struct str name, const struct decode_list *list, size_t size)
{
	struct decoder *decoder = linker->decoder;
	const char **known = arena_array(decoder->arena, list->count + 1, sizeof(*known));

	for (size_t i = 0; i < list->count; i++)
		known[i] = text_of(
			linker, *(const struct str *)((const char *)list->items + i * size));
	known[list->count] = NULL;
	const char *nearest = decode_nearest(name, known);
	decode_enter(decoder, key);
	if (nearest != NULL)
		decode_problem(decoder, member(object, key),
			"unknown %s '%.*s', did you mean '%s'?", what, STR_ARGS(name), nearest);
	else
		decode_problem(decoder, member(object, key), "unknown %s '%.*s'%s", what,
			STR_ARGS(name), list->count == 0 ? " (none is declared)" : "");
	decode_leave(decoder);
}

/* Models */

static bool has_cycle(const struct model_spec *start, size_t limit)
{
	const struct model_spec *model = start;

	for (size_t i = 0; model != NULL && i <= limit; i++)
		model = model->fallback_spec;
	return model != NULL;
}

static void link_fallback(struct linker *linker, const struct json *tree, struct model_spec *model)
{
	if (model->fallback.len == 0)
		return;
	model->fallback_spec = config_model(linker->config, model->fallback);
	if (model->fallback_spec == NULL)
		unknown(linker, tree, "fallback", "model", model->fallback, &linker->config->models,
			sizeof(struct model_spec));
}

static void link_models(struct linker *linker)
{
	struct model_spec *models = linker->config->models.items;
	const size_t count = linker->config->models.count;
	struct decoder *decoder = linker->decoder;
	const struct json *tree = json_get(linker->tree, STR("models"));

	decode_enter(decoder, "models");
	for (size_t i = 0; i < count; i++) {
		decode_enter(decoder, text_of(linker, models[i].name));
		link_fallback(linker, &tree->members[i].value, &models[i]);
		decode_leave(decoder);
	}
	for (size_t i = 0; i < count; i++) {
		if (!has_cycle(&models[i], count))
			continue;
		decode_enter(decoder, text_of(linker, models[i].name));
		decode_problem(decoder, member(&tree->members[i].value, "fallback"),
			"fallback: '%.*s' leads back to itself", STR_ARGS(models[i].fallback));
		decode_leave(decoder);
		models[i].fallback_spec = NULL;
	}
	decode_leave(decoder);
}

/* Tools */

static const struct data_spec *find_data(const struct config *config, struct str name)
{
	const struct data_spec *data = config->data.items;

	for (size_t i = 0; i < config->data.count; i++)
		if (str_eq(data[i].name, name))
			return &data[i];
	return NULL;
}

static const struct tool_spec *find_tool(const struct config *config, struct str name)
{
	const struct tool_spec *tools = config->tools.items;

	for (size_t i = 0; i < config->tools.count; i++)
		if (str_eq(tools[i].name, name))
			return &tools[i];
	return NULL;
}

static bool is_identifier(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.data[i];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
			return false;
	}
	return name.len > 0 && name.len <= 64;
}

static bool check_identifier(struct linker *linker, const struct json *tree, struct str name)
{
	if (is_identifier(name))
		return true;
	if (name.len > 0)
		decode_problem(linker->decoder, member(tree, "name"),
			"name: '%.*s' is no name (letters, digits, _ and -, at most 64, a letter first)",
			STR_ARGS(name));
	return false;
}

static void link_sql(struct linker *linker, const struct json *tree, struct tool_spec *tool)
{
	if (tool->sql.data.len == 0)
		return;
	tool->data_spec = find_data(linker->config, tool->sql.data);
	if (tool->data_spec != NULL)
		return;
	decode_enter(linker->decoder, "sql");
	unknown(linker, member(tree, "sql"), "data", "data", tool->sql.data, &linker->config->data,
		sizeof(struct data_spec));
	decode_leave(linker->decoder);
}

static void link_tool(struct linker *linker, const struct json *tree, struct tool_spec *tool)
{
	struct decoder *decoder = linker->decoder;

	if (check_identifier(linker, tree, tool->name) &&
		find_tool(linker->config, tool->name) != tool)
		decode_problem(decoder, member(tree, "name"), "a second tool '%.*s'",
			STR_ARGS(tool->name));
	if (json_type(&tool->parameters) == JSON_OBJECT) {
		decode_enter(decoder, "parameters");
		tool->parameters_schema = schema_compile(decoder, &tool->parameters);
		decode_leave(decoder);
	}
	if (tool->has_sql)
		link_sql(linker, tree, tool);
}

static void link_tools(struct linker *linker)
{
	struct tool_spec *tools = linker->config->tools.items;

	for (size_t i = 0; i < linker->config->tools.count; i++) {
		enter_element(linker, "tools", i);
		link_tool(linker, element(linker, "tools", i), &tools[i]);
		leave_element(linker);
	}
}

/* Defaults */

static const struct sig_property *find_column(const struct sig_schema *schema, struct str name)
{
	for (size_t i = 0; schema->is_named && i < schema->count; i++)
		if (str_eq(schema->columns[i].name, name))
			return &schema->columns[i];
	return NULL;
}

/* A default goes the way of a request's value, so that a run finds the type that the signature
 * promises. */
static bool enforce_default(struct linker *linker, const struct sig_property *column,
	const struct json_member *given, struct json *ret, struct error *err)
{
	struct arena *arena = linker->decoder->arena;
	struct signature only = {.inputs = linker->signature->inputs};
	const size_t index = (size_t)(column - only.inputs.columns);
	struct json row = json_object(), rows = json_array(), body = json_object();
	struct input input;

	only.inputs.columns += index;
	only.inputs.names += index;
	only.inputs.keys += index;
	only.inputs.count = 1;
	json_set(arena, &row, json_str(&given->key), given->value);
	json_append(arena, &rows, row);
	json_set(arena, &body, STR("dataframe_records"), rows);
	if (!input_read_tree(arena, &only, &body, &input, err))
		return false;
	*ret = input.cells[0];
	return true;
}

static void link_default(
	struct linker *linker, const struct sig_property *column, struct json_member *entry)
{
	struct decoder *decoder = linker->decoder;
	struct error err = {0};
	struct json value = {0};

	if (column == NULL) {
		decode_problem(decoder, &entry->key, "the signature has no input column '%.*s'",
			STR_ARGS(json_str(&entry->key)));
	} else if (json_type(&entry->value) == JSON_NULL) {
		decode_problem(decoder, &entry->key, "null is what a default stands for");
	} else if (!enforce_default(linker, column, entry, &value, &err)) {
		decode_problem(decoder, &entry->value, "does not fit the signature: %s", err.text);
	} else {
		value.at = entry->value.at;
		entry->value = value;
	}
}

static void link_defaults(struct linker *linker)
{
	const struct sig_schema *inputs = &linker->signature->inputs;
	struct json *defaults = &linker->config->defaults;

	if (json_type(defaults) != JSON_OBJECT || !inputs->is_declared || !inputs->is_named ||
		inputs->is_tensor)
		return;
	struct json_member *members =
		arena_array(linker->decoder->arena, defaults->size, sizeof(*members));
	if (defaults->size > 0)
		memcpy(members, defaults->members, defaults->size * sizeof(*members));
	defaults->members = members;
	decode_enter(linker->decoder, "defaults");
	for (size_t i = 0; i < defaults->size; i++) {
		const struct str name = json_str(&members[i].key);

		decode_enter(linker->decoder, text_of(linker, name));
		link_default(linker, find_column(inputs, name), &members[i]);
		decode_leave(linker->decoder);
	}
	decode_leave(linker->decoder);
}

/* Steps */

static void declare_step(
	struct linker *linker, const struct json *tree, const struct step_spec *step)
{
	const struct scope_name *taken = scope_find(&linker->scope, step->name);

	if (!check_identifier(linker, tree, step->name))
		return;
	if (taken == NULL) {
		scope_add(&linker->scope,
			(struct scope_name){
				.name = step->name, .origin = SCOPE_STEP, .is_later = true});
		return;
	}
	decode_problem(linker->decoder, member(tree, "name"),
		taken->origin == SCOPE_STEP ? "name: a second %s '%.*s'"
					    : "name: taken by the %s '%.*s'",
		scope_origin_name(taken->origin), STR_ARGS(step->name));
}

static void check_variables(
	struct linker *linker, const struct template *template, const struct step_spec *step)
{
	size_t count = 0;
	const struct template_variable *variables = template_variables(template, &count);
	const char *why = NULL;

	for (size_t i = 0; i < count && linker->decoder->problems->count < PROBLEMS_MAX; i++)
		if (!scope_knows(&linker->scope, variables[i].path, &why))
			problems_add(linker->decoder->problems,
				arena_strdup(linker->decoder->problems->arena, variables[i].file),
				variables[i].line,
				arena_printf(linker->decoder->arena, "{{%.*s}}",
					STR_ARGS(variables[i].path)),
				"%s, in step '%.*s'", why, STR_ARGS(step->name));
}

static const struct template *link_template(struct linker *linker, const struct json *tree,
	const char *key, struct str name, const struct step_spec *step)
{
	const struct template *template = prompts_get(linker->prompts, name);

	if (template != NULL) {
		check_variables(linker, template, step);
		return template;
	}
	const size_t count = prompts_count(linker->prompts);
	struct str *names = arena_array(linker->decoder->arena, count, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = template_name(prompts_at(linker->prompts, i));
	const struct decode_list list = {.items = names, .count = count};
	unknown(linker, tree, key, "prompt", name, &list, sizeof(*names));
	return NULL;
}

static void link_llm(struct linker *linker, const struct json *tree, struct step_spec *step)
{
	struct decoder *decoder = linker->decoder;
	struct llm_step *llm = &step->llm;

	if (json_type(tree) != JSON_OBJECT)
		return;
	decode_enter(decoder, "llm");
	llm->model_spec = config_model(linker->config, llm->model);
	if (llm->model_spec == NULL && llm->model.len > 0)
		unknown(linker, tree, "model", "model", llm->model, &linker->config->models,
			sizeof(struct model_spec));
	if (llm->prompt.len > 0)
		llm->prompt_template = link_template(linker, tree, "prompt", llm->prompt, step);
	if (llm->system.len > 0)
		llm->system_template = link_template(linker, tree, "system", llm->system, step);
	if (json_type(&llm->output) == JSON_OBJECT) {
		decode_enter(decoder, "output");
		llm->schema = schema_compile(decoder, &llm->output);
		decode_leave(decoder);
	}
	decode_leave(decoder);
}

static void check_path(struct linker *linker, const struct json *where, struct str path)
{
	const char *why = NULL;

	if (linker->decoder->problems->count < PROBLEMS_MAX &&
		!scope_knows(&linker->scope, path, &why))
		decode_problem(linker->decoder, where, "%s", why);
}

static void check_argument(
	struct linker *linker, const struct tool_spec *tool, const struct json_member *argument)
{
	const struct str name = json_str(&argument->key);

	decode_enter(linker->decoder, text_of(linker, name));
	if (tool->parameters_schema != NULL && !schema_knows(tool->parameters_schema, name))
		decode_problem(linker->decoder, &argument->key,
			"tool '%.*s' has no parameter '%.*s'", STR_ARGS(tool->name),
			STR_ARGS(name));
	if (json_type(&argument->value) == JSON_STRING)
		check_path(linker, &argument->value, json_str(&argument->value));
	else
		decode_problem(linker->decoder, &argument->value, "expected a dotted path, got %s",
			json_type_name(&argument->value));
	decode_leave(linker->decoder);
}

/* What is required and not named takes the row's value of its own name: that must be there. */
static void check_required(
	struct linker *linker, const struct json *tree, const struct tool_step *step)
{
	const struct json *required = json_get(&step->spec->parameters, STR("required"));
	const char *why = NULL;

	for (size_t i = 0; json_type(required) == JSON_ARRAY && i < required->size; i++) {
		const struct str name = json_str(&required->items[i]);

		if (json_get(&step->arguments, name) == NULL &&
			!scope_knows(&linker->scope, name, &why))
			decode_problem(linker->decoder, tree,
				"required parameter '%.*s' of tool '%.*s': %s", STR_ARGS(name),
				STR_ARGS(step->spec->name), why);
	}
}

static void link_tool_step(struct linker *linker, const struct json *tree, struct tool_step *step)
{
	struct decoder *decoder = linker->decoder;
	const struct json *arguments = &step->arguments;

	if (step->tool.len == 0)
		return;
	step->spec = find_tool(linker->config, step->tool);
	if (step->spec == NULL) {
		const bool is_object = json_type(member(tree, "tool")) == JSON_OBJECT;

		if (is_object)
			decode_enter(decoder, "tool");
		unknown(linker, is_object ? member(tree, "tool") : tree,
			is_object ? "name" : "tool", "tool", step->tool, &linker->config->tools,
			sizeof(struct tool_spec));
		if (is_object)
			decode_leave(decoder);
		return;
	}
	decode_enter(decoder, "tool");
	if (step->spec->parameters_schema != NULL)
		check_required(linker, member(tree, "tool"), step);
	decode_enter(decoder, "arguments");
	for (size_t i = 0; json_type(arguments) == JSON_OBJECT && i < arguments->size; i++)
		check_argument(linker, step->spec, &arguments->members[i]);
	decode_leave(decoder);
	decode_leave(decoder);
}

static void check_when(struct linker *linker, const struct step_spec *step)
{
	decode_enter(linker->decoder, "when");
	for (size_t i = 0; json_type(&step->when) == JSON_OBJECT && i < step->when.size; i++)
		check_path(
			linker, &step->when.members[i].key, json_str(&step->when.members[i].key));
	decode_leave(linker->decoder);
}

static void link_steps(struct linker *linker)
{
	struct step_spec *steps = linker->config->steps.items;
	const size_t count = linker->config->steps.count;

	for (size_t i = 0; i < count; i++) {
		enter_element(linker, "steps", i);
		declare_step(linker, element(linker, "steps", i), &steps[i]);
		leave_element(linker);
	}
	for (size_t i = 0; i < count; i++) {
		const struct json *tree = element(linker, "steps", i);

		enter_element(linker, "steps", i);
		check_when(linker, &steps[i]);
		if (json_get(tree, STR("tool")) != NULL && steps[i].type == STEP_TOOL)
			link_tool_step(linker, tree, &steps[i].tool);
		else if (json_get(tree, STR("llm")) != NULL && steps[i].type == STEP_LLM)
			link_llm(linker, json_get(tree, STR("llm")), &steps[i]);
		leave_element(linker);
		scope_step_ran(&linker->scope, &steps[i]);
	}
}

/* Outputs */

static bool has_output(const struct config *config, struct str column)
{
	const struct output_spec *outputs = config->outputs.items;

	for (size_t i = 0; i < config->outputs.count; i++)
		if (str_eq(outputs[i].column, column))
			return true;
	return false;
}

static const struct json *output_key(const struct json *tree, struct str column)
{
	for (size_t i = 0; json_type(tree) == JSON_OBJECT && i < tree->size; i++)
		if (str_eq(json_str(&tree->members[i].key), column))
			return &tree->members[i].key;
	return tree;
}

static void check_output(
	struct linker *linker, const struct json *tree, const struct output_spec *output)
{
	const struct sig_schema *declared = &linker->signature->outputs;
	const struct json *where = output_key(tree, output->column);

	decode_enter(linker->decoder, text_of(linker, output->column));
	if (declared->is_declared && declared->is_named &&
		find_column(declared, output->column) == NULL)
		decode_problem(linker->decoder, where, "the signature has no output column '%.*s'",
			STR_ARGS(output->column));
	check_path(linker, where, output->path);
	decode_leave(linker->decoder);
}

/* A column that `outputs` does not name takes the value of its own name. */
static void check_column(struct linker *linker, const struct sig_property *column)
{
	const bool is_text = column->node.type == SIG_STRING || column->node.type == SIG_ANY;
	const char *why = NULL;

	if (has_output(linker->config, column->name))
		return;
	if (!scope_knows(&linker->scope, column->name, &why))
		decode_problem(linker->decoder, member(linker->tree, "outputs"),
			"output column '%.*s' of the signature has no source: %s",
			STR_ARGS(column->name), why);
	else if (str_is(column->name, "error") && !is_text)
		decode_problem(linker->decoder, member(linker->tree, "outputs"),
			"output column 'error' must be a string to carry a row's error");
}

static void link_outputs(struct linker *linker)
{
	const struct output_spec *outputs = linker->config->outputs.items;
	const struct sig_schema *declared = &linker->signature->outputs;
	const struct json *tree = json_get(linker->tree, STR("outputs"));
	const size_t count = linker->config->outputs.count;

	decode_enter(linker->decoder, "outputs");
	if (linker->config->steps.count == 0) {
		if (count > 0)
			decode_problem(linker->decoder, tree,
				"a bundle without steps answers its inputs: outputs say nothing there");
		decode_leave(linker->decoder);
		return;
	}
	for (size_t i = 0; i < count; i++)
		check_output(linker, tree, &outputs[i]);
	if (declared->is_declared && !declared->is_named && count > declared->count)
		decode_problem(linker->decoder, tree,
			"%zu outputs for the signature's %zu unnamed columns", count,
			declared->count);
	for (size_t i = 0; declared->is_declared && declared->is_named && i < declared->count; i++)
		check_column(linker, &declared->columns[i]);
	decode_leave(linker->decoder);
}
