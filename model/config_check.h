#pragma once
/* Config check: the second half of config_decode(). */
#include "model/config.h"

/* `tree` is the object that `config` was decoded from; also fills what follows from other fields.
 */
void config_check(struct decoder *decoder, const struct json *tree, struct config *config);
