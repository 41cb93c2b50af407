#pragma once
/*
 * Schema: the subset of JSON Schema 2020-12 that structured output and tool parameters use.
 * Compiled once; unknown keywords are mistakes when the bundle is loaded, never ignored. Supported:
 * type (also a list), enum, const, properties, required, additionalProperties (boolean or schema),
 * items, minItems, maxItems, uniqueItems, minLength, maxLength, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, $defs with $ref "#/$defs/NAME" (not recursive
 * beyond depth 32), and the annotations title, description, default, examples, $schema, $id, format
 * (not checked).
 */
#include "base/decode.h"

struct schema;

/* NULL after decode_problem. */
const struct schema *schema_compile(struct decoder *decoder, const struct json *tree);
/* False with ERR_INVALID_PARAMETER and every violation (up to 8), each with its JSON Pointer (long
 * ones are cut). Ends within about 100 ms: what would take longer is "too complex to check". */
bool schema_check(const struct schema *schema, const struct json *value, struct error *err);
const struct json *schema_tree(const struct schema *schema);
/* Can a value that fits have something at this dotted path? Declared properties are all there are,
 * unless additionalProperties says otherwise. */
bool schema_knows(const struct schema *schema, struct str path);
