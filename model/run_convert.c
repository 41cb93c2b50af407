#include "model/run_convert.h"

#include <float.h>
#include <math.h>

enum { SHOWN_MAX = 80 };

static bool fail(const struct sig_node *node, const struct json *value, struct error *err)
{
	struct buf expected = {0}, got = {0};

	sig_node_write(&expected, node);
	json_write(&got, value);
	error_set(err, ERR_INVALID_PARAMETER, "expected %s, got %s: %.*s%s", buf_text(&expected),
		json_type_name(value), (int)(got.len < SHOWN_MAX ? got.len : SHOWN_MAX), got.data,
		got.len > SHOWN_MAX ? "…" : "");
	buf_done(&expected);
	buf_done(&got);
	return false;
}

static bool convert_integer(const struct json *value, int64_t min, int64_t max, struct json *ret)
{
	int64_t integer;

	if (json_type(value) == JSON_INTEGER)
		integer = value->integer;
	else if (json_type(value) == JSON_DOUBLE && trunc(value->number) == value->number &&
		 value->number >= -0x1p63 && value->number < 0x1p63)
		integer = (int64_t)value->number;
	else
		return false;
	*ret = json_integer(integer);
	return integer >= min && integer <= max;
}

static bool convert_double(const struct json *value, bool is_float, struct json *ret)
{
	double number;

	if (json_type(value) == JSON_INTEGER)
		number = (double)value->integer;
	else if (json_type(value) == JSON_DOUBLE)
		number = value->number;
	else
		return false;
	if (is_float && fabs(number) > (double)FLT_MAX)
		return false;
	*ret = json_double(is_float ? (double)(float)number : number);
	return true;
}

static bool convert_array(struct arena *arena, const struct sig_node *node,
	const struct json *value, struct json *ret, struct error *err)
{
	struct json array = json_array();

	array.items = arena_array(arena, value->size, sizeof(*array.items));
	array.size = value->size;
	for (size_t i = 0; i < value->size; i++)
		if (!run_convert(arena, node->items, &value->items[i], &array.items[i], err))
			return error_wrap(err, "element %zu", i);
	*ret = array;
	return true;
}

static bool convert_map(struct arena *arena, const struct sig_node *node, const struct json *value,
	struct json *ret, struct error *err)
{
	struct json map = json_object();

	map.members = arena_array(arena, value->size, sizeof(*map.members));
	map.size = value->size;
	for (size_t i = 0; i < value->size; i++) {
		const struct json_member *from = &value->members[i];

		map.members[i].key = from->key;
		if (!run_convert(arena, node->items, &from->value, &map.members[i].value, err))
			return error_wrap(err, "value of '%.*s'", STR_ARGS(json_str(&from->key)));
	}
	*ret = map;
	return true;
}

static const struct sig_property *find_property(const struct sig_node *node, struct str name)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return &node->properties[i];
	return NULL;
}

static bool convert_object(struct arena *arena, const struct sig_node *node,
	const struct json *value, struct json *ret, struct error *err)
{
	struct json object = json_object();

	for (size_t i = 0; i < node->property_count; i++) {
		const struct sig_property *property = &node->properties[i];
		const struct json *from = json_get(value, property->name);
		struct json to;

		if (from == NULL && !property->is_required)
			continue;
		if (from == NULL)
			return error_set(err, ERR_INVALID_PARAMETER, "property '%.*s' is missing",
				STR_ARGS(property->name));
		if (!run_convert(arena, &property->node, from, &to, err))
			return error_wrap(err, "property '%.*s'", STR_ARGS(property->name));
		json_set(arena, &object, property->name, to);
	}
	for (size_t i = 0; i < value->size; i++) {
		const struct str name = json_str(&value->members[i].key);

		if (find_property(node, name) == NULL)
			return error_set(err, ERR_INVALID_PARAMETER,
				"property '%.*s' is not declared", STR_ARGS(name));
	}
	*ret = object;
	return true;
}

bool run_convert(struct arena *arena, const struct sig_node *node, const struct json *value,
	struct json *ret, struct error *err)
{
	const enum json_type type = json_type(value);
	bool fits = false;

	*ret = *value;
	if (type == JSON_NULL)
		return true;
	switch (node->type) {
	case SIG_BOOLEAN:
		fits = type == JSON_BOOL;
		break;
	case SIG_INTEGER:
		fits = convert_integer(value, INT32_MIN, INT32_MAX, ret);
		break;
	case SIG_LONG:
		fits = convert_integer(value, INT64_MIN, INT64_MAX, ret);
		break;
	case SIG_FLOAT:
	case SIG_DOUBLE:
		fits = convert_double(value, node->type == SIG_FLOAT, ret);
		break;
	case SIG_STRING:
	case SIG_BINARY:
	case SIG_DATETIME:
		fits = type == JSON_STRING;
		break;
	case SIG_ARRAY:
		if (type == JSON_ARRAY)
			return convert_array(arena, node, value, ret, err);
		break;
	case SIG_MAP:
		if (type == JSON_OBJECT)
			return convert_map(arena, node, value, ret, err);
		break;
	case SIG_OBJECT:
		if (type == JSON_OBJECT)
			return convert_object(arena, node, value, ret, err);
		break;
	case SIG_ANY:
	case SIG_TENSOR:
	default:
		return true;
	}
	return fits || fail(node, value, err);
}
