/*
 * Signature: the JSON text of MLmodel becomes nodes. Every mistake is reported where it stands, and
 * reading goes on, so that one look shows them all.
 */
#include "model/signature.h"

#include "model/params.h"

static const char *const TYPES[SIG_TYPE_COUNT] = {
	[SIG_BOOLEAN] = "boolean",
	[SIG_INTEGER] = "integer",
	[SIG_LONG] = "long",
	[SIG_FLOAT] = "float",
	[SIG_DOUBLE] = "double",
	[SIG_STRING] = "string",
	[SIG_BINARY] = "binary",
	[SIG_DATETIME] = "datetime",
	[SIG_ANY] = "any",
	[SIG_ARRAY] = "array",
	[SIG_OBJECT] = "object",
	[SIG_MAP] = "map",
	[SIG_TENSOR] = "tensor",
};

static const char *const DTYPES[SIG_DTYPE_COUNT] = {
	[SIG_BOOL_] = "bool",
	[SIG_INT8] = "int8",
	[SIG_INT16] = "int16",
	[SIG_INT32] = "int32",
	[SIG_INT64] = "int64",
	[SIG_UINT8] = "uint8",
	[SIG_UINT16] = "uint16",
	[SIG_UINT32] = "uint32",
	[SIG_UINT64] = "uint64",
	[SIG_FLOAT16] = "float16",
	[SIG_FLOAT32] = "float32",
	[SIG_FLOAT64] = "float64",
	[SIG_STR] = "str",
	[SIG_BYTES] = "bytes",
	[SIG_DATETIME64] = "datetime64",
	[SIG_OBJECT_] = "object",
};

struct reader {
	struct decoder *decoder;
	const struct json *where; /* the value in MLmodel: its line is the best there is */
	unsigned depth;
};

static bool decode_text(
	struct reader *reader, const struct json *value, const char *name, struct json *ret_list);
static void decode_schema_text(
	struct reader *reader, const struct json *value, const char *name, struct sig_schema *ret);
static void decode_params_text(
	struct reader *reader, const struct json *value, struct signature *ret);
static void decode_node(struct reader *reader, const struct json *value, struct sig_node *ret);

const char *sig_type_name(enum sig_type type)
{
	return (unsigned)type < SIG_TYPE_COUNT ? TYPES[type] : "unknown";
}

const char *sig_dtype_name(enum sig_dtype dtype)
{
	return (unsigned)dtype < SIG_DTYPE_COUNT ? DTYPES[dtype] : "unknown";
}

void signature_decode(struct decoder *decoder, const struct json *value, struct signature *ret)
{
	struct reader reader = {.decoder = decoder, .where = value};

	*ret = (struct signature){0};
	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return;
	if (json_type(value) != JSON_OBJECT) {
		decode_problem(decoder, value, "expected an object, got %s", json_type_name(value));
		return;
	}
	decode_schema_text(&reader, json_get(value, STR("inputs")), "inputs", &ret->inputs);
	decode_schema_text(&reader, json_get(value, STR("outputs")), "outputs", &ret->outputs);
	decode_params_text(&reader, json_get(value, STR("params")), ret);
}

bool signature_make_optional(struct signature *signature, struct str column)
{
	for (size_t i = 0; i < signature->inputs.count; i++) {
		const struct sig_property *property = &signature->inputs.columns[i];
		if (property->name.data == NULL || !str_eq(property->name, column))
			continue;
		/* const is for everyone after loading; the memory is the loader's own arena. */
		((struct sig_property *)property)->is_required = false;
		return true;
	}
	return false;
}

const struct sig_param *signature_param(const struct signature *signature, struct str name)
{
	for (size_t i = 0; i < signature->param_count; i++)
		if (str_eq(signature->params[i].name, name))
			return &signature->params[i];
	return NULL;
}

static void problem(struct reader *reader, const char *text)
{
	decode_problem(reader->decoder, reader->where, "%s", text);
}

static const char *shown(struct reader *reader, const struct json *value)
{
	const struct str text = json_str(value);

	if (json_type(value) != JSON_STRING)
		return json_type_name(value);
	return arena_printf(reader->decoder->arena, "'%.*s'", (int)(text.len < 60 ? text.len : 60),
		text.data != NULL ? text.data : "");
}

