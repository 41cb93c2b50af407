#pragma once
/* One option's value from text. The options' own; their users see options.h. */
#include "base/options.h"

/* Stores `text` as the option's value; `source` begins the message ("--port", "sluiced.yaml:4:
 * port"). A repeatable option appends. */
bool option_set(const struct option *option, struct arena *arena, const char *source,
	const char *text, void *ret, struct error *err);
/* Its default as text (16m of 16777216 where it is a size), NULL where it has none. */
const char *option_fallback(const struct option *option, struct arena *arena);
/* Empties a repeatable option: a stronger source begins. */
void option_reset(const struct option *option, void *ret);
/* SLUICE_HTTP_BODY_MAX of http-body-max. */
const char *option_env_name(struct arena *arena, const char *name);
/* Of the configuration file: SLUICE_PREDICT_CONFIG of "sluice predict". */
const char *options_config_env_name(struct arena *arena, const struct options_spec *spec);
/* http_body_max of http-body-max. */
const char *option_key(struct arena *arena, const char *name);
