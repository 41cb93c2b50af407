/* rest_decode: query or body → raw object → each field of the table: found by either spelling → converted → checked */
#include "rest/rest_decode.h"

#include "rest/rest_check.h"
#include "rest/rest_query.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 64, NUMBER_SIZE = 400 };

struct decoding {
	struct arena *arena;
	const struct json *raw;
	bool is_query;
	struct error *err;
};

static bool convert(struct decoding *decoding, const struct rest_field *field, const struct json *value, struct json *ret);

/* What Python calls the type of a JSON value. */
static const char *python_type(const struct json *value)
{
	static const char *const NAMES[] = {
		[JSON_ABSENT] = "NoneType", [JSON_NULL] = "NoneType", [JSON_BOOL] = "bool", [JSON_INTEGER] = "int",
		[JSON_DOUBLE] = "float", [JSON_STRING] = "str", [JSON_ARRAY] = "list", [JSON_OBJECT] = "dict"};

	return NAMES[json_type(value)];
}

static bool fail_invalid(const struct rest_field *field, const struct json *value, struct error *err)
{
	struct buf text = {0};

	rest_add_json(&text, value);
	const struct str shown = str_clip(buf_str(&text), ERROR_TEXT_MAX / 2);
	error_set(err, ERR_INVALID_PARAMETER,
		"Invalid value %.*s for parameter '%s' supplied:  Hint: Value was of type '%s'. See the API docs for more "
		"information about request parameters.",
		STR_ARGS(shown), field->name, python_type(value));
	buf_done(&text);
	return false;
}

static bool fail_missing(const char *path, struct error *err)
{
	return error_set(err, ERR_INVALID_PARAMETER,
		"Missing value for required parameter '%s'. See the API docs for more information about request parameters.",
		path);
}

/* "run_id" → "runId" */
static struct str camel_of(const char *name, char room[static NAME_SIZE])
{
	size_t len = 0;

	for (; *name != '\0' && len < NAME_SIZE; name++) {
		if (*name == '_' && name[1] != '\0')
			room[len++] = (char)(*++name - 'a' + 'A');
		else
			room[len++] = *name;
	}
	return (struct str){room, len};
}

/* The member by either spelling; false where both are there. Queries know one spelling only. */
static bool look_up(struct decoding *decoding, const struct json *object, const struct rest_field *field,
	const struct json **ret)
{
	char room[NAME_SIZE];
	struct error *err = decoding->err;
	const struct str camel = camel_of(field->name, room);
	const bool has_other = !decoding->is_query && !str_is(camel, field->name);
	const struct json *other = has_other ? json_get(object, camel) : NULL;

	*ret = json_get(object, str_of(field->name));
	if (*ret != NULL && other != NULL)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Request specifies both '%s' and '%.*s'; provide only one of them.", field->name, STR_ARGS(camel));
	if (*ret == NULL)
		*ret = other;
	return true;
}

static bool to_integer(const struct json *value, struct json *ret)
{
	if (json_type(value) == JSON_INTEGER) {
		*ret = *value;
		return true;
	}
	if (json_type(value) == JSON_DOUBLE) {
		if (value->number != floor(value->number) || fabs(value->number) >= 9.2e18)
			return false;
		*ret = json_integer((int64_t)value->number);
		return true;
	}
	char room[NUMBER_SIZE];
	const struct str text = str_trim_space(json_str(value));
	if (json_type(value) != JSON_STRING || text.len == 0 || text.len >= sizeof(room))
		return false;
	memcpy(room, text.data, text.len);
	room[text.len] = '\0';
	char *end;
	errno = 0;
	*ret = json_integer(strtoll(room, &end, 10));
	return errno == 0 && end == room + text.len;
}

/* A double that is not finite has no JSON of ours: it stays the text "NaN", "Infinity" or "-Infinity". */
static bool to_double(const struct json *value, struct json *ret)
{
	if (json_type(value) == JSON_INTEGER || json_type(value) == JSON_DOUBLE) {
		*ret = json_double(value->type == JSON_DOUBLE ? value->number : (double)value->integer);
		return true;
	}
	char room[NUMBER_SIZE];
	const struct str text = str_trim_space(json_str(value));
	if (json_type(value) != JSON_STRING || text.len == 0 || text.len >= sizeof(room))
		return false;
	memcpy(room, text.data, text.len);
	room[text.len] = '\0';
	char *end;
	const double number = strtod(room, &end);
	if (end != room + text.len || strpbrk(room, "xX(") != NULL)
		return false;
	if (isfinite(number))
		*ret = json_double(number);
	else
		*ret = json_string(isnan(number) ? STR("NaN") : number > 0 ? STR("Infinity") : STR("-Infinity"));
	return true;
}

