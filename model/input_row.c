/*
 * Rows: what a run sees of an input, one object at a time.
 */
#include "model/input.h"
#include "model/input_names.h"

size_t input_row_count(const struct input *input)
{
	if (input->shape == INPUT_TABLE)
		return input->row_count;
	return input->value.type == JSON_ARRAY ? input->value.size : 1;
}

/* What a row is made from: names and values, each name once. */
struct row {
	struct arena *arena;
	struct json_member *members;
	size_t count;
};

static void row_add(struct row *row, struct str name, struct json value)
{
	row->members[row->count].key = json_string(name);
	row->members[row->count++].value = value;
}

static void row_add_members(struct row *row, const struct json *object)
{
	if (object->size > 0)
		memcpy(&row->members[row->count], object->members,
			object->size * sizeof(*row->members));
	row->count += object->size;
}

/* Params that are no columns; a client chooses how many there are where no schema does. */
static void row_add_params(struct row *row, const struct json *params)
{
	struct str *items = arena_array(row->arena, row->count, sizeof(*items));
	struct names names = {.arena = row->arena, .items = items, .count = row->count};

	for (size_t i = 0; i < names.count; i++)
		items[i] = json_str(&row->members[i].key);
	for (size_t i = 0; i < params->size; i++) {
		const struct str name = json_str(&params->members[i].key);
		if (names_find(&names, name, i) == NAMES_NONE)
			row_add(row, name, params->members[i].value);
	}
}

static struct json row_end(struct row *row, const struct json *params)
{
	if (params->type == JSON_OBJECT && params->size > 0)
		row_add_params(row, params);
	return json_object_of(row->members, row->count);
}

static struct json row_from_cells(struct row *row, const struct input *input, size_t index)
{
	const struct json *cells = &input->cells[index * input->column_count];

	row->members = arena_array(
		row->arena, input->column_count + input->params.size, sizeof(*row->members));
	for (size_t i = 0; i < input->column_count; i++)
		if (cells[i].type != JSON_ABSENT)
			row_add(row, input->columns[i], cells[i]);
	return row_end(row, &input->params);
}

static struct json row_from_value(
	struct row *row, const struct json *value, const struct json *params)
{
	const size_t count = value->type == JSON_OBJECT ? value->size : 1;

	row->members = arena_array(row->arena, count + params->size, sizeof(*row->members));
	if (value->type == JSON_OBJECT)
		row_add_members(row, value);
	else
		row_add(row, STR("input"), *value);
	return row_end(row, params);
}

struct json input_row(struct arena *arena, const struct input *input, size_t index)
{
	const struct json *value = &input->value;
	struct row row = {.arena = arena};

	if (input->shape == INPUT_TABLE)
		return row_from_cells(&row, input, index);
	if (value->type == JSON_ARRAY)
		value = &value->items[index];
	return row_from_value(&row, value, &input->params);
}
