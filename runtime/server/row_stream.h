#pragma once
/*
 * Row stream: the answers of a batch, sent in order as they come.
 *
 * As one JSON: a batch that fails row by row (its signature has an `error` column) need not be held back until its
 * slowest row is done: once it has taken --stream-after-ms, what is ready is sent, so that no proxy or client on the way
 * gives up on a silent connection. The body is the same JSON as ever, chunked (to HTTP/1.0: until close). Shorter
 * batches are answered in one piece with a Content-Length.
 *
 * As server-sent events, where the request asks by `"stream": true`: every row is an event of its own as soon as it and
 * those before it are there, {"predictions":[row]}, bare where the whole answer would be bare; [DONE] is the last. A batch
 * that fails as a whole before the first one is answered as an error; after that it is an event, and the connection is
 * cut.
 */
#include "model/batch.h"
#include "server/route.h"

struct row_stream {
	struct exchange *exchange;
	const struct batch *batch;
	struct timer timer;
	struct buf end; /* events that follow the rows */
	size_t sent;    /* rows */
	bool is_events, is_bare;
	bool is_open;   /* the head was sent */
	bool is_full;   /* the client takes no more at the moment */
	bool is_over;   /* all rows are answered */
	bool is_failed; /* and the batch failed */
};

enum row_stream_shape { ROWS_JSON, ROWS_EVENTS, ROWS_BARE_EVENTS };

/* As JSON it does nothing before `after_ms` have passed, and never for a batch that may fail as a whole. */
void row_stream_init(struct row_stream *stream, struct exchange *exchange, const struct batch *batch,
	enum row_stream_shape shape, uint64_t after_ms);
/* One more row was answered. */
void row_stream_push(struct row_stream *stream);
/* All rows are answered, or, with an error, never will be. True where the stream is open: it ends the exchange, at once
 * or when the client has taken the rest. False where nothing was sent: the caller answers. */
bool row_stream_finish(struct row_stream *stream, const struct error *err);
