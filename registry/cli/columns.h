#pragma once
/*
 * Columns: a signature for people and scripts: name to "string", "long (optional)".
 */
#include "base/json.h"
#include "model/signature.h"

struct json columns_of(struct arena *arena, const struct sig_schema *schema);
/* Params have their default behind the type: "long = 16". */
struct json columns_of_params(struct arena *arena, const struct signature *signature);