static bool to_bool(const struct decoding *decoding, const struct json *value, struct json *ret)
{
	*ret = *value;
	if (!decoding->is_query)
		return json_type(value) == JSON_BOOL;
	const bool is_true = str_eq_nocase(json_str(value), STR("true"));
	*ret = json_bool(is_true);
	return is_true || str_eq_nocase(json_str(value), STR("false")) ||
	       error_set(decoding->err, ERR_INVALID_PARAMETER, "Invalid boolean value: %.*s, must be 'true' or 'false'.",
		       STR_ARGS(json_str(value)));
}

static bool to_enum(const struct rest_field *field, const struct json *value, struct json *ret)
{
	struct json index = json_integer(-1);

	if (json_type(value) != JSON_STRING || !to_integer(value, &index))
		index = json_type(value) == JSON_INTEGER ? *value : json_integer(-1);
	for (int64_t i = 0; field->names[i] != NULL; i++) {
		const bool is_named = json_type(value) == JSON_STRING && str_is(json_str(value), field->names[i]);

		/* Enums that begin with 1 have an empty name for 0. */
		if ((i != index.integer && !is_named) || field->names[i][0] == '\0')
			continue;
		*ret = json_string(str_of(field->names[i]));
		return true;
	}
	return false;
}

/* Members of a wrong type are an error of the whole where a checked list holds them: what a client sent is not lost. */
static bool to_message(
	struct decoding *decoding, const struct rest_field *field, const struct json *value, struct json *ret)
{
	*ret = json_object();
	if (json_type(value) != JSON_OBJECT)
		return false;
	for (const struct rest_field *member = field->fields; member->name != NULL; member++) {
		const struct json *found;
		struct json converted;

		if (!look_up(decoding, value, member, &found))
			return false;
		if (json_type(found) == JSON_ABSENT || json_type(found) == JSON_NULL)
			continue;
		if (!convert(decoding, member, found, &converted))
			return false;
		json_set(decoding->arena, ret, str_of(member->name), converted);
	}
	return true;
}

static bool to_one(struct decoding *decoding, const struct rest_field *field, const struct json *value, struct json *ret)
{
	switch (field->type) {
	case REST_STRING:
		*ret = *value;
		return json_type(value) == JSON_STRING;
	case REST_INT:
		return to_integer(value, ret);
	case REST_DOUBLE:
		return to_double(value, ret);
	case REST_BOOL:
		return to_bool(decoding, value, ret);
	case REST_ENUM:
		return to_enum(field, value, ret);
	case REST_ANY:
		*ret = *value;
		return true;
	default:
		return to_message(decoding, field, value, ret);
	}
}

static bool convert(struct decoding *decoding, const struct rest_field *field, const struct json *value, struct json *ret)
{
	if ((field->flags & REST_REPEATED) == 0)
		return to_one(decoding, field, value, ret);
	struct json *items = arena_array(decoding->arena, value->size, sizeof(*items));
	if (json_type(value) != JSON_ARRAY)
		return false;
	for (size_t i = 0; i < value->size; i++)
		if (!to_one(decoding, field, &value->items[i], &items[i]))
			return false;
	*ret = json_array_of(items, value->size);
	return true;
}

static bool is_missing(const struct json *value)
{
	return json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL ||
	       (json_type(value) == JSON_STRING && value->size == 0);
}

static bool is_needed(const struct rest_field *member)
{
	return (member->flags & REST_REQUIRED) != 0 || strcmp(member->name, "key") == 0;
}

/* Of a REST_KEYED list, as it was sent. */
static bool check_elements(struct decoding *decoding, const struct rest_field *field, const struct json *list)
{
	char path[2 * NAME_SIZE];

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		for (const struct rest_field *member = field->fields; member->name != NULL; member++) {
			const struct json *found;

			if (!is_needed(member))
				continue;
			if (!look_up(decoding, &list->items[i], member, &found))
				return false;
			if (!is_missing(found))
				continue;
			snprintf(path, sizeof(path), "%s[%zu].%s", field->name, i, member->name);
			return fail_missing(path, decoding->err);
		}
	}
	return true;
}

/* MLflow's own checks, unlike protobuf's, know the first spelling only. */
static bool is_other_spelling(const struct decoding *decoding, const struct rest_field *field)
{
	char room[NAME_SIZE];

	return json_get(decoding->raw, str_of(field->name)) == NULL &&
	       json_get(decoding->raw, camel_of(field->name, room)) != NULL;
}

