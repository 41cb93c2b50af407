#pragma once
/* jansson's side of json_jansson_test: its names clash with those of base/json.h. */
#include <stdbool.h>
#include <stddef.h>

/* Whether jansson accepts the text; if so, *ret_text is what it writes, which the caller frees. */
bool jansson_rewrite(const char *text, size_t len, char **ret_text);
