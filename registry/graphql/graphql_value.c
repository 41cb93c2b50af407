/* variables first, by their own types; then literals where they stand, which take variables of just that type */
#include "graphql/graphql_value.h"

#include "rest/rest_check.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool read_json(
	struct graphql_values *values, const struct json *given, const struct graphql_type *type, bool is_list, struct json *ret);

static bool fail(struct graphql_values *values, const char *what, struct str shown)
{
	const struct str clipped = str_clip(shown, ERROR_TEXT_MAX / 4);

	return error_set(values->err, ERR_BAD_REQUEST, "%s value: %.*s", what, STR_ARGS(clipped));
}

static const char *problem_of(enum graphql_kind kind)
{
	static const char *const TEXTS[] = {
		[GRAPHQL_STRING_TYPE] = "String cannot represent a non string",
		[GRAPHQL_INT_TYPE] = "Int cannot represent non-integer",
		[GRAPHQL_LONG_TYPE] = "LongString cannot represent non-integer",
		[GRAPHQL_FLOAT_TYPE] = "Float cannot represent non numeric",
		[GRAPHQL_BOOLEAN_TYPE] = "Boolean cannot represent a non boolean",
		[GRAPHQL_ENUM_TYPE] = "Enum cannot represent non-enum",
		[GRAPHQL_OBJECT_TYPE] = "no input",
		[GRAPHQL_INPUT_TYPE] = "Expected an input object, found",
	};

	return TEXTS[kind];
}

static bool fail_json(struct graphql_values *values, const struct graphql_type *type, const struct json *given)
{
	struct buf shown = {0};

	rest_add_json(&shown, given);
	fail(values, problem_of(type->kind), buf_str(&shown));
	buf_done(&shown);
	return false;
}

static bool check_range(struct graphql_values *values, enum graphql_kind kind, int64_t number)
{
	return kind != GRAPHQL_INT_TYPE || (number >= INT32_MIN && number <= INT32_MAX) ||
	       error_set(values->err, ERR_BAD_REQUEST, "Int cannot represent non 32-bit signed integer value: %lld",
		       (long long)number);
}

static bool integer_of(struct graphql_values *values, const struct graphql_type *type, struct str text, struct json *ret)
{
	char *end;

	errno = 0;
	const char *copy = arena_memdup(values->arena, text.data, text.len);
	const long long number = strtoll(copy, &end, 10);
	if (errno != 0 && type->kind == GRAPHQL_INT_TYPE)
		return fail(values, "Int cannot represent non 32-bit signed integer", text);
	if (errno != 0 || text.len == 0 || end != copy + text.len)
		return fail(values, problem_of(type->kind), text);
	*ret = json_integer(number);
	return check_range(values, type->kind, number);
}

static bool float_of(struct graphql_values *values, struct str text, struct json *ret)
{
	*ret = json_double(strtod(arena_memdup(values->arena, text.data, text.len), NULL));
	return isfinite(ret->number) || fail(values, problem_of(GRAPHQL_FLOAT_TYPE), text);
}

static bool enum_of(struct graphql_values *values, const struct graphql_type *type, struct str text, struct json *ret)
{
	for (size_t i = 0; type->values[i] != NULL; i++) {
		*ret = json_string(str_of(type->values[i]));
		if (str_is(text, type->values[i]))
			return true;
	}
	return error_set(values->err, ERR_BAD_REQUEST, "Value '%.*s' does not exist in '%s' enum.",
		STR_ARGS(str_clip(text, 100)), type->name);
}

/* ---- literals ---- */

static void add_literal(struct buf *out, const struct graphql_value *literal)
{
	if (literal->kind == GRAPHQL_VALUE_STRING)
		json_write_string(out, literal->text);
	else if (literal->kind == GRAPHQL_VALUE_LIST)
		buf_add_text(out, "[...]");
	else if (literal->kind == GRAPHQL_VALUE_OBJECT)
		buf_add_text(out, "{...}");
	else
		buf_add_str(out, literal->kind == GRAPHQL_VALUE_NULL ? STR("null") : literal->text);
}

static bool fail_literal(
	struct graphql_values *values, const struct graphql_type *type, const struct graphql_value *literal)
{
	struct buf shown = {0};

	add_literal(&shown, literal);
	fail(values, problem_of(type->kind), buf_str(&shown));
	buf_done(&shown);
	return false;
}

static bool read_variable(struct graphql_values *values, struct str name, const struct graphql_type *type, bool is_list,
	struct json *ret)
{
	struct graphql_variable *variable = values->variables;

	while (variable != NULL && !str_eq(variable->name, name))
		variable = variable->next;
	if (variable == NULL)
		return error_set(values->err, ERR_BAD_REQUEST, "Variable '$%.*s' is not defined.", STR_ARGS(name));
	variable->is_used = true;
	if (!str_is(variable->type.name, type->name) || variable->type.lists != (is_list ? 1u : 0u))
		return error_set(values->err, ERR_BAD_REQUEST,
			"Variable '$%.*s' of type '%.*s' used in position expecting type '%s%s%s'.", STR_ARGS(name),
			STR_ARGS(variable->type.shown), is_list ? "[" : "", type->name, is_list ? "]" : "");
	*ret = variable->value;
	return true;
}

