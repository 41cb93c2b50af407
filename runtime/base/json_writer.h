#pragma once
/* What the writer and the comparison of json.h share. Internal to base. */
#include "base/json.h"

/* Pointers to the members that are not absent, sorted by the bytes of their keys; on the heap, the
 * caller frees. */
const struct json_member **json_sorted_members(const struct json *object, size_t *ret_count);
