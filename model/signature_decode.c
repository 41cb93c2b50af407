/*
 * Signature: the JSON text of MLmodel becomes schemas and params. Every mistake is reported where
 * it stands, and reading goes on, so that one look shows them all.
 */
#include "model/signature_decode.h"

#include "model/input_names.h"
#include "model/params.h"
#include "model/signature_reader.h"

static bool decode_text(struct sig_reader *reader, const struct json *value, const char *name,
	struct json *ret_list);
static void decode_schema_text(struct sig_reader *reader, const struct json *value,
	const char *name, struct sig_schema *ret);
static void decode_params_text(
	struct sig_reader *reader, const struct json *value, struct signature *ret);

void signature_decode(struct decoder *decoder, const struct json *value, struct signature *ret)
{
	struct sig_reader reader = {.decoder = decoder, .where = value};

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

static bool decode_text(struct sig_reader *reader, const struct json *value, const char *name,
	struct json *ret_list)
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

static void decode_name(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct str *name = ret;

	if (json_type(value) == JSON_STRING) {
		*name = json_str(value);
		if (name->data == NULL)
			name->data = "";
	} else if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL) {
		sig_problem(reader, "expected a name");
	}
}

static bool is_nested(enum sig_type type)
{
	return type == SIG_ARRAY || type == SIG_OBJECT || type == SIG_MAP;
}

/* What holds between columns: all tensors or none, all named or none, names once. */
static void check_columns(struct sig_reader *reader, struct sig_schema *schema)
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
		sig_problem(reader, "tensors and columns cannot be mixed");
	if (names > 0 && names < schema->count)
		sig_problem(reader, "either all columns have a name or none");
	if (tensors > 1 && names == 0)
		sig_problem(reader, "several tensors need names");
}

static void decode_columns(
	struct sig_reader *reader, const struct json *list, struct sig_schema *ret)
{
	struct arena *arena = reader->decoder->arena;
	struct sig_property *columns = arena_zalloc(arena, list->size * sizeof(*columns));

	for (size_t i = 0; i < list->size; i++) {
		decode_enter_index(reader->decoder, i);
		sig_decode_node(reader, &list->items[i], &columns[i].node);
		if (json_type(&list->items[i]) == JSON_OBJECT) {
			sig_decode_member(
				reader, &list->items[i], "name", decode_name, &columns[i].name);
			columns[i].is_required = sig_decode_is_required(reader, &list->items[i]);
		}
		for (size_t j = 0; j < i && columns[i].name.data != NULL; j++)
			if (columns[j].name.data != NULL &&
				str_eq(columns[i].name, columns[j].name))
				sig_problem(reader, "this name is there twice");
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

static void check_names(struct sig_reader *reader, const struct sig_schema *schema)
{
	size_t duplicate;

	if (!schema->is_named || !names_find_duplicate(reader->decoder->arena, schema->names,
					 schema->count, &duplicate))
		return;
	decode_enter_index(reader->decoder, duplicate);
	sig_problem(reader, "this name is there twice");
	decode_leave(reader->decoder);
}

static void decode_schema_text(struct sig_reader *reader, const struct json *value,
	const char *name, struct sig_schema *ret)
{
	struct json list;

	decode_enter(reader->decoder, name);
	if (decode_text(reader, value, "columns", &list)) {
		/* MLflow takes an empty schema for none. */
		ret->is_declared = list.size > 0;
		decode_columns(reader, &list, ret);
		check_columns(reader, ret);
		write_names(reader->decoder->arena, ret);
		check_names(reader, ret);
	}
	decode_leave(reader->decoder);
}

static bool is_param_type(enum sig_type type)
{
	return sig_type_is_scalar(type) || type == SIG_OBJECT;
}

static void decode_param_shape(struct sig_reader *reader, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return;
	if (json_type(value) == JSON_ARRAY && value->size == 1 &&
		json_type(&value->items[0]) == JSON_INTEGER && value->items[0].integer == -1)
		*(bool *)ret = true;
	else
		sig_problem(reader, "expected null or [-1]");
}

static void decode_fallback(struct sig_reader *reader, const struct json *value, void *ret)
{
	struct sig_param *param = ret;
	struct error err = {0};

	if (json_type(value) == JSON_ABSENT) {
		sig_problem(reader, "is missing");
		return;
	}
	param->fallback = *value;
	/* A null stands for "no default"; objects and lists have it too. */
	if (json_type(value) != JSON_NULL &&
		!param_enforce(reader->decoder->arena, param, &param->fallback, &err))
		decode_problem(reader->decoder, reader->where, "%s", err.text);
}

static void decode_param(struct sig_reader *reader, const struct json *value, struct sig_param *ret)
{
	const size_t problems_before = reader->decoder->problems->count;

	if (json_type(value) == JSON_OBJECT && json_get(value, STR("type")) == NULL &&
		json_get(value, STR("dtype")) != NULL)
		sig_decode_member(reader, value, "dtype", sig_decode_type, &ret->node.type);
	else
		sig_decode_node(reader, value, &ret->node);
	if (json_type(value) != JSON_OBJECT)
		return;
	sig_decode_member(reader, value, "name", decode_name, &ret->name);
	sig_decode_member(reader, value, "shape", decode_param_shape, &ret->is_list);
	if (ret->name.data == NULL)
		sig_problem(reader, "a param needs a name");
	if (reader->decoder->problems->count == problems_before &&
		(!is_param_type(ret->node.type) ||
			(ret->is_list && !sig_type_is_scalar(ret->node.type))))
		sig_problem(reader, "a param is a scalar, a list of scalars or an object");
	if (reader->decoder->problems->count == problems_before)
		sig_decode_member(reader, value, "default", decode_fallback, ret);
}

static void decode_params_text(
	struct sig_reader *reader, const struct json *value, struct signature *ret)
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
