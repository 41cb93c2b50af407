/*
 * Types of a signature: names, arrays, maps, objects with properties, tensors.
 */
#include "model/signature_reader.h"

#include "model/enforce_text.h"

static void decode_flag(struct sig_reader *reader, const struct json *value, void *ret);

void sig_problem(struct sig_reader *reader, const char *text)
{
	decode_problem(reader->decoder, reader->where, "%s", text);
}

static const char *shown(struct sig_reader *reader, const struct json *value)
{
	const struct str text = json_str(value);

	if (json_type(value) != JSON_STRING)
		return json_type_name(value);
	return arena_printf(reader->decoder->arena, "'%.*s'", STR_ARGS(text_clip(text)));
}

void sig_decode_member(struct sig_reader *reader, const struct json *value, const char *name,
	sig_decode_fn *decode, void *ret)
{
	decode_enter(reader->decoder, name);
	decode(reader, json_get(value, str_of(name)), ret);
	decode_leave(reader->decoder);
}

static void decode_flag(struct sig_reader *reader, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_BOOL)
		*(bool *)ret = value->boolean;
	else if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL)
		sig_problem(reader, "expected true or false");
}

bool sig_decode_is_required(struct sig_reader *reader, const struct json *value)
{
	bool is_required = true, is_optional = false;

	sig_decode_member(reader, value, "optional", decode_flag, &is_optional);
	is_required = !is_optional;
	sig_decode_member(reader, value, "required", decode_flag, &is_required);
	return is_required;
}

void sig_decode_type(struct sig_reader *reader, const struct json *value, void *ret)
{
	const struct str text = json_str(value);

	for (unsigned i = 0; i < SIG_TYPE_COUNT && json_type(value) == JSON_STRING; i++) {
		if (str_is(text, sig_type_name((enum sig_type)i))) {
			*(enum sig_type *)ret = (enum sig_type)i;
			return;
		}
	}
	if (json_type(value) == JSON_STRING && str_is(text, "sparkml_vector"))
		sig_problem(
			reader, "Spark ML vectors cannot be served; declare an array of doubles");
	else if (json_type(value) == JSON_STRING)
		decode_problem(
			reader->decoder, reader->where, "unknown type %s", shown(reader, value));
	else
		sig_problem(reader, "expected the name of a type");
}

static void decode_dtype(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct str text = json_str(value);

	/* numpy writes units and widths ("datetime64[ns]"), which mean nothing in JSON. */
	if (str_starts(text, STR("datetime64")))
		text.len = strlen("datetime64");
	for (unsigned i = 0; i < SIG_DTYPE_COUNT && json_type(value) == JSON_STRING; i++) {
		if (str_is(text, sig_dtype_name((enum sig_dtype)i))) {
			*(enum sig_dtype *)ret = (enum sig_dtype)i;
			return;
		}
	}
	decode_problem(reader->decoder, reader->where, "unknown dtype %s", shown(reader, value));
}

static void decode_shape(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_ARRAY || value->size == 0) {
		sig_problem(reader, "expected an array of dimensions, as [-1, 3]");
		return;
	}
	if (value->size > SIG_RANK_MAX) {
		sig_problem(reader, "too many dimensions");
		return;
	}
	int64_t *shape = arena_array(reader->decoder->arena, value->size, sizeof(*shape));
	for (size_t i = 0; i < value->size; i++) {
		const struct json *item = &value->items[i];
		if (json_type(item) != JSON_INTEGER || item->integer < -1) {
			sig_problem(reader, "a dimension is -1 or a length");
			return;
		}
		shape[i] = item->integer;
	}
	node->shape = shape;
	node->rank = value->size;
}

static void decode_tensor(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_OBJECT) {
		sig_problem(reader, "expected an object of dtype and shape");
		return;
	}
	sig_decode_member(reader, value, "dtype", decode_dtype, &node->dtype);
	sig_decode_member(reader, value, "shape", decode_shape, node);
}

static void decode_items(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct sig_node *items = arena_zalloc(reader->decoder->arena, sizeof(*items));

	items->type = SIG_ANY;
	sig_decode_node(reader, value, items);
	if (items->type == SIG_TENSOR)
		sig_problem(reader, "a tensor stands at the top only");
	((struct sig_node *)ret)->items = items;
}

static void decode_property(
	struct sig_reader *reader, const struct json_member *member, struct sig_property *ret)
{
	struct decoder *decoder = reader->decoder;

	ret->name = json_str(&member->key);
	if (ret->name.data == NULL)
		ret->name.data = "";
	decode_enter(decoder, arena_memdup(decoder->arena, ret->name.data, ret->name.len));
	sig_decode_node(reader, &member->value, &ret->node);
	if (ret->node.type == SIG_TENSOR)
		sig_problem(reader, "a tensor stands at the top only");
	ret->is_required = sig_decode_is_required(reader, &member->value);
	decode_leave(decoder);
}

static void decode_properties(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_OBJECT || value->size == 0) {
		sig_problem(reader, "expected an object of at least one property");
		return;
	}
	struct sig_property *properties =
		arena_zalloc(reader->decoder->arena, value->size * sizeof(*properties));
	for (size_t i = 0; i < value->size; i++)
		decode_property(reader, &value->members[i], &properties[i]);
	node->properties = properties;
	node->property_count = value->size;
}

void sig_decode_node(struct sig_reader *reader, const struct json *value, struct sig_node *ret)
{
	ret->type = SIG_ANY;
	if (json_type(value) != JSON_OBJECT) {
		decode_problem(reader->decoder, reader->where,
			"expected an object with a type, got %s",
			json_type(value) == JSON_ABSENT ? "nothing" : json_type_name(value));
		return;
	}
	if (reader->depth == SIG_DEPTH_MAX) {
		sig_problem(reader, "nested too deep");
		return;
	}
	reader->depth++;
	sig_decode_member(reader, value, "type", sig_decode_type, &ret->type);
	if (ret->type == SIG_ARRAY)
		sig_decode_member(reader, value, "items", decode_items, ret);
	else if (ret->type == SIG_MAP)
		sig_decode_member(reader, value, "values", decode_items, ret);
	else if (ret->type == SIG_OBJECT)
		sig_decode_member(reader, value, "properties", decode_properties, ret);
	else if (ret->type == SIG_TENSOR)
		sig_decode_member(reader, value, "tensor-spec", decode_tensor, ret);
	reader->depth--;
}