static bool decode_text(
	struct reader *reader, const struct json *value, const char *name, struct json *ret_list)
{
	struct error err = {0};

	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return false;
	reader->where = value;
	if (json_type(value) != JSON_STRING) {
		decode_problem(reader->decoder, value, "expected JSON text, got %s",
			json_type_name(value));
		return false;
	}
	if (!json_read(reader->decoder->arena, json_str(value), ret_list, &err)) {
		decode_problem(reader->decoder, value, "%s", err.text);
		return false;
	}
	if (json_type(ret_list) != JSON_ARRAY) {
		decode_problem(reader->decoder, value, "expected an array of %s, got %s", name,
			json_type_name(ret_list));
		return false;
	}
	return true;
}

/* Member `name`; entered and left, so that problems of it show where it stands. */
static void decode_member(struct reader *reader, const struct json *value, const char *name,
	void (*decode)(struct reader *, const struct json *, void *), void *ret)
{
	decode_enter(reader->decoder, name);
	decode(reader, json_get(value, str_of(name)), ret);
	decode_leave(reader->decoder);
}

static void decode_name(struct reader *reader, const struct json *value, void *ret)
{
	struct str *name = ret;

	if (json_type(value) == JSON_STRING) {
		*name = json_str(value);
		if (name->data == NULL)
			name->data = "";
	} else if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL) {
		problem(reader, "expected a name");
	}
}

static void decode_flag(struct reader *reader, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_BOOL)
		*(bool *)ret = value->boolean;
	else if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL)
		problem(reader, "expected true or false");
}

/* `required`, or its older spelling `optional`; neither is `required`. */
static bool decode_is_required(struct reader *reader, const struct json *value)
{
	bool is_required = true, is_optional = false;

	decode_member(reader, value, "optional", decode_flag, &is_optional);
	is_required = !is_optional;
	decode_member(reader, value, "required", decode_flag, &is_required);
	return is_required;
}

static void decode_type(struct reader *reader, const struct json *value, void *ret)
{
	const struct str text = json_str(value);

	for (unsigned i = 0; i < SIG_TYPE_COUNT && json_type(value) == JSON_STRING; i++) {
		if (str_is(text, TYPES[i])) {
			*(enum sig_type *)ret = (enum sig_type)i;
			return;
		}
	}
	if (json_type(value) == JSON_STRING && str_is(text, "sparkml_vector"))
		problem(reader, "Spark ML vectors cannot be served; declare an array of doubles");
	else if (json_type(value) == JSON_STRING)
		decode_problem(
			reader->decoder, reader->where, "unknown type %s", shown(reader, value));
	else
		problem(reader, "expected the name of a type");
}

static void decode_dtype(struct reader *reader, const struct json *value, void *ret)
{
	struct str text = json_str(value);

	/* numpy writes units and widths ("datetime64[ns]"), which mean nothing in JSON. */
	if (str_starts(text, STR("datetime64")))
		text.len = strlen("datetime64");
	for (unsigned i = 0; i < SIG_DTYPE_COUNT && json_type(value) == JSON_STRING; i++) {
		if (str_is(text, DTYPES[i])) {
			*(enum sig_dtype *)ret = (enum sig_dtype)i;
			return;
		}
	}
	decode_problem(reader->decoder, reader->where, "unknown dtype %s", shown(reader, value));
}

static void decode_shape(struct reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_ARRAY || value->size == 0) {
		problem(reader, "expected an array of dimensions, as [-1, 3]");
		return;
	}
	if (value->size > SIG_RANK_MAX) {
		problem(reader, "too many dimensions");
		return;
	}
	int64_t *shape = arena_array(reader->decoder->arena, value->size, sizeof(*shape));
	for (size_t i = 0; i < value->size; i++) {
		const struct json *item = &value->items[i];
		if (json_type(item) != JSON_INTEGER || item->integer < -1) {
			problem(reader, "a dimension is -1 or a length");
			return;
		}
		shape[i] = item->integer;
	}
	node->shape = shape;
	node->rank = value->size;
}

static void decode_tensor(struct reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_OBJECT) {
		problem(reader, "expected an object of dtype and shape");
		return;
	}
	decode_member(reader, value, "dtype", decode_dtype, &node->dtype);
	decode_member(reader, value, "shape", decode_shape, node);
}

