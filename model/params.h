#pragma once
/*
 * Params: a request's `params` against the params schema, without the conversions of columns
 * (docs/protocol/RULES.md V9).
 */
#include "model/signature.h"

/* One param's value. ERR_INVALID_PARAMETER names the param, expected and got. */
bool param_enforce(
	struct arena *arena, const struct sig_param *param, struct json *value, struct error *err);
/* Params that no schema declares are copied into every row; so many that copies would cost more
 * than the request are nobody's and left out. */
enum { PARAMS_UNDECLARED_MAX = 256 };
/* All params of a request: `given` is the member `params`, NULL where it has none. Absent ones take
 * their defaults, unknown ones are ignored; *ret is an object, or the object as given where no
 * schema is declared. */
bool params_enforce(struct arena *arena, const struct signature *signature,
	const struct json *given, struct json *ret, struct error *err);
