#pragma once
/*
 * SSE: server-sent events as they come in (WHATWG HTML section 9.2, "Server-sent events"), cut anywhere.
 *
 * Lines end in CR, LF or CRLF; a byte order mark at the beginning is skipped; comments and fields other than `data` are
 * read over. An event is handed out at the empty line behind it, its `data` lines joined by line feeds; without a data
 * line there is none. What stands behind the last empty line is no event. What the bytes are is the reader's: UTF-8 is
 * not checked.
 */
#include "base/error.h"
#include "base/str.h"

struct sse {
	struct buf line; /* as far as it is there */
	struct buf data; /* of the event that is being read, each line with its line feed */
	size_t size_max;
	unsigned mark;   /* bytes of a byte order mark seen; all of them: no longer looked for */
	bool is_after_cr;
};

/* An event's data, valid inside the call; false with the error set ends the reading. */
typedef bool sse_event(void *data, struct str text, struct error *err);

/* A line, and an event, of more than `size_max` bytes is ERR_TOO_LARGE. */
void sse_init(struct sse *sse, size_t size_max);
void sse_done(struct sse *sse);
/* False with the error set by on_event, or by a limit: nothing more may be fed then. */
bool sse_feed(struct sse *sse, struct str bytes, sse_event *on_event, void *data, struct error *err);
/* Whether an event has begun that did not end. */
bool sse_is_inside(const struct sse *sse);
