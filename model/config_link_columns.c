/* What config.yaml says about the signature's columns: defaults of inputs, sources of outputs. */
#include "model/config_link.h"

#include "model/input.h"

static const struct sig_property *find_column(const struct sig_schema *schema, struct str name)
{
	for (size_t i = 0; schema->is_named && i < schema->count; i++)
		if (str_eq(schema->columns[i].name, name))
			return &schema->columns[i];
	return NULL;
}

/* Defaults */

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
	} else if (linker->signature->inputs.is_tensor) {
		decode_problem(decoder, &entry->key, "a tensor has no default");
	} else if (json_type(&entry->value) == JSON_NULL) {
		decode_problem(decoder, &entry->key, "null is what a default stands for");
	} else if (!enforce_default(linker, column, entry, &value, &err)) {
		decode_problem(decoder, &entry->value, "does not fit the signature: %s", err.text);
	} else {
		value.at = entry->value.at;
		entry->value = value;
	}
}

static void link_columns_defaults(struct linker *linker, struct json *defaults)
{
	struct json_member *members =
		arena_array(linker->decoder->arena, defaults->size, sizeof(*members));

	memcpy(members, defaults->members, defaults->size * sizeof(*members));
	defaults->members = members;
	for (size_t i = 0; i < defaults->size; i++) {
		const struct str name = json_str(&members[i].key);

		decode_enter(linker->decoder, linker_text(linker, name));
		link_default(linker, find_column(&linker->signature->inputs, name), &members[i]);
		decode_leave(linker->decoder);
	}
}

/* Without declared inputs, defaults are what a run adds to its row: only steps can read them. */
void link_defaults(struct linker *linker)
{
	struct json *defaults = &linker->config->defaults;

	if (json_type(defaults) != JSON_OBJECT || defaults->size == 0)
		return;
	decode_enter(linker->decoder, "defaults");
	if (linker->signature->inputs.is_declared)
		link_columns_defaults(linker, defaults);
	else if (linker->config->steps.count == 0)
		decode_problem(linker->decoder, linker_member(linker->tree, "defaults"),
			"a bundle without declared inputs and without steps answers what it gets: "
			"defaults say nothing there");
	decode_leave(linker->decoder);
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

	decode_enter(linker->decoder, linker_text(linker, output->column));
	if (declared->is_declared && declared->is_named &&
		find_column(declared, output->column) == NULL)
		decode_problem(linker->decoder, where, "the signature has no output column '%.*s'",
			STR_ARGS(output->column));
	linker_check_path(linker, where, output->path);
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
		decode_problem(linker->decoder, linker_member(linker->tree, "outputs"),
			"output column '%.*s' of the signature has no source: %s",
			STR_ARGS(column->name), why);
	else if (str_is(column->name, "error") && !is_text)
		decode_problem(linker->decoder, linker_member(linker->tree, "outputs"),
			"output column 'error' must be a string to carry a row's error");
}

void link_outputs(struct linker *linker)
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
