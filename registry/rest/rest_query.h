#pragma once
/* A query as an object of texts, and of lists of texts where `fields` says so. ERR_BAD_REQUEST where an escape is broken. */
#include "rest/rest.h"

bool rest_read_query(
	struct arena *arena, const struct rest_field *fields, struct str query, struct json *ret, struct error *err);
