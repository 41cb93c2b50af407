#pragma once
/*
 * Sent: the request that a test sends: rows of a file, the input example of the version that is served, or the
 * endpoint's own.
 */
#include "cli/endpoint.h"
#include "cli/rows.h"

struct sent_wish {
	const char *rows; /* a file, "-"; NULL: an example */
	enum rows_format format;
	const char *entity; /* whose example; NULL: that of the one with the most traffic */
};
struct sent {
	struct json body;
	const char *origin; /* for people */
};
/* ERR_NOT_FOUND where there is no such endpoint or entity, or no example of it. */
bool sent_choose(
	struct remote *remote, struct str name, const struct sent_wish *wish, struct sent *ret, struct error *err);
