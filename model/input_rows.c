/*
 * The dataframe forms: dataframe_records and dataframe_split (docs/protocol/RULES.md V12).
 */
#include "model/enforce_text.h"
#include "model/input_form.h"

static bool is_named(const struct form *form)
{
	const struct sig_schema *schema = &form->signature->inputs;

	return schema->is_declared && schema->is_named && !schema->is_tensor;
}

static bool scalars_table(struct form *form, const struct json *values, struct table *ret)
{
	*ret = (struct table){
		.row_count = values->size,
		.column_count = 1,
		.names = table_numbered(form->arena, 1),
		.cells = values->items,
	};
	return true;
}

bool rows_table(struct form *form, const struct json *rows, struct table *ret)
{
	size_t width = 0;

	/* An array among scalars is a cell as they are; scalars among arrays are no rows. */
	if (rows->size > 0 && rows->items[0].type != JSON_ARRAY)
		return scalars_table(form, rows, ret);
	for (size_t row = 0; row < rows->size; row++) {
		const struct json *cells = &rows->items[row];
		if (cells->type != JSON_ARRAY)
			return error_set(form->err, ERR_BAD_REQUEST,
				"row %zu (counted from 0): expected an array as in row 0, got %s",
				row, json_type_name(cells));
		width = cells->size > width ? cells->size : width;
	}
	ret->row_count = rows->size;
	ret->column_count = width;
	ret->names = table_numbered(form->arena, width);
	if (!table_fits(form, ret->names, width, rows->size, form->size_max))
		return false;
	ret->cells = arena_zalloc(form->arena, rows->size * width * sizeof(*ret->cells));
	for (size_t row = 0; row < rows->size; row++) {
		const struct json *cells = &rows->items[row];
		for (size_t i = 0; i < width; i++)
			ret->cells[row * width + i] =
				i < cells->size ? cells->items[i] : json_null();
	}
	return true;
}

static bool check_mixed(struct form *form, const char *name, const struct elements *kinds)
{
	return !kinds->any_object || kinds->all_objects ||
	       error_set(form->err, ERR_BAD_REQUEST, "%s: objects and other values cannot be mixed",
		       name);
}

bool form_records(struct form *form, struct json *value, struct input *ret)
{
	struct table table = {0};

	if (value->type != JSON_ARRAY)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_records: expected an array of objects, got %s",
			json_type_name(value));
	const struct elements kinds = elements_of(value);
	if (!check_mixed(form, "dataframe_records", &kinds))
		return false;
	if (kinds.any_object && is_named(form))
		return records_bind(form, value, ret);
	if (!(kinds.any_object ? records_table(form, value, &table)
			       : rows_table(form, value, &table)))
		return false;
	return table_bind(form, &table, ret);
}

struct split {
	struct json *columns, *index, *data; /* NULL: not there */
};

static bool split_members(struct form *form, struct json *value, struct split *ret)
{
	if (value->type != JSON_OBJECT)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: expected an object, got %s", json_type_name(value));
	for (size_t i = 0; i < value->size; i++) {
		const struct str key = json_str(&value->members[i].key);
		struct json *member = &value->members[i].value;
		if (str_eq(key, STR("columns")))
			ret->columns = member->type != JSON_NULL ? member : NULL;
		else if (str_eq(key, STR("index")))
			ret->index = member->type != JSON_NULL ? member : NULL;
		else if (str_eq(key, STR("data")))
			ret->data = member;
		else
			return error_set(form->err, ERR_BAD_REQUEST,
				"dataframe_split: unknown key '%.*s', expected columns, index and "
				"data",
				STR_ARGS(text_clip(key)));
	}
	if (json_type(ret->data) != JSON_ARRAY)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: expected data to be an array of rows, got %s",
			ret->data != NULL ? json_type_name(ret->data) : "nothing");
	if (ret->index != NULL &&
		(ret->index->type != JSON_ARRAY || ret->index->size != ret->data->size))
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: expected index to be an array as long as data (%u)",
			(unsigned)ret->data->size);
	return true;
}

static bool column_name(struct form *form, const struct json *value, struct str *ret)
{
	struct buf text = {0};

	if (value->type == JSON_STRING) {
		*ret = json_str(value);
		return true;
	}
	if (value->type == JSON_NULL || value->type == JSON_ARRAY || value->type == JSON_OBJECT)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: a column's name is text, got %s", json_type_name(value));
	json_write(&text, value);
	*ret = (struct str){arena_memdup(form->arena, text.data, text.len), text.len};
	buf_done(&text);
	return true;
}

static bool column_names(struct form *form, const struct json *columns, struct str **ret)
{
	size_t duplicate;

	if (columns->type != JSON_ARRAY)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: expected columns to be an array of names, got %s",
			json_type_name(columns));
	struct str *names = arena_array(form->arena, columns->size, sizeof(*names));
	for (size_t i = 0; i < columns->size; i++)
		if (!column_name(form, &columns->items[i], &names[i]))
			return false;
	if (names_find_duplicate(form->arena, names, columns->size, &duplicate))
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: column '%.*s' is there twice",
			STR_ARGS(text_clip(names[duplicate])));
	*ret = names;
	return true;
}

/* Records beside `columns`: those columns and no others, absent ones null. */
static bool select_columns(
	struct form *form, const struct str *names, size_t count, struct table *table)
{
	struct names index = {
		.arena = form->arena, .items = table->names, .count = table->column_count};
	struct json *cells;

	if (!table_fits(form, names, count, table->row_count, form->size_max))
		return false;
	cells = arena_zalloc(form->arena, table->row_count * count * sizeof(*cells));
	for (size_t i = 0; i < count; i++) {
		const long place = names_find(&index, names[i], i);
		for (size_t row = 0; place != NAMES_NONE && row < table->row_count; row++)
			cells[row * count + i] =
				table->cells[row * table->column_count + (size_t)place];
	}
	table->names = names;
	table->column_count = count;
	table->cells = cells;
	return true;
}

static bool name_columns(
	struct form *form, const struct json *columns, bool are_records, struct table *table)
{
	struct str *names = NULL;

	if (columns == NULL)
		return true;
	if (!column_names(form, columns, &names))
		return false;
	if (are_records)
		return select_columns(form, names, columns->size, table);
	if (table->row_count > 0 && table->column_count != columns->size)
		return error_set(form->err, ERR_BAD_REQUEST,
			"dataframe_split: %u columns, but the widest row has %zu cells",
			(unsigned)columns->size, table->column_count);
	table->names = names;
	table->column_count = columns->size;
	return true;
}

bool form_split(struct form *form, struct json *value, struct input *ret)
{
	struct split split = {0};
	struct table table = {0};

	if (!split_members(form, value, &split))
		return false;
	const struct elements kinds = elements_of(split.data);
	if (!check_mixed(form, "dataframe_split", &kinds))
		return false;
	if (!(kinds.any_object ? records_table(form, split.data, &table)
			       : rows_table(form, split.data, &table)) ||
		!name_columns(form, split.columns, kinds.any_object, &table))
		return false;
	return table_bind(form, &table, ret);
}
