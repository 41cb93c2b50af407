/* What the functions of the tables use: looking into the request, putting the answer together. */
#include "rest/rest.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

const struct rest_field rest_tag_fields[] = {
	{"key", REST_STRING, 0, 0, NULL, NULL},
	{"value", REST_STRING, 0, 0, NULL, NULL},
	{0},
};

struct str rest_str(const struct rest_call *call, const char *name)
{
	const struct json *value = json_get(&call->in, str_of(name));

	if (json_type(value) != JSON_STRING)
		return (struct str){NULL, 0};
	/* An empty string is there all the same. */
	return value->size > 0 ? json_str(value) : STR("");
}

struct str rest_str_or_empty(const struct rest_call *call, const char *name)
{
	const struct str text = rest_str(call, name);

	return text.data != NULL ? text : STR("");
}

bool rest_has(const struct rest_call *call, const char *name)
{
	return json_get(&call->in, str_of(name)) != NULL;
}

int64_t rest_int(const struct rest_call *call, const char *name, int64_t fallback)
{
	const struct json *value = json_get(&call->in, str_of(name));

	return json_type(value) == JSON_INTEGER ? value->integer : fallback;
}

const struct json *rest_list(const struct rest_call *call, const char *name)
{
	const struct json *value = json_get(&call->in, str_of(name));

	return json_type(value) == JSON_ARRAY ? value : NULL;
}

void rest_set(struct rest_call *call, struct json *object, const char *name, struct json value)
{
	const bool is_empty = (value.type == JSON_ARRAY || value.type == JSON_OBJECT) && value.size == 0;

	if (value.type != JSON_ABSENT && !is_empty)
		json_set(call->arena, object, str_of(name), value);
}

void rest_set_str(struct rest_call *call, struct json *object, const char *name, struct str text)
{
	if (text.data != NULL)
		json_set(call->arena, object, str_of(name), json_string(text));
}

void rest_set_int(struct rest_call *call, struct json *object, const char *name, int64_t value)
{
	json_set(call->arena, object, str_of(name), json_integer(value));
}

void rest_set_double(struct rest_call *call, struct json *object, const char *name, double value)
{
	struct json written = json_double(value);

	if (!isfinite(value))
		written = json_string(isnan(value) ? STR("NaN") : value > 0 ? STR("Infinity") : STR("-Infinity"));
	json_set(call->arena, object, str_of(name), written);
}

bool rest_read_pairs(struct rest_call *call, struct db_rows *rows, struct json *ret_list)
{
	*ret_list = json_array();
	while (db_next(rows)) {
		struct json pair = json_object();

		rest_set_str(call, &pair, "key", db_text(rows, 0, call->arena));
		rest_set_str(call, &pair, "value", db_text(rows, 1, call->arena));
		json_append(call->arena, ret_list, pair);
	}
	return db_end(rows);
}

struct str rest_new_id(struct rest_call *call, const char *prefix)
{
	enum { DIGITS = 32 };
	const size_t prefix_len = strlen(prefix);
	char *id = arena_zalloc(call->arena, prefix_len + DIGITS + 1);

	memcpy(id, prefix, prefix_len);
	random_hex(id + prefix_len, DIGITS);
	return (struct str){id, prefix_len + DIGITS};
}

struct str rest_number_text(struct rest_call *call, int64_t number)
{
	return str_of(arena_printf(call->arena, "%lld", (long long)number));
}
