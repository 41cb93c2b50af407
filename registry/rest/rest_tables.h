#pragma once
/* The tables of rpcs, one a resource; rest_routes.c lists them. Private to registry/rest. */
#include "rest/rest.h"