static bool read_list(struct graphql_values *values, const struct graphql_value *literal, const struct graphql_type *type,
	struct json *ret)
{
	const bool is_list = literal->kind == GRAPHQL_VALUE_LIST;

	*ret = json_array();
	for (const struct graphql_value *item = is_list ? literal->first : literal; item != NULL; item = is_list ? item->next : NULL) {
		struct json value;

		if (!graphql_literal(values, item, type, false, &value))
			return false;
		if (value.type != JSON_ABSENT && value.type != JSON_NULL)
			json_append(values->arena, ret, value);
	}
	return true;
}

static const struct graphql_field *find_member(
	struct graphql_values *values, const struct graphql_type *type, struct str name)
{
	const struct graphql_field *field = graphql_field_find(type, name);

	if (field == NULL)
		error_set(values->err, ERR_BAD_REQUEST, "Field '%.*s' is not defined by type '%s'.", STR_ARGS(str_clip(name, 100)),
			type->name);
	return field;
}

static void set_member(
	struct graphql_values *values, struct json *object, const struct graphql_field *field, struct json value)
{
	if (value.type != JSON_ABSENT && value.type != JSON_NULL)
		json_set(values->arena, object, graphql_snake(values->arena, field->name), value);
}

static bool read_object(struct graphql_values *values, const struct graphql_value *literal, const struct graphql_type *type,
	struct json *ret)
{
	*ret = json_object();
	for (const struct graphql_value *member = literal->first; member != NULL; member = member->next) {
		const struct graphql_field *field = find_member(values, type, member->name);
		struct json value;

		if (field == NULL || !graphql_literal(values, member, field->type, field->is_list, &value))
			return false;
		for (const struct graphql_value *earlier = literal->first; earlier != member; earlier = earlier->next)
			if (str_eq(earlier->name, member->name))
				return error_set(values->err, ERR_BAD_REQUEST, "There can be only one input field named '%s'.",
					field->name);
		set_member(values, ret, field, value);
	}
	return true;
}

static bool fits(enum graphql_kind kind, enum graphql_value_kind literal)
{
	switch (kind) {
	case GRAPHQL_STRING_TYPE:
		return literal == GRAPHQL_VALUE_STRING;
	case GRAPHQL_INT_TYPE:
		return literal == GRAPHQL_VALUE_INT;
	case GRAPHQL_LONG_TYPE:
		return literal == GRAPHQL_VALUE_INT || literal == GRAPHQL_VALUE_STRING;
	case GRAPHQL_FLOAT_TYPE:
		return literal == GRAPHQL_VALUE_INT || literal == GRAPHQL_VALUE_FLOAT;
	case GRAPHQL_BOOLEAN_TYPE:
		return literal == GRAPHQL_VALUE_BOOLEAN;
	case GRAPHQL_ENUM_TYPE:
		return literal == GRAPHQL_VALUE_ENUM;
	default:
		return literal == GRAPHQL_VALUE_OBJECT;
	}
}

bool graphql_literal(struct graphql_values *values, const struct graphql_value *literal, const struct graphql_type *type,
	bool is_list, struct json *ret)
{
	*ret = json_null();
	if (literal->kind == GRAPHQL_VALUE_VARIABLE)
		return read_variable(values, literal->text, type, is_list, ret);
	if (literal->kind == GRAPHQL_VALUE_NULL)
		return true;
	if (is_list)
		return read_list(values, literal, type, ret);
	if (!fits(type->kind, literal->kind))
		return fail_literal(values, type, literal);
	switch (type->kind) {
	case GRAPHQL_STRING_TYPE:
		*ret = json_string(literal->text);
		return true;
	case GRAPHQL_BOOLEAN_TYPE:
		*ret = json_bool(str_is(literal->text, "true"));
		return true;
	case GRAPHQL_FLOAT_TYPE:
		return float_of(values, literal->text, ret);
	case GRAPHQL_ENUM_TYPE:
		return enum_of(values, type, literal->text, ret);
	case GRAPHQL_INT_TYPE:
	case GRAPHQL_LONG_TYPE:
		return integer_of(values, type, literal->text, ret);
	default:
		return read_object(values, literal, type, ret);
	}
}

bool graphql_value_equal(const struct graphql_value *a, const struct graphql_value *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (a->kind != b->kind || !str_eq(a->name, b->name) || !str_eq(a->text, b->text) ||
			!graphql_value_equal(a->first, b->first))
			return false;
	return a == NULL && b == NULL;
}

/* ---- variables ---- */

static bool read_json_list(
	struct graphql_values *values, const struct json *given, const struct graphql_type *type, struct json *ret)
{
	const bool is_list = json_type(given) == JSON_ARRAY;

	*ret = json_array();
	for (size_t i = 0; i < (is_list ? given->size : 1u); i++) {
		struct json value;

		if (!read_json(values, is_list ? &given->items[i] : given, type, false, &value))
			return false;
		if (value.type != JSON_NULL)
			json_append(values->arena, ret, value);
	}
	return true;
}