/* A field as it was sent (NULL: not at all) and what became of it. */
static bool check(struct decoding *decoding, const struct rest_field *field, const struct json *sent, bool is_converted,
	const struct json *value)
{
	struct error *err = decoding->err;
	/* Where an enum need not be there, MLflow checks that it is text, but not which. */
	const bool is_text = field->type == REST_ENUM && json_type(sent) == JSON_STRING;
	const bool is_checked =
		(field->flags & REST_REQUIRED) != 0 || ((field->flags & REST_CHECKED) != 0 && !is_text);

	if ((field->flags & REST_REQUIRED) != 0 && (is_missing(sent) || is_other_spelling(decoding, field)))
		return fail_missing(field->name, err);
	if ((field->flags & REST_KEYED) != 0 && !check_elements(decoding, field, sent))
		return false;
	if (json_type(sent) == JSON_ABSENT || json_type(sent) == JSON_NULL)
		return true;
	/* A name that no enum has is what a newer client knows: as protobuf does, it is left
	 * alone where the call makes sense without it. */
	const bool is_new_name = field->type == REST_ENUM && json_type(sent) == JSON_STRING &&
				 (field->flags & REST_REQUIRED) == 0;
	if (!is_converted && is_checked && !is_new_name)
		return fail_invalid(field, sent, err);
	if (is_converted && field->max != 0 && value->integer > field->max)
		return fail_invalid(field, sent, err);
	return true;
}

/* Clients of old send run_uuid. */
static const struct json *sent_of(struct decoding *decoding, const struct rest_field *field)
{
	const struct json *found;

	if (!look_up(decoding, decoding->raw, field, &found))
		return NULL;
	if (!is_missing(found) || strcmp(field->name, "run_id") != 0)
		return found;
	const struct json *old = json_get(decoding->raw, STR("run_uuid"));
	return old != NULL ? old : found;
}

static bool decode_fields(struct decoding *decoding, const struct rest_field *fields, struct json *ret)
{
	struct error *err = decoding->err;

	for (const struct rest_field *field = fields; field != NULL && field->name != NULL; field++) {
		struct json value = {0};

		error_clear(err);
		const struct json *sent = sent_of(decoding, field);
		const bool is_there = json_type(sent) != JSON_ABSENT && json_type(sent) != JSON_NULL;
		const bool is_converted =
			err->code == ERR_NONE && is_there && convert(decoding, field, sent, &value);
		/* Said already: both spellings, or a boolean that is none. */
		if (err->code != ERR_NONE || !check(decoding, field, sent, is_converted, &value))
			return false;
		if (is_converted)
			json_set(decoding->arena, ret, str_of(field->name), value);
	}
	return true;
}

/* Old clients encode their JSON twice. */
static bool read_body(struct arena *arena, struct str body, struct json *ret, struct error *err)
{
	struct error ignored;

	*ret = json_object();
	if (str_trim_space(body).len == 0)
		return true;
	struct json read;
	if (!json_read_wide(arena, body, &read, &ignored))
		return true;
	if (json_type(&read) == JSON_STRING && !json_read_wide(arena, json_str(&read), &read, &ignored))
		return true;
	if (json_type(&read) != JSON_OBJECT && json_type(&read) != JSON_NULL)
		return error_set(err, ERR_BAD_REQUEST, "the body must be a JSON object, not %s", json_type_name(&read));
	if (json_type(&read) == JSON_OBJECT)
		*ret = read;
	return true;
}

static bool check_content_type(const struct rest_request *request, struct error *err)
{
	struct str rest = request->content_type, type;

	if (rest.data == NULL || !(str_is(request->method, "POST") || str_is(request->method, "PUT")))
		return true;
	str_cut(&rest, ';', &type);
	return str_eq_nocase(str_trim(type), STR("application/json")) ||
	       error_set(err, ERR_INVALID_PARAMETER, "Bad Request. Content-Type must be one of ['application/json'].");
}

bool rest_decode(struct arena *arena, const struct rest_rpc *rpc, const struct rest_request *request, struct json *ret,
	struct error *err)
{
	struct json raw;
	struct decoding decoding = {.arena = arena, .raw = &raw, .err = err};

	decoding.is_query = str_is(request->method, "GET") && request->query.len > 0;
	if (!check_content_type(request, err))
		return false;
	if (decoding.is_query ? !rest_read_query(arena, rpc->fields, request->query, &raw, err)
			      : !read_body(arena, request->body, &raw, err))
		return false;
	*ret = json_object();
	return decode_fields(&decoding, rpc->fields, ret);
}
