#pragma once
/* Tags of experiments. Private to registry/rest. */
#include "rest/rest.h"

/* A list of keys and values that a new experiment gets. */
bool rest_experiment_tags_check(const struct json *tags, struct error *err);
