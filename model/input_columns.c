/*
 * inputs, instances and the LLM form against a signature of columns (docs/protocol/RULES.md V7,
 * V8).
 */
#include "model/enforce_text.h"
#include "model/input_form.h"

static bool bind_array(struct form *form, struct json *value, struct input *ret);
static bool bind_object(
	struct form *form, struct json *value, bool is_instances, struct input *ret);
static bool bind_scalar(struct form *form, struct json *value, struct input *ret);

static bool bind(struct form *form, struct json *value, bool is_instances, struct input *ret)
{
	if (form->signature->inputs.is_tensor)
		return tensors_bind(form, value, is_instances, ret);
	if (value->type == JSON_ARRAY)
		return bind_array(form, value, ret);
	if (value->type == JSON_OBJECT)
		return bind_object(form, value, is_instances, ret);
	return bind_scalar(form, value, ret);
}

static bool take_value(struct json *value, struct input *ret)
{
	ret->shape = INPUT_VALUE;
	ret->value = *value;
	return true;
}

bool form_inputs(struct form *form, struct json *value, struct input *ret)
{
	if (form->signature->inputs.is_declared)
		return bind(form, value, false, ret);
	return values_check_inputs(form, value) && take_value(value, ret);
}

bool form_instances(struct form *form, struct json *value, struct input *ret)
{
	if (form->signature->inputs.is_declared)
		return bind(form, value, true, ret);
	return values_pivot_instances(form, value) && take_value(value, ret);
}

static bool bind_records(struct form *form, struct json *records, struct input *ret)
{
	struct table table;

	if (form->signature->inputs.is_named)
		return records_bind(form, records, ret);
	return records_table(form, records, &table) && table_bind(form, &table, ret);
}

/* A numpy array: rows agree. */
static bool check_rows(struct form *form, const struct json *rows, const struct elements *kinds)
{
	for (size_t row = 0; kinds->any_array && row < rows->size; row++)
		if (!kinds->all_arrays || rows->items[row].size != rows->items[0].size)
			return enforce_error(form->signature, form->err,
				"row %zu (counted from 0) is not as long as the others", row);
	return true;
}

static bool bind_array(struct form *form, struct json *value, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	const struct elements kinds = elements_of(value);
	struct table table;

	if (kinds.any_object) {
		if (!kinds.all_objects)
			return enforce_error(form->signature, form->err,
				"objects and other values cannot be mixed");
		return bind_records(form, value, ret);
	}
	if (schema->is_named && schema->count == 1) {
		table = (struct table){value->size, 1, schema->names, value->items};
		return table_bind(form, &table, ret);
	}
	return check_rows(form, value, &kinds) && rows_table(form, value, &table) &&
	       table_bind(form, &table, ret);
}

static bool bind_scalar(struct form *form, struct json *value, struct input *ret)
{
	struct table table = {1, 1, table_numbered(form->arena, 1), value};

	if (value->type == JSON_NULL && !form->signature->inputs.is_named)
		return enforce_error(form->signature, form->err, "expected rows, got null");
	return table_bind(form, &table, ret);
}

static bool bind_one_row(struct form *form, struct json *object, struct input *ret)
{
	struct json records = {.type = JSON_ARRAY, .size = 1, .items = object};

	return bind_records(form, &records, ret);
}

/* How many rows an object of columns has: its arrays agree, other values repeat. */
static bool count_rows(struct form *form, const struct json *object, bool is_instances, size_t *ret)
{
	const struct json_member *first = NULL;

	for (size_t i = 0; i < object->size; i++) {
		const struct json_member *member = &object->members[i];
		const struct str key = json_str(&member->key);
		if (member->value.type != JSON_ARRAY) {
			if (!is_instances)
				continue;
			return enforce_error(form->signature, form->err,
				"instances: '%.*s' is no array", STR_ARGS(text_clip(key)));
		}
		if (first == NULL)
			first = member;
		if (member->value.size != first->value.size)
			return enforce_error(form->signature, form->err,
				"'%.*s' has %u values, others have %u", STR_ARGS(text_clip(key)),
				(unsigned)member->value.size, (unsigned)first->value.size);
	}
	*ret = first != NULL ? first->value.size : !is_instances;
	return true;
}

/* What a scalar or object costs once a row: it is written as often, and a few bytes of request
 * must not become gigabytes. */
static bool repeats_fit(struct form *form, const struct json *object, size_t row_count)
{
	struct buf text = {0};
	size_t size;

	for (size_t i = 0; row_count > 1 && i < object->size; i++)
		if (object->members[i].value.type != JSON_ARRAY)
			json_write(&text, &object->members[i].value);
	const bool fits =
		!__builtin_mul_overflow(text.len, row_count, &size) && size <= form->size_max;
	buf_done(&text);
	return fits ||
	       error_set(form->err, ERR_TOO_LARGE,
		       "inputs: the values that repeat are too long for %zu rows", row_count);
}

static bool bind_object(struct form *form, struct json *value, bool is_instances, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct table table = {.column_count = value->size};

	if (!schema->is_named)
		return enforce_error(form->signature, form->err,
			"an object has names, but the signature's columns have none");
	if (schema->has_nested && !is_instances)
		return bind_one_row(form, value, ret);
	if (schema->has_nested)
		return enforce_error(form->signature, form->err,
			"instances: send an array of objects, or inputs");
	if (!count_rows(form, value, is_instances, &table.row_count))
		return false;

	struct str *names = arena_array(form->arena, value->size, sizeof(*names));
	for (size_t i = 0; i < value->size; i++)
		names[i] = json_str(&value->members[i].key);
	if (!table_fits(form, NULL, value->size, table.row_count, form->size_max) ||
		!repeats_fit(form, value, table.row_count))
		return false;
	table.names = names;
	table.cells = arena_array(form->arena, table.row_count, value->size * sizeof(*table.cells));
	for (size_t i = 0; i < value->size; i++) {
		const struct json *member = &value->members[i].value;
		for (size_t row = 0; row < table.row_count; row++)
			table.cells[row * value->size + i] =
				member->type == JSON_ARRAY ? member->items[row] : *member;
	}
	return table_bind(form, &table, ret);
}

/* What is left of the top level where params are taken out: unnamed columns take the others by
 * position. */
static struct json without_params(struct form *form, const struct json *body)
{
	struct json rest = json_object();
	size_t count = 0;

	rest.members = arena_array(form->arena, body->size, sizeof(*rest.members));
	for (size_t i = 0; i < body->size; i++)
		if (signature_param(form->signature, json_str(&body->members[i].key)) == NULL)
			rest.members[count++] = body->members[i];
	rest.size = count & JSON_FIELD_MAX;
	return rest;
}

bool form_llm(struct form *form, struct json *body, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct json rest;

	if (!schema->is_declared)
		return take_value(body, ret);
	if (schema->is_tensor)
		return enforce_error(form->signature, form->err,
			"messages, prompt and input do not fit a signature of tensors");
	if (schema->is_named)
		return bind_one_row(form, body, ret);
	rest = without_params(form, body);
	return bind_one_row(form, &rest, ret);
}
