/*
 * inputs and instances without a signature: values stay as they are, but arrays inside arrays must
 * form a box, as numpy wants it (docs/protocol/RULES.md V8).
 */
#include "model/enforce_text.h"
#include "model/input_form.h"

enum { AXIS_NONE = JSON_DEPTH_MAX + 1 };

struct box {
	size_t sizes[JSON_DEPTH_MAX + 1];
	size_t depth; /* axes met */
	size_t leaf;  /* where the elements stand, AXIS_NONE before the first */
};

static bool box_walk(struct box *box, size_t axis, const struct json *value)
{
	if (value->type != JSON_ARRAY) {
		if (box->leaf == AXIS_NONE)
			box->leaf = axis;
		return box->leaf == axis && axis >= box->depth;
	}
	if (axis >= box->leaf || axis > JSON_DEPTH_MAX)
		return false;
	if (axis == box->depth)
		box->sizes[box->depth++] = value->size;
	if (box->sizes[axis] != value->size)
		return false;
	for (size_t i = 0; i < value->size; i++)
		if (!box_walk(box, axis + 1, &value->items[i]))
			return false;
	return true;
}

static bool check_box(struct form *form, const struct json *value, struct str key)
{
	struct box box = {.leaf = AXIS_NONE};

	if (value->type != JSON_ARRAY || box_walk(&box, 0, value))
		return true;
	if (key.data == NULL)
		return enforce_error(form->signature, form->err,
			"arrays inside arrays must be of the same length");
	return enforce_error(form->signature, form->err,
		"'%.*s': arrays inside arrays must be of the same length",
		STR_ARGS(text_clip(key)));
}

static bool check_members(struct form *form, const struct json *object)
{
	for (size_t i = 0; i < object->size; i++)
		if (!check_box(form, &object->members[i].value, json_str(&object->members[i].key)))
			return false;
	return true;
}

bool values_check_inputs(struct form *form, const struct json *value)
{
	if (value->type == JSON_OBJECT)
		return check_members(form, value);
	if (value->type != JSON_ARRAY || value->size == 0 || !elements_of(value).all_objects)
		return check_box(form, value, (struct str){0});
	for (size_t i = 0; i < value->size; i++)
		if (!check_members(form, &value->items[i]))
			return false;
	return true;
}

/* Records to an object of arrays; every record has the same keys. */
static bool pivot(struct form *form, struct json *value)
{
	struct table table;

	if (!elements_of(value).all_objects)
		return enforce_error(form->signature, form->err,
			"instances: objects and other values cannot be mixed");
	if (!records_table(form, value, &table))
		return false;
	for (size_t row = 0; row < table.row_count; row++)
		if (value->items[row].size != table.column_count)
			return enforce_error(form->signature, form->err,
				"instances: row %zu (counted from 0) has not the keys of the others",
				row);
	struct json_member *members =
		arena_array(form->arena, table.column_count, sizeof(*members));
	for (size_t i = 0; i < table.column_count; i++) {
		struct json *cells = arena_array(form->arena, table.row_count, sizeof(*cells));
		for (size_t row = 0; row < table.row_count; row++)
			cells[row] = table.cells[row * table.column_count + i];
		members[i].key = json_string(table.names[i]);
		members[i].value = json_array_of(cells, table.row_count);
	}
	*value = json_object_of(members, table.column_count);
	return true;
}

bool values_pivot_instances(struct form *form, struct json *value)
{
	if (value->type == JSON_ARRAY && value->size > 0 && value->items[0].type == JSON_OBJECT &&
		!pivot(form, value))
		return false;
	if (value->type != JSON_OBJECT)
		return check_box(form, value, (struct str){0});
	for (size_t i = 0; i < value->size; i++) {
		const struct json *member = &value->members[i].value;
		if (member->type != JSON_ARRAY || member->size != value->members[0].value.size)
			return enforce_error(form->signature, form->err,
				"instances: the members of an object are arrays of one length");
	}
	return check_members(form, value);
}
