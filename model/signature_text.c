/*
 * Signature for people: types in words, and a request that works.
 */
#include "model/signature.h"

enum { EXAMPLE_ELEMENTS_MAX = 4096 };

static void write_object(struct buf *out, const struct sig_node *node)
{
	buf_add_char(out, '{');
	for (size_t i = 0; i < node->property_count; i++) {
		const struct sig_property *property = &node->properties[i];
		buf_printf(out, "%s%.*s: ", i > 0 ? ", " : "", STR_ARGS(property->name));
		sig_node_write(out, &property->node);
		if (!property->is_required)
			buf_add_text(out, " (optional)");
	}
	buf_add_char(out, '}');
}

static void write_tensor(struct buf *out, const struct sig_node *node)
{
	buf_printf(out, "tensor of %s, shape (", sig_dtype_name(node->dtype));
	for (size_t i = 0; i < node->rank; i++)
		buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)node->shape[i]);
	buf_add_char(out, ')');
}

void sig_node_write(struct buf *out, const struct sig_node *node)
{
	switch (node->type) {
	case SIG_ARRAY:
	case SIG_MAP:
		buf_add_text(out, node->type == SIG_ARRAY ? "Array(" : "Map(");
		sig_node_write(out, node->items);
		buf_add_char(out, ')');
		return;
	case SIG_OBJECT:
		write_object(out, node);
		return;
	case SIG_TENSOR:
		write_tensor(out, node);
		return;
	default:
		buf_add_text(out, sig_type_name(node->type));
	}
}

static struct json example_scalar(enum sig_type type)
{
	switch (type) {
	case SIG_BOOLEAN:
		return json_bool(true);
	case SIG_INTEGER:
	case SIG_LONG:
		return json_integer(1);
	case SIG_FLOAT:
	case SIG_DOUBLE:
		return json_double(1.5);
	case SIG_BINARY:
		return json_string(STR("aGVsbG8="));
	case SIG_DATETIME:
		return json_string(STR("2024-01-31T12:00:00"));
	default:
		return json_string(STR("text"));
	}
}

static struct json example_node(struct arena *arena, const struct sig_node *node)
{
	struct json value;

	switch (node->type) {
	case SIG_ARRAY:
		value = json_array();
		json_append(arena, &value, example_node(arena, node->items));
		return value;
	case SIG_MAP:
		value = json_object();
		json_set(arena, &value, STR("key"), example_node(arena, node->items));
		return value;
	case SIG_OBJECT:
		value = json_object();
		for (size_t i = 0; i < node->property_count; i++)
			json_set(arena, &value, node->properties[i].name,
				example_node(arena, &node->properties[i].node));
		return value;
	default:
		return example_scalar(node->type);
	}
}

static struct json example_element(enum sig_dtype dtype)
{
	switch (dtype) {
	case SIG_BOOL_:
		return json_bool(true);
	case SIG_FLOAT16:
	case SIG_FLOAT32:
	case SIG_FLOAT64:
		return json_double(1.5);
	case SIG_DATETIME64:
		return example_scalar(SIG_DATETIME);
	case SIG_STR:
	case SIG_BYTES:
	case SIG_OBJECT_:
		return example_scalar(SIG_STRING);
	default:
		return json_integer(1);
	}
}

static struct json example_tensor(struct arena *arena, const struct sig_node *node, size_t axis)
{
	if (axis == node->rank)
		return example_element(node->dtype);
	const int64_t length = node->shape[axis] < 0 ? 1 : node->shape[axis];
	const struct json item = example_tensor(arena, node, axis + 1);
	struct json items = json_array();

	/* Every element is the same value: the tree shares it. */
	for (int64_t i = 0; i < length; i++)
		json_append(arena, &items, item);
	return items;
}

/* A picture's example would be longer than any message or page. */
static bool is_small(const struct sig_schema *schema)
{
	int64_t elements = 0;

	for (size_t i = 0; i < schema->count; i++) {
		int64_t product = 1;
		for (size_t axis = 0; axis < schema->columns[i].node.rank; axis++)
			if (__builtin_mul_overflow(product,
				    schema->columns[i].node.shape[axis] < 0
					    ? 1
					    : schema->columns[i].node.shape[axis],
				    &product))
				return false;
		if (__builtin_add_overflow(elements, product, &elements))
			return false;
	}
	return elements <= EXAMPLE_ELEMENTS_MAX;
}

static struct json example_tensors(struct arena *arena, const struct sig_schema *schema)
{
	struct json inputs = json_object();

	if (!schema->is_named)
		return example_tensor(arena, &schema->columns[0].node, 0);
	for (size_t i = 0; i < schema->count; i++)
		json_set(arena, &inputs, schema->columns[i].name,
			example_tensor(arena, &schema->columns[i].node, 0));
	return inputs;
}

static struct json example_record(struct arena *arena, const struct sig_schema *schema)
{
	struct json record = json_object();

	for (size_t i = 0; i < schema->count; i++) {
		const struct sig_property *column = &schema->columns[i];
		const char *name = schema->is_named ? NULL : arena_printf(arena, "%zu", i);
		json_set(arena, &record, name != NULL ? str_of(name) : column->name,
			example_node(arena, &column->node));
	}
	return record;
}

struct json signature_example(struct arena *arena, const struct signature *signature)
{
	struct json body = json_object(), records = json_array();

	if (signature->inputs.is_tensor && !is_small(&signature->inputs))
		return (struct json){.type = JSON_ABSENT};
	if (signature->inputs.is_tensor) {
		json_set(arena, &body, STR("inputs"), example_tensors(arena, &signature->inputs));
		return body;
	}
	json_append(arena, &records, example_record(arena, &signature->inputs));
	json_set(arena, &body, STR("dataframe_records"), records);
	return body;
}
