#pragma once
/* The tables of rpcs, one a resource; rest_routes.c lists them. Private to registry/rest. */
#include "rest/rest.h"

extern const struct rest_rpc rest_models[];
extern const struct rest_rpc rest_aliases[];
extern const struct rest_rpc rest_versions[];
extern const struct rest_rpc rest_history[];
