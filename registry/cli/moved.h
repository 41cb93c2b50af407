#pragma once
/* Moved: what verbs say that bring an endpoint into another state: "rolled back slides: config version 7", and what it
 * serves then. */
#include "cli/endpoint.h"

bool moved_answer(struct remote *remote, const char *verb, const struct json *endpoint, struct error *err);
