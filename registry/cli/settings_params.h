#pragma once
/*
 * Settings as params: what config.yaml says about models and steps, flattened, so that runs can be compared and
 * searched by it: models.writer.temperature = 0.3, steps.intent.llm.prompt = intent. The text of the file counts, not
 * what the environment makes of it; api_key is left out altogether.
 */
#include "client/client.h"

enum {
	PARAM_KEY_MAX = 250, /* MLflow's limits, mlflow/utils/validation.py */
	PARAM_VALUE_MAX = 6000,
	PARAMS_MAX = 500, /* ours: five calls */
};

/* *ret_left_out: how many did not fit; values are cut at a character's border. */
struct client_tags settings_params(struct arena *arena, const struct json *config, size_t *ret_left_out);
