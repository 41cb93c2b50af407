#pragma once
/*
 * OpenAPI: what an endpoint takes and answers, as an OpenAPI 3.1 document made from the signatures of what it serves: a
 * path for the endpoint and one for each served entity; every input form that fits the signature (docs/protocol/RULES.md).
 */
#include "model/bundle.h"
#include "serving/endpoint.h"

struct openapi_entity {
	const struct entity *entity;
	const struct bundle *bundle; /* its signature's inputs are declared */
};

/* On the arena; the bundles must live as long. `url`: "http://127.0.0.1:8080/serving-endpoints/ep". */
struct json openapi_document(struct arena *arena, const struct endpoint *endpoint, const char *url,
	const struct openapi_entity *entities, size_t count);
