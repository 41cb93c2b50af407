/* Columns and answers. What fits a type is in run_convert.c. */
#include "model/run_output.h"

#include "model/bundle.h"
#include "model/run_convert.h"

static const struct output_spec *outputs_of(const struct config *config)
{
	return config->outputs.items;
}

static struct str last_step(const struct config *config)
{
	const struct step_spec *steps = config->steps.items;

	return config->steps.count > 0 ? steps[config->steps.count - 1].name : (struct str){0};
}

/* The path of a named column: as `outputs` says, else its own name. */
static struct str path_of(const struct config *config, struct str column)
{
	for (size_t i = 0; i < config->outputs.count; i++)
		if (str_eq(outputs_of(config)[i].column, column))
			return outputs_of(config)[i].path;
	return column;
}

static struct run_column declared_column(
	struct arena *arena, const struct bundle *bundle, size_t index)
{
	const struct config *config = &bundle->config;
	const struct sig_schema *schema = &bundle->signature.outputs;
	const struct sig_property *column = &schema->columns[index];
	const bool can_hold_text = column->node.type == SIG_STRING || column->node.type == SIG_ANY;
	struct run_column result = {.name = column->name, .node = &column->node};

	if (column->name.data == NULL) {
		result.name = str_of(arena_printf(arena, "%zu", index));
		result.path = index < config->outputs.count ? outputs_of(config)[index].path
							    : last_step(config);
		return result;
	}
	result.path = path_of(config, column->name);
	result.is_error = can_hold_text && str_is(result.path, "error");
	return result;
}

static size_t count_columns(const struct bundle *bundle)
{
	if (bundle->signature.outputs.is_declared)
		return bundle->signature.outputs.count;
	if (bundle->config.outputs.count > 0)
		return bundle->config.outputs.count;
	return bundle->config.steps.count;
}

const struct run_column *run_columns(
	struct arena *arena, const struct bundle *bundle, size_t *ret_count, bool *ret_is_bare)
{
	const struct sig_schema *schema = &bundle->signature.outputs;
	const struct step_spec *steps = bundle->config.steps.items;
	const size_t count = count_columns(bundle);
	struct run_column *columns = arena_array(arena, count, sizeof(*columns));

	for (size_t i = 0; i < count; i++) {
		if (schema->is_declared)
			columns[i] = declared_column(arena, bundle, i);
		else if (bundle->config.outputs.count > 0)
			columns[i] = (struct run_column){
				.name = outputs_of(&bundle->config)[i].column,
				.path = outputs_of(&bundle->config)[i].path,
				.is_error = str_is(outputs_of(&bundle->config)[i].path, "error")};
		else
			columns[i] =
				(struct run_column){.name = steps[i].name, .path = steps[i].name};
	}
	*ret_count = count;
	*ret_is_bare = schema->is_declared && count == 1 && schema->columns[0].name.data == NULL;
	return columns;
}

static bool answer_column(
	struct run *run, const struct run_column *column, struct json *ret, struct error *err)
{
	const struct json *value = run_value(run, column->path);

	if (value == NULL || json_type(value) == JSON_NULL) {
		*ret = json_null();
		return true;
	}
	if (column->node == NULL) {
		*ret = *value;
		return true;
	}
	if (!run_convert(&run->arena, column->node, value, ret, err))
		return error_wrap(err, "output column '%.*s' (from '%.*s')", STR_ARGS(column->name),
			STR_ARGS(column->path));
	return true;
}

static struct json answer_object(
	struct arena *arena, const struct run_context *context, const struct json *values)
{
	struct json_member *members = arena_array(arena, context->column_count, sizeof(*members));

	for (size_t i = 0; i < context->column_count; i++)
		members[i] = (struct json_member){json_string(context->columns[i].name), values[i]};
	return json_object_of(members, context->column_count);
}

bool run_answer(struct run *run, struct json *ret, struct error *err)
{
	const struct run_context *context = run->context;
	struct json *values = arena_array(&run->arena, context->column_count, sizeof(*values));

	for (size_t i = 0; i < context->column_count; i++)
		if (!answer_column(run, &context->columns[i], &values[i], err))
			return false;
	*ret = context->is_bare ? values[0] : answer_object(&run->arena, context, values);
	return true;
}

bool run_answer_failed(const struct run_context *context, struct arena *arena,
	const struct error *error, struct json *ret)
{
	struct json *values = arena_array(arena, context->column_count, sizeof(*values));
	bool has_column = false;

	for (size_t i = 0; i < context->column_count; i++) {
		values[i] = json_null();
		if (!context->columns[i].is_error)
			continue;
		values[i] = json_string(str_of(arena_strdup(arena, error->text)));
		has_column = true;
	}
	if (has_column)
		*ret = answer_object(arena, context, values);
	return has_column;
}