static void decode_items(struct reader *reader, const struct json *value, void *ret)
{
	struct sig_node *items = arena_zalloc(reader->decoder->arena, sizeof(*items));

	items->type = SIG_ANY;
	decode_node(reader, value, items);
	if (items->type == SIG_TENSOR)
		problem(reader, "a tensor stands at the top only");
	((struct sig_node *)ret)->items = items;
}

static void decode_property(
	struct reader *reader, const struct json_member *member, struct sig_property *ret)
{
	struct decoder *decoder = reader->decoder;

	ret->name = json_str(&member->key);
	if (ret->name.data == NULL)
		ret->name.data = "";
	decode_enter(decoder, arena_memdup(decoder->arena, ret->name.data, ret->name.len));
	decode_node(reader, &member->value, &ret->node);
	if (ret->node.type == SIG_TENSOR)
		problem(reader, "a tensor stands at the top only");
	ret->is_required = decode_is_required(reader, &member->value);
	decode_leave(decoder);
}

static void decode_properties(struct reader *reader, const struct json *value, void *ret)
{
	struct sig_node *node = ret;

	if (json_type(value) != JSON_OBJECT || value->size == 0) {
		problem(reader, "expected an object of at least one property");
		return;
	}
	struct sig_property *properties =
		arena_zalloc(reader->decoder->arena, value->size * sizeof(*properties));
	for (size_t i = 0; i < value->size; i++)
		decode_property(reader, &value->members[i], &properties[i]);
	node->properties = properties;
	node->property_count = value->size;
}

static void decode_node(struct reader *reader, const struct json *value, struct sig_node *ret)
{
	ret->type = SIG_ANY;
	if (json_type(value) != JSON_OBJECT) {
		decode_problem(reader->decoder, reader->where,
			"expected an object with a type, got %s",
			json_type(value) == JSON_ABSENT ? "nothing" : json_type_name(value));
		return;
	}
	if (reader->depth == SIG_DEPTH_MAX) {
		problem(reader, "nested too deep");
		return;
	}
	reader->depth++;
	decode_member(reader, value, "type", decode_type, &ret->type);
	if (ret->type == SIG_ARRAY)
		decode_member(reader, value, "items", decode_items, ret);
	else if (ret->type == SIG_MAP)
		decode_member(reader, value, "values", decode_items, ret);
	else if (ret->type == SIG_OBJECT)
		decode_member(reader, value, "properties", decode_properties, ret);
	else if (ret->type == SIG_TENSOR)
		decode_member(reader, value, "tensor-spec", decode_tensor, ret);
	reader->depth--;
}

static bool is_nested(enum sig_type type)
{
	return type == SIG_ARRAY || type == SIG_OBJECT || type == SIG_MAP;
}

/* What holds between columns: all tensors or none, all named or none, names once. */
static void check_columns(struct reader *reader, struct sig_schema *schema)
{
	size_t tensors = 0, names = 0;

	for (size_t i = 0; i < schema->count; i++) {
		const struct sig_property *column = &schema->columns[i];
		tensors += column->node.type == SIG_TENSOR;
		names += column->name.data != NULL;
		schema->has_nested |= is_nested(column->node.type);
	}
	schema->is_tensor = tensors > 0;
	schema->is_named = names > 0;
	if (tensors > 0 && tensors < schema->count)
		problem(reader, "tensors and columns cannot be mixed");
	if (names > 0 && names < schema->count)
		problem(reader, "either all columns have a name or none");
	if (tensors > 1 && names == 0)
		problem(reader, "several tensors need names");
}

static void decode_columns(struct reader *reader, const struct json *list, struct sig_schema *ret)
{
	struct arena *arena = reader->decoder->arena;
	struct sig_property *columns = arena_zalloc(arena, list->size * sizeof(*columns));

	for (size_t i = 0; i < list->size; i++) {
		decode_enter_index(reader->decoder, i);
		decode_node(reader, &list->items[i], &columns[i].node);
		if (json_type(&list->items[i]) == JSON_OBJECT) {
			decode_member(
				reader, &list->items[i], "name", decode_name, &columns[i].name);
			columns[i].is_required = decode_is_required(reader, &list->items[i]);
		}
		for (size_t j = 0; j < i && columns[i].name.data != NULL; j++)
			if (columns[j].name.data != NULL &&
				str_eq(columns[i].name, columns[j].name))
				problem(reader, "this name is there twice");
		decode_leave(reader->decoder);
	}
	ret->columns = columns;
	ret->count = list->size;
}