static bool read_json_object(
	struct graphql_values *values, const struct json *given, const struct graphql_type *type, struct json *ret)
{
	*ret = json_object();
	for (size_t i = 0; i < given->size; i++) {
		const struct graphql_field *field = find_member(values, type, json_str(&given->members[i].key));
		struct json value;

		if (field == NULL || !read_json(values, &given->members[i].value, field->type, field->is_list, &value))
			return false;
		set_member(values, ret, field, value);
	}
	return true;
}

static bool read_json_integer(
	struct graphql_values *values, const struct json *given, const struct graphql_type *type, struct json *ret)
{
	if (type->kind == GRAPHQL_LONG_TYPE && json_type(given) == JSON_STRING)
		return integer_of(values, type, json_str(given), ret);
	if (json_type(given) == JSON_DOUBLE && given->number == floor(given->number) && fabs(given->number) < 9e15)
		*ret = json_integer((int64_t)given->number);
	else if (json_type(given) == JSON_INTEGER)
		*ret = *given;
	else
		return fail_json(values, type, given);
	return check_range(values, type->kind, ret->integer);
}

static bool read_json_number(struct graphql_values *values, const struct json *given, struct json *ret)
{
	if (json_type(given) != JSON_INTEGER && json_type(given) != JSON_DOUBLE)
		return false;
	*ret = json_double(given->type == JSON_DOUBLE ? given->number : (double)given->integer);
	(void)values;
	return true;
}

static bool read_json(
	struct graphql_values *values, const struct json *given, const struct graphql_type *type, bool is_list, struct json *ret)
{
	*ret = json_null();
	if (json_type(given) == JSON_NULL)
		return true;
	if (is_list)
		return read_json_list(values, given, type, ret);
	const bool is_text = json_type(given) == JSON_STRING;
	switch (type->kind) {
	case GRAPHQL_INT_TYPE:
	case GRAPHQL_LONG_TYPE:
		return read_json_integer(values, given, type, ret);
	case GRAPHQL_FLOAT_TYPE:
		return read_json_number(values, given, ret) || fail_json(values, type, given);
	case GRAPHQL_ENUM_TYPE:
		return is_text ? enum_of(values, type, json_str(given), ret) : fail_json(values, type, given);
	case GRAPHQL_INPUT_TYPE:
		return json_type(given) == JSON_OBJECT ? read_json_object(values, given, type, ret)
						       : fail_json(values, type, given);
	default:
		*ret = *given;
		return is_text == (type->kind == GRAPHQL_STRING_TYPE) && (is_text || json_type(given) == JSON_BOOL)
			       ? true
			       : fail_json(values, type, given);
	}
}

static bool fail_variable(struct graphql_values *values, const struct graphql_variable *variable, const struct json *given)
{
	const struct error reason = *values->err;
	struct buf shown = {0};

	rest_add_json(&shown, given);
	error_set(values->err, ERR_BAD_REQUEST, "Variable '$%.*s' got invalid value %.*s; %s", STR_ARGS(variable->name),
		STR_ARGS(str_clip(buf_str(&shown), ERROR_TEXT_MAX / 4)), reason.text);
	buf_done(&shown);
	return false;
}

static bool set_variable(struct graphql_values *values, struct graphql_variable *variable, const struct json *given)
{
	const struct graphql_type *type = graphql_input_find(variable->type.name);
	const char *shown = arena_printf(values->arena, "%.*s", STR_ARGS(variable->type.shown));

	if (type == NULL)
		return error_set(values->err, ERR_BAD_REQUEST, "Unknown type '%.*s'.", STR_ARGS(variable->type.name));
	for (const struct graphql_variable *at = values->variables; at != variable; at = at->next)
		if (str_eq(at->name, variable->name))
			return error_set(values->err, ERR_BAD_REQUEST, "There can be only one variable named '$%.*s'.",
				STR_ARGS(variable->name));
	if (json_type(given) == JSON_ABSENT && variable->fallback != NULL)
		return graphql_literal(values, variable->fallback, type, variable->type.lists > 0, &variable->value);
	if (variable->type.is_required && json_type(given) == JSON_ABSENT)
		return error_set(values->err, ERR_BAD_REQUEST, "Variable '$%.*s' of required type '%s' was not provided.",
			STR_ARGS(variable->name), shown);
	if (variable->type.is_required && json_type(given) == JSON_NULL)
		return error_set(values->err, ERR_BAD_REQUEST, "Variable '$%.*s' of non-null type '%s' must not be null.",
			STR_ARGS(variable->name), shown);
	variable->value = (struct json){0};
	if (json_type(given) == JSON_ABSENT)
		return true;
	return read_json(values, given, type, variable->type.lists > 0, &variable->value) ||
	       fail_variable(values, variable, given);
}

bool graphql_variables(struct graphql_values *values, const struct json *given)
{
	for (struct graphql_variable *variable = values->variables; variable != NULL; variable = variable->next)
		if (!set_variable(values, variable, json_get(given, variable->name)))
			return false;
	return true;
}
