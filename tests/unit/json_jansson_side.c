#include "json_jansson_side.h"

#include <jansson.h>

bool jansson_rewrite(const char *text, size_t len, char **ret_text)
{
	json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (value == NULL)
		return false;
	*ret_text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(value);
	return *ret_text != NULL;
}
