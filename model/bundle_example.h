#pragma once
/*
 * Bundle example: the input example as a request's body. MLflow saves it twice: as
 * input_example.json in one of several shapes, and (since 2.15) as serving_input_example.json,
 * which is a body already. A bundle made by hand has the first only, often as a plain object or an
 * array of them.
 */
#include "model/mlmodel.h"
#include "model/signature.h"

/* JSON_ABSENT where the bundle has none. Problems are added where one cannot be read. */
struct json bundle_example_read(struct arena *arena, const char *dir, const struct mlmodel *mlmodel,
	const struct signature *signature, struct problems *problems, const char **ret_file);
/* What kind of body `example` must be. */
struct json bundle_example_body(struct arena *arena, const struct mlmodel *mlmodel,
	const struct signature *signature, const struct json *example);