/* Names, and as they are written, once a bundle instead of once a row. */
static void write_names(struct arena *arena, struct sig_schema *schema)
{
	struct str *names = arena_array(arena, schema->count, sizeof(*names));
	struct str *keys = arena_array(arena, schema->count, sizeof(*keys));
	struct buf text = {0};

	for (size_t i = 0; i < schema->count; i++) {
		text.len = 0;
		names[i] = schema->columns[i].name;
		json_write_string(&text, names[i]);
		buf_add_char(&text, ':');
		keys[i] = (struct str){arena_memdup(arena, text.data, text.len), text.len};
	}
	buf_done(&text);
	schema->names = names;
	schema->keys = keys;
}

static void decode_schema_text(
	struct reader *reader, const struct json *value, const char *name, struct sig_schema *ret)
{
	struct json list;

	decode_enter(reader->decoder, name);
	if (decode_text(reader, value, "columns", &list)) {
		/* MLflow takes an empty schema for none. */
		ret->is_declared = list.size > 0;
		decode_columns(reader, &list, ret);
		check_columns(reader, ret);
		write_names(reader->decoder->arena, ret);
	}
	decode_leave(reader->decoder);
}

static bool is_param_type(enum sig_type type)
{
	return sig_type_is_scalar(type) || type == SIG_OBJECT;
}

static void decode_param_shape(struct reader *reader, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return;
	if (json_type(value) == JSON_ARRAY && value->size == 1 &&
		json_type(&value->items[0]) == JSON_INTEGER && value->items[0].integer == -1)
		*(bool *)ret = true;
	else
		problem(reader, "expected null or [-1]");
}

static void decode_fallback(struct reader *reader, const struct json *value, void *ret)
{
	struct sig_param *param = ret;
	struct error err = {0};

	if (json_type(value) == JSON_ABSENT) {
		problem(reader, "is missing");
		return;
	}
	param->fallback = *value;
	/* A null stands for "no default"; objects and lists have it too. */
	if (json_type(value) != JSON_NULL &&
		!param_enforce(reader->decoder->arena, param, &param->fallback, &err))
		decode_problem(reader->decoder, reader->where, "%s", err.text);
}

static void decode_param(struct reader *reader, const struct json *value, struct sig_param *ret)
{
	const size_t problems_before = reader->decoder->problems->count;

	if (json_type(value) == JSON_OBJECT && json_get(value, STR("type")) == NULL &&
		json_get(value, STR("dtype")) != NULL)
		decode_member(reader, value, "dtype", decode_type, &ret->node.type);
	else
		decode_node(reader, value, &ret->node);
	if (json_type(value) != JSON_OBJECT)
		return;
	decode_member(reader, value, "name", decode_name, &ret->name);
	decode_member(reader, value, "shape", decode_param_shape, &ret->is_list);
	if (ret->name.data == NULL)
		problem(reader, "a param needs a name");
	if (reader->decoder->problems->count == problems_before && !is_param_type(ret->node.type))
		problem(reader, "a param is a scalar, a list of scalars or an object");
	if (reader->decoder->problems->count == problems_before)
		decode_member(reader, value, "default", decode_fallback, ret);
}

static void decode_params_text(
	struct reader *reader, const struct json *value, struct signature *ret)
{
	struct json list;

	decode_enter(reader->decoder, "params");
	if (decode_text(reader, value, "params", &list)) {
		struct sig_param *params =
			arena_zalloc(reader->decoder->arena, list.size * sizeof(*params));
		for (size_t i = 0; i < list.size; i++) {
			decode_enter_index(reader->decoder, i);
			decode_param(reader, &list.items[i], &params[i]);
			decode_leave(reader->decoder);
		}
		ret->params = params;
		ret->param_count = list.size;
		ret->has_params = list.size > 0;
	}
	decode_leave(reader->decoder);
}
