/*
 * Tables: rows and columns of a request, bound to the columns of the signature.
 */
#include "model/input_form.h"

/* For each column of the signature: where it is in the table, or NAMES_NONE. */
static bool find_columns(struct form *form, struct table *table, long *places)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct names names = {
		.arena = form->arena, .items = table->names, .count = table->column_count};

	if (!schema->is_named && table->column_count < schema->count)
		return enforce_error(form->signature, form->err, "expected %zu columns, got %s%zu",
			schema->count, table->row_count == 0 ? "no rows and " : "",
			table->column_count);
	for (size_t i = 0; i < schema->count; i++)
		places[i] =
			schema->is_named ? names_find(&names, schema->columns[i].name, i) : (long)i;
	return true;
}

static bool bind_columns(struct form *form, struct table *table, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	long *places = arena_array(form->arena, schema->count, sizeof(*places));
	bool *has_column = arena_array(form->arena, schema->count, sizeof(*has_column));

	if (!find_columns(form, table, places) ||
		!table_fits(form, schema->names, schema->count, table->row_count, TABLE_SIZE_MAX))
		return false;
	struct json *cells =
		arena_array(form->arena, table->row_count, schema->count * sizeof(struct json));
	for (size_t i = 0; i < schema->count; i++) {
		has_column[i] = places[i] != NAMES_NONE;
		for (size_t row = 0; row < table->row_count; row++)
			cells[row * schema->count + i] =
				has_column[i] ? table->cells[row * table->column_count +
							     (size_t)places[i]]
					      : (struct json){.type = JSON_ABSENT};
	}
	const long missing = columns_missing(form, has_column);
	const struct names found = {
		.arena = form->arena, .items = table->names, .count = table->column_count};
	if (missing != NAMES_NONE)
		return columns_fail(form, missing, table->row_count, &found);
	if (!cells_enforce(form, cells, table->row_count, has_column))
		return false;
	ret->shape = INPUT_TABLE;
	ret->row_count = table->row_count;
	ret->column_count = schema->count;
	ret->columns = schema->is_named ? schema->names : table->names;
	ret->keys = schema->is_named ? schema->keys : NULL;
	ret->cells = cells;
	return true;
}

bool table_bind(struct form *form, struct table *table, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;

	if (schema->is_declared && schema->is_tensor)
		return tensors_bind_table(form, table, ret);
	if (schema->is_declared)
		return bind_columns(form, table, ret);
	for (size_t i = 0; i < table->row_count * table->column_count; i++)
		if (table->cells[i].type == JSON_ABSENT)
			table->cells[i] = json_null();
	ret->shape = INPUT_TABLE;
	ret->row_count = table->row_count;
	ret->column_count = table->column_count;
	ret->columns = table->names;
	ret->cells = table->cells;
	return true;
}
