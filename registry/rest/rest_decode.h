#pragma once
/*
 * From a request's query or body to an object that fits the fields of its rpc. As MLflow's server: a value of a wrong
 * type is complained about where the field is REST_CHECKED and counts as absent elsewhere; unknown names are ignored;
 * a body that is not JSON is {}. Beyond it: elements of a wrong type inside a checked list are complained about, too,
 * instead of being lost. Private to registry/rest.
 */
#include "rest/rest.h"

bool rest_decode(struct arena *arena, const struct rest_rpc *rpc, const struct rest_request *request, struct json *ret,
	struct error *err);
/* One component of a path or query: %XX, and '+' as a space where `is_query`. False where an escape is broken. */
bool rest_unescape(struct arena *arena, struct str text, bool is_query, struct str *ret);
