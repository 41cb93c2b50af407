#pragma once
/* What decode.c and decode_scalar.c share; users see decode.h. */
#include "base/decode.h"

/* Stores `given` at `ret`, or adds a problem and leaves *ret alone. decoder->field is the field. */
typedef void decode_reader(struct decoder *decoder, const struct json *given, void *ret);
decode_reader decode_string, decode_bool, decode_integer, decode_double, decode_secret, decode_enum;

/* Stores the field's default. What does not parse there is a programmer's fault. */
void decode_fallback(struct decoder *decoder, const struct decode_field *field, void *ret);
/* *ret is `given` with ${…} replaced; false after a problem. */
bool decode_expand_text(struct decoder *decoder, const struct json *given, struct json *ret);
/* What a message quotes of a text: enough to find it again, on one line. */
const char *decode_shown(struct decoder *decoder, struct str text);
/* "the string 'abc'", "the integer 4", "an array": never for a secret. */
const char *decode_got(struct decoder *decoder, const struct json *value);
