#pragma once
/* The writing end that json_write.c and json_write_pretty.c share. Internal to base. */
#include "base/json.h"

enum {
	JSON_NUMBER_MAX = 32, /* bytes of any number as text */
};

/* Write at `to`, where JSON_NUMBER_MAX bytes are free, and return the place behind the text. */
char *json_put_integer(char *to, int64_t value);
char *json_put_double(char *to, double value);

/* Pointers to the members that are not absent, sorted by the bytes of their keys; on the heap, the
 * caller frees. */
const struct json_member **json_sorted_members(const struct json *object, size_t *ret_count);
