#pragma once
/* The page token of logged-models/search: base64 of a JSON object that holds the search, too, which must be the same on the
 * next page. Private to registry/rest. */
#include "rest/rest.h"

/* The offset of call->in's page_token; 0 without one. ERR_INVALID_PARAMETER where it is of another search. */
bool rest_model_token_read(struct rest_call *call, int64_t *ret_offset, struct error *err);
struct str rest_model_token_new(struct rest_call *call, int64_t offset);
