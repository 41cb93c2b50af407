/*
 * Links a decoded config: looks up every name, compiles schemas, and checks every path against what
 * the row holds at that moment of a run, so that a bundle that loads cannot fail on a name.
 */
#include "model/config_link.h"

#include "model/schema.h"

static void link_models(struct linker *linker);
static void link_tools(struct linker *linker);

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

const struct json *linker_member(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, str_of(name));

	return value != NULL ? value : object;
}

const struct json *linker_element(const struct linker *linker, const char *list, size_t index)
{
	const struct json *array = json_get(linker->tree, str_of(list));

	return json_type(array) == JSON_ARRAY && index < array->size ? &array->items[index] : NULL;
}

const char *linker_text(struct linker *linker, struct str text)
{
	return arena_memdup(linker->decoder->arena, text.data, text.len);
}

void linker_enter(struct linker *linker, const char *list, size_t index)
{
	decode_enter(linker->decoder, list);
	decode_enter_index(linker->decoder, index);
}

void linker_leave(struct linker *linker)
{
	decode_leave(linker->decoder);
	decode_leave(linker->decoder);
}

/* "unknown WHAT 'NAME', did you mean …?" at the member `key` of `object`. `size` is that of an item
 * whose name is first. */
void linker_unknown(struct linker *linker, const struct json *object, const char *key,
	const char *what, struct str name, const struct decode_list *list, size_t size)
{
	struct decoder *decoder = linker->decoder;
	const char **known = arena_array(decoder->arena, list->count + 1, sizeof(*known));

	for (size_t i = 0; i < list->count; i++)
		known[i] = linker_text(
			linker, *(const struct str *)((const char *)list->items + i * size));
	known[list->count] = NULL;
	const char *nearest = decode_nearest(name, known);
	decode_enter(decoder, key);
	if (nearest != NULL)
		decode_problem(decoder, linker_member(object, key),
			"unknown %s '%.*s', did you mean '%s'?", what, STR_ARGS(name), nearest);
	else
		decode_problem(decoder, linker_member(object, key), "unknown %s '%.*s'%s", what,
			STR_ARGS(name), list->count == 0 ? " (none is declared)" : "");
	decode_leave(decoder);
}

void linker_check_path(struct linker *linker, const struct json *where, struct str path)
{
	const char *why = NULL;

	if (linker->decoder->problems->count < PROBLEMS_MAX &&
		!scope_knows(&linker->scope, path, &why))
		decode_problem(linker->decoder, where, "%s", why);
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
		linker_unknown(linker, tree, "fallback", "model", model->fallback,
			&linker->config->models, sizeof(struct model_spec));
}

static void link_models(struct linker *linker)
{
	struct model_spec *models = linker->config->models.items;
	const size_t count = linker->config->models.count;
	struct decoder *decoder = linker->decoder;
	const struct json *tree = json_get(linker->tree, STR("models"));

	decode_enter(decoder, "models");
	for (size_t i = 0; i < count; i++) {
		decode_enter(decoder, linker_text(linker, models[i].name));
		link_fallback(linker, &tree->members[i].value, &models[i]);
		decode_leave(decoder);
	}
	for (size_t i = 0; i < count; i++) {
		if (!has_cycle(&models[i], count))
			continue;
		decode_enter(decoder, linker_text(linker, models[i].name));
		decode_problem(decoder, linker_member(&tree->members[i].value, "fallback"),
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

const struct tool_spec *linker_tool(const struct config *config, struct str name)
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

bool linker_check_name(struct linker *linker, const struct json *tree, struct str name)
{
	if (is_identifier(name))
		return true;
	if (name.len > 0)
		decode_problem(linker->decoder, linker_member(tree, "name"),
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
	linker_unknown(linker, linker_member(tree, "sql"), "data", "data", tool->sql.data,
		&linker->config->data, sizeof(struct data_spec));
	decode_leave(linker->decoder);
}

static void link_tool(struct linker *linker, const struct json *tree, struct tool_spec *tool)
{
	struct decoder *decoder = linker->decoder;

	if (linker_check_name(linker, tree, tool->name) &&
		linker_tool(linker->config, tool->name) != tool)
		decode_problem(decoder, linker_member(tree, "name"), "a second tool '%.*s'",
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
		linker_enter(linker, "tools", i);
		link_tool(linker, linker_element(linker, "tools", i), &tools[i]);
		linker_leave(linker);
	}
}
