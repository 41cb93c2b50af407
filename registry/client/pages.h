#pragma once
/* Pages: a list that comes in several answers. Private to client/. */
#include "client/ask.h"

struct pages {
	const char *path, *list; /* of the call; of its list in the answer */
	struct json query;
	size_t page_max, max; /* elements of one answer; of all, 0: no limit */
};

/* *ret: an array. */
struct operation *pages_ask(
	struct client *client, struct arena *arena, const struct pages *pages, struct json *ret, bool *ret_is_cut);
