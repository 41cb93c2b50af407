#pragma once
/*
 * Row stream: the answers of a long batch, sent in order as they come.
 *
 * A batch that fails row by row (its signature has an `error` column) need not be held back until
 * its slowest row is done: once it has taken --stream-after-ms, what is ready is sent, so that no
 * proxy or client on the way gives up on a silent connection. The body is the same JSON as ever,
 * chunked (to HTTP/1.0: until close). Shorter batches are answered in one piece with a
 * Content-Length.
 */
#include "model/batch.h"
#include "server/route.h"

struct row_stream {
	struct exchange *exchange;
	const struct batch *batch;
	struct timer timer;
	size_t sent;  /* rows */
	bool is_open; /* the head was sent */
	bool is_full; /* the client takes no more at the moment */
	bool is_over; /* all rows are answered */
};

/* Does nothing before `after_ms` have passed, and never for a batch that may fail as a whole. */
void row_stream_init(struct row_stream *stream, struct exchange *exchange,
	const struct batch *batch, uint64_t after_ms);
/* One more row was answered. */
void row_stream_push(struct row_stream *stream);
/* All rows are answered, or, with `is_whole` false, never will be. True where the stream is open:
 * it ends the exchange, at once or when the client has taken the rest. False where nothing was
 * sent: the caller answers. */
bool row_stream_finish(struct row_stream *stream, bool is_whole);
