#pragma once
/* The types of a signature as JSON Schemas. Private to openapi*.c. */
#include "model/bundle.h"

/* What a request's body may be: one of the input forms. */
struct json openapi_request_schema(struct arena *arena, const struct bundle *bundle);
/* What it answers. */
struct json openapi_answer_schema(struct arena *arena, const struct bundle *bundle);
