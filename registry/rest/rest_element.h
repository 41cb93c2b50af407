#pragma once
/*
 * Members of the messages inside a request (elements of lists), with proto's defaults: "" and 0 where one is absent.
 * What rest_decode() let through has the type of its field.
 */
#include "base/json.h"

#include <math.h>

static inline struct str rest_element_str(const struct json *element, const char *name)
{
	const struct str text = json_str(json_get(element, str_of(name)));

	return text.len > 0 ? text : STR("");
}

/* data is NULL where it is absent or empty. */
static inline struct str rest_element_optional(const struct json *element, const char *name)
{
	const struct str text = json_str(json_get(element, str_of(name)));

	return text.len > 0 ? text : (struct str){NULL, 0};
}

static inline int64_t rest_element_int(const struct json *element, const char *name)
{
	const struct json *value = json_get(element, str_of(name));

	return json_type(value) == JSON_INTEGER ? value->integer : 0;
}

static inline double rest_element_double(const struct json *element, const char *name)
{
	const struct json *value = json_get(element, str_of(name));

	if (json_type(value) == JSON_DOUBLE)
		return value->number;
	if (json_type(value) != JSON_STRING)
		return 0;
	return str_is(json_str(value), "NaN") ? (double)NAN : value->text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
}

static inline size_t rest_element_count(const struct json *list)
{
	return json_type(list) == JSON_ARRAY ? list->size : 0;
}
