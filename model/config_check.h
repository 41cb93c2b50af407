#pragma once
/* Config check: the second half of config_decode(). */
#include "model/config.h"

/* What a field of text holds with its references followed; tells no mistake: false where there is
 * one. */
bool config_probe(const struct decoder *decoder, const struct json *value, struct str *ret);
/* `tree` is the object that `config` was decoded from; also fills what follows from other fields.
 */
void config_check(struct decoder *decoder, const struct json *tree, struct config *config);
