/* A query as the raw object that a body would be: all values are texts, lists are of repeated names. */
#include "rest/rest_query.h"

#include "base/percent.h"
#include "rest/rest_decode.h"

bool rest_unescape(struct arena *arena, struct str text, bool is_query, struct str *ret)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '+' && is_query) {
			out[len++] = ' ';
			continue;
		}
		if (text.data[i] != '%') {
			out[len++] = text.data[i];
			continue;
		}
		const int byte = percent_byte((struct str){text.data + i, text.len - i});
		if (byte < 0)
			return false;
		out[len++] = (char)byte;
		i += 2;
	}
	out[len] = '\0';
	*ret = (struct str){out, len};
	return true;
}

static const struct rest_field *field_of(const struct rest_field *fields, struct str name)
{
	for (; fields != NULL && fields->name != NULL; fields++)
		if (str_is(name, fields->name))
			return fields;
	return NULL;
}

/* A name that occurs again adds to the list where the field is one; else its first value counts, as in MLflow. */
static bool add_pair(struct arena *arena, const struct rest_field *fields, struct str pair, struct json *object,
	struct error *err)
{
	struct str name, value;

	str_cut(&pair, '=', &name);
	if (!rest_unescape(arena, name, true, &name) || !rest_unescape(arena, pair, true, &value) ||
		!str_is_utf8(name) || !str_is_utf8(value))
		return error_set(err, ERR_BAD_REQUEST, "a broken escape in the query near '%.*s'", STR_ARGS(name));
	const struct rest_field *field = field_of(fields, name);
	const bool is_list = field != NULL && (field->flags & REST_REPEATED) != 0;
	const struct json *there = json_get(object, name);
	struct json list = there != NULL && is_list ? *there : json_array();

	if (there != NULL && !is_list)
		return true;
	if (is_list)
		json_append(arena, &list, json_string(value));
	json_set(arena, object, name, is_list ? list : json_string(value));
	return true;
}

enum { QUERY_PAIRS_MAX = 10000 };

bool rest_read_query(
	struct arena *arena, const struct rest_field *fields, struct str query, struct json *ret, struct error *err)
{
	unsigned count = 0;

	*ret = json_object();
	while (query.len > 0) {
		struct str pair;

		str_cut(&query, '&', &pair);
		if (++count > QUERY_PAIRS_MAX)
			return error_set(err, ERR_TOO_LARGE, "the query has more than %d parameters", QUERY_PAIRS_MAX);
		if (pair.len > 0 && !add_pair(arena, fields, pair, ret, err))
			return false;
	}
	return true;
}
