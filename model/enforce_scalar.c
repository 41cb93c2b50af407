/*
 * Scalars: the table of docs/protocol/RULES.md V3, one row a type, and the strict one of V9 beside
 * it.
 */
#include <float.h>
#include <math.h>

#include "base/datetime.h"
#include "base/base64.h"
#include "model/enforce.h"
#include "model/enforce_text.h"

/* Converts in place; false where the value does not fit (and no error is set). */
typedef bool convert_fn(struct arena *arena, struct json *value);

static convert_fn to_boolean, to_integer, to_long, to_float, to_double, to_binary, to_datetime;
static convert_fn is_boolean, is_integer, is_long, is_float, is_double, is_string, is_datetime;

static const struct {
	convert_fn *convert, *convert_strict; /* NULL: anything */
	bool takes_null;                      /* where it is required, too */
	const char *expected;
} SCALARS[SIG_ANY + 1] = {
	[SIG_BOOLEAN] = {to_boolean, is_boolean, false, "boolean (true, false, 0 or 1)"},
	[SIG_INTEGER] = {to_integer, is_integer, false, "integer (a whole number of 32 bits)"},
	[SIG_LONG] = {to_long, is_long, false, "long (a whole number of 64 bits)"},
	[SIG_FLOAT] = {to_float, is_float, true, "float (a number of 32 bits)"},
	[SIG_DOUBLE] = {to_double, is_double, true, "double (a number)"},
	[SIG_STRING] = {NULL, is_string, true, "string"},
	[SIG_BINARY] = {to_binary, to_binary, false, "binary (base64 text)"},
	[SIG_DATETIME] = {to_datetime, is_datetime, true,
		"datetime (ISO 8601 text, or nanoseconds since 1970)"},
	[SIG_ANY] = {NULL, NULL, true, "any"},
};

const char *enforce_expected(enum sig_type type)
{
	return SCALARS[type].expected;
}

bool enforce_takes_null(enum sig_type type)
{
	return SCALARS[type].takes_null;
}

bool enforce_scalar(
	struct enforce *enforce, enum sig_type type, const struct place *place, struct json *value)
{
	convert_fn *convert =
		enforce->is_strict ? SCALARS[type].convert_strict : SCALARS[type].convert;

	if (convert == NULL || convert(enforce->arena, value))
		return true;
	return enforce_fail(enforce, place, SCALARS[type].expected, value);
}

static bool to_boolean(struct arena *arena, struct json *value)
{
	if (value->type == JSON_INTEGER && (value->integer == 0 || value->integer == 1))
		*value = json_bool(value->integer == 1);
	else if (value->type == JSON_DOUBLE && (value->number == 0.0 || value->number == 1.0))
		*value = json_bool(value->number == 1.0);
	return value->type == JSON_BOOL;
}

/* 2^63 is the first double beyond int64; -2^63 is int64's lowest. */
static bool integral(double number, int64_t *ret)
{
	if (!(number >= -0x1p63 && number < 0x1p63) || number != trunc(number))
		return false;
	*ret = (int64_t)number;
	return true;
}

static bool to_long(struct arena *arena, struct json *value)
{
	int64_t integer;

	switch (value->type) {
	case JSON_INTEGER:
		return true;
	case JSON_BOOL:
		integer = value->boolean;
		break;
	case JSON_DOUBLE:
		if (!integral(value->number, &integer))
			return false;
		break;
	case JSON_STRING:
		if (text_integer(json_str(value), &integer) != TEXT_NUMBER)
			return false;
		break;
	default:
		return false;
	}
	*value = json_integer(integer);
	return true;
}

static bool to_integer(struct arena *arena, struct json *value)
{
	struct json wide = *value;

	if (!to_long(arena, &wide) || wide.integer < INT32_MIN || wide.integer > INT32_MAX)
		return false;
	*value = wide;
	return true;
}

static bool to_double(struct arena *arena, struct json *value)
{
	double number;

	switch (value->type) {
	case JSON_DOUBLE:
		return true;
	case JSON_INTEGER:
		number = (double)value->integer;
		break;
	case JSON_BOOL:
		number = value->boolean;
		break;
	case JSON_STRING:
		if (text_double(json_str(value), &number) != TEXT_NUMBER)
			return false;
		break;
	default:
		return false;
	}
	*value = json_double(number);
	return true;
}

/* An integer goes to float32 in one rounding, not by way of double. */
static bool to_float(struct arena *arena, struct json *value)
{
	struct json wide = *value;
	float narrow;

	if (value->type == JSON_INTEGER) {
		narrow = (float)value->integer;
	} else {
		if (!to_double(arena, &wide))
			return false;
		narrow = (float)wide.number;
	}
	if (!isfinite(narrow))
		return false;
	*value = json_double((double)narrow);
	return true;
}

static bool to_binary(struct arena *arena, struct json *value)
{
	struct str text;

	if (value->type != JSON_STRING || !base64_normalize(arena, json_str(value), &text))
		return false;
	*value = json_string(text);
	return true;
}

static bool to_datetime(struct arena *arena, struct json *value)
{
	char text[DATETIME_TEXT_MAX];
	int64_t ns;

	if (value->type == JSON_INTEGER)
		ns = value->integer;
	else if (value->type == JSON_DOUBLE && !integral(value->number, &ns))
		return false;
	else if (value->type == JSON_STRING && !datetime_parse(json_str(value), &ns))
		return false;
	else if (value->type != JSON_DOUBLE && value->type != JSON_STRING)
		return false;
	if (ns < DATETIME_NS_MIN)
		return false;
	const size_t len = datetime_format(ns, text);
	*value = json_string((struct str){arena_memdup(arena, text, len), len});
	return true;
}

static bool is_boolean(struct arena *arena, struct json *value)
{
	return value->type == JSON_BOOL;
}

static bool is_long(struct arena *arena, struct json *value)
{
	return value->type == JSON_INTEGER;
}

static bool is_integer(struct arena *arena, struct json *value)
{
	return value->type == JSON_INTEGER && to_integer(arena, value);
}

static bool is_double(struct arena *arena, struct json *value)
{
	return (value->type == JSON_INTEGER || value->type == JSON_DOUBLE) &&
	       to_double(arena, value);
}

static bool is_float(struct arena *arena, struct json *value)
{
	return (value->type == JSON_INTEGER || value->type == JSON_DOUBLE) &&
	       to_float(arena, value);
}

static bool is_string(struct arena *arena, struct json *value)
{
	return value->type == JSON_STRING;
}

static bool is_datetime(struct arena *arena, struct json *value)
{
	return value->type == JSON_STRING && to_datetime(arena, value);
}
