/*
 * inputs, instances and dataframes against a signature of tensors (docs/protocol/RULES.md V8).
 */
#include "model/enforce_tensor.h"
#include "model/enforce_text.h"
#include "model/input_form.h"

static struct enforce enforce_of(struct form *form, const struct sig_property *tensor)
{
	return (struct enforce){
		.arena = form->arena,
		.signature = form->signature,
		.what = "tensor",
		.name = tensor->name,
		.err = form->err,
	};
}

static bool take_tensor(struct input *ret, struct json value)
{
	ret->shape = INPUT_VALUE;
	ret->value = value;
	return true;
}

static bool bind_unnamed(struct form *form, struct json *value, struct input *ret)
{
	const struct sig_property *tensor = &form->signature->inputs.columns[0];
	struct enforce enforce = enforce_of(form, tensor);

	if (value->type != JSON_ARRAY || value->size == 0)
		return enforce_error(form->signature, form->err,
			"expected an array for the tensor, got %s",
			value->type == JSON_ARRAY ? "an empty one" : json_type_name(value));
	if (elements_of(value).any_object)
		return enforce_error(form->signature, form->err,
			"expected an array for the tensor, got one of objects");
	return tensor_enforce(&enforce, &tensor->node, value) && take_tensor(ret, *value);
}

static bool fail_missing(struct form *form, const struct sig_property *tensor)
{
	return enforce_error(form->signature, form->err, "tensor '%.*s' is missing",
		STR_ARGS(text_clip(tensor->name)));
}

/* The members of `object` by the signature's names; extra ones are dropped. */
static bool bind_members(
	struct form *form, const struct json *object, bool is_instances, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct json tensors = json_object();
	size_t length = 0;

	for (size_t i = 0; i < schema->count; i++) {
		const struct sig_property *tensor = &schema->columns[i];
		struct enforce enforce = enforce_of(form, tensor);
		const struct json *found = json_get(object, tensor->name);
		if (found == NULL)
			return fail_missing(form, tensor);
		struct json value = *found;
		if (!tensor_enforce(&enforce, &tensor->node, &value))
			return false;
		if (is_instances && i > 0 && value.size != length)
			return enforce_error(form->signature, form->err,
				"instances: '%.*s' has %u rows, others have %zu",
				STR_ARGS(text_clip(tensor->name)), (unsigned)value.size, length);
		length = value.size;
		json_set(form->arena, &tensors, tensor->name, value);
	}
	return take_tensor(ret, tensors);
}

bool tensors_bind(struct form *form, struct json *value, bool is_instances, struct input *ret)
{
	if (!form->signature->inputs.is_named)
		return bind_unnamed(form, value, ret);
	if (is_instances && value->type == JSON_ARRAY && value->size > 0 &&
		value->items[0].type == JSON_OBJECT && !values_pivot_instances(form, value))
		return false;
	if (value->type != JSON_OBJECT)
		return enforce_error(form->signature, form->err,
			"expected an object of tensors, got %s", json_type_name(value));
	return bind_members(form, value, is_instances, ret);
}

static bool bind_named_table(struct form *form, const struct table *table, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct names names = {
		.arena = form->arena, .items = table->names, .count = table->column_count};
	struct json tensors = json_object();

	for (size_t i = 0; i < schema->count; i++) {
		const struct sig_property *tensor = &schema->columns[i];
		struct enforce enforce = enforce_of(form, tensor);
		const long place = names_find(&names, tensor->name, i);
		struct json value;
		if (place == NAMES_NONE)
			return fail_missing(form, tensor);
		enforce.has_row = true;
		if (!tensor_from_column(&enforce, &tensor->node, &table->cells[place],
			    table->column_count, table->row_count, &value))
			return false;
		json_set(form->arena, &tensors, tensor->name, value);
	}
	return take_tensor(ret, tensors);
}

bool tensors_bind_table(struct form *form, struct table *table, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct enforce enforce = enforce_of(form, &schema->columns[0]);
	struct json value;

	if (table->row_count == 0 || table->column_count == 0)
		return enforce_error(
			form->signature, form->err, "there are no rows for the tensor");
	for (size_t i = 0; i < table->row_count * table->column_count; i++)
		if (table->cells[i].type == JSON_ABSENT)
			table->cells[i] = json_null();
	if (schema->is_named)
		return bind_named_table(form, table, ret);
	enforce.has_row = true;
	if (table->column_count == 1)
		return tensor_from_column(&enforce, &schema->columns[0].node, table->cells, 1,
			       table->row_count, &value) &&
		       take_tensor(ret, value);
	return tensor_from_rows(&enforce, &schema->columns[0].node, table->cells,
		       table->column_count, table->row_count, &value) &&
	       take_tensor(ret, value);
}
