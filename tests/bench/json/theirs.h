#pragma once
/* jansson's side: its names clash with those of base/json.h, so no file can include both. */
#include "base/str.h"

size_t theirs_read(struct str text);
size_t theirs_both(struct str text);
