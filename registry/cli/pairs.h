#pragma once
/*
 * Pairs: key=value as command lines write params and tags.
 */
#include "base/decode.h"
#include "client/client.h"

/* `texts` are const char *; `option` begins the message. A key given twice is ERR_USAGE. */
bool pairs_read(struct arena *arena, const char *option, const char *const *texts, size_t count,
	struct client_tags *ret, struct error *err);
/* `more` behind `tags`; where both have a key, the one of `tags` stays. */
struct client_tags pairs_join(struct arena *arena, struct client_tags tags, struct client_tags more);
