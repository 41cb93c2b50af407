#pragma once
/*
 * Base64 (RFC 4648, section 4): standard alphabet, padding required; space, tab, CR and LF are
 * skipped.
 */
#include "base/arena.h"
#include "base/str.h"

/* `text` as an encoder would write it: without white space, and with the unused bits of the last
 * character zero. The same bytes where they are so already. False where it is no base64. */
bool base64_normalize(struct arena *arena, struct str text, struct str *ret);

/* At most 1 GiB. */
struct str base64_encode(struct arena *arena, struct str bytes);
/* False where it is no base64. */
bool base64_decode(struct arena *arena, struct str text, struct str *ret);
