#pragma once
/* Convert: a step's value as the type of an output column. The rules are in run_output.h. */
#include "base/json.h"
#include "model/signature.h"

bool run_convert(struct arena *arena, const struct sig_node *node, const struct json *value,
	struct json *ret, struct error *err);
