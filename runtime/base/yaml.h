#pragma once
/*
 * YAML to the JSON tree (libyaml events), for MLmodel, config.yaml and the tools' own configuration.
 * YAML 1.1's core scalars as PyYAML's safe loader reads them (what MLflow writes): null ~, true/false, integers, floats,
 * everything else text; quoted scalars are always text. Timestamps stay text. `at` of every value is its line.
 *
 * Refused with ERR_INVALID_BUNDLE "NAME:LINE: …": anchors, aliases, tags, merge keys, duplicate keys, keys that are not
 * scalars, several documents, depth over 32, text over 1 MiB, invalid UTF-8. An empty document is an empty object.
 */
#include "base/json.h"

enum { YAML_DEPTH_MAX = 32, YAML_SIZE_MAX = 1 << 20 };

/* `name` is what messages call the file. The tree refers only to the arena. */
bool yaml_read(struct arena *arena, const char *name, struct str text, struct json *ret_value, struct error *err);

/* A plain (unquoted) scalar: null, boolean, number, or else the text itself, which then stays where it is. False for
 * numbers that do not fit int64 or double, and for .inf and .nan. */
bool yaml_scalar(struct str text, struct json *ret_value, struct error *err);
