#pragma once
/*
 * Text stream: a completion that is sent while it is written, as server-sent events.
 *
 * The head goes out with the first piece of text, or once the request has taken --stream-after-ms: until then a failure is
 * answered as one, with its status. A failure after that is an event with the error's JSON, behind which the connection is
 * cut without [DONE]. Pieces come through the tap; a client that does not take them closes it, so that nothing is read
 * from the model either. An answer that comes at once is cut into pieces here.
 */
#include "model/completion.h"
#include "model/tap.h"
#include "server/route.h"

struct text_stream {
	struct exchange *exchange;
	struct completion *completion;
	struct tap tap; /* for the batch */
	struct timer timer;
	struct buf waiting; /* text that the client has not taken yet, from `sent` on */
	size_t sent, piece_size;
	struct buf end;     /* what follows the text, once it is known */
	bool is_open;       /* the head was sent */
	bool is_full;       /* the client takes no more at the moment */
	bool has_text;      /* some came through the tap: all of it does */
	bool is_over, is_whole;
};

void text_stream_init(struct text_stream *stream, struct exchange *exchange, struct completion *completion,
	uint64_t after_ms);
/* The batch is over, with its answer or an error. False where nothing was sent: the caller answers the error. Else the
 * stream ends the exchange, at once or when the client has taken the rest. */
bool text_stream_finish(struct text_stream *stream, const struct completion_answer *answer,
	const struct batch_usage *usage, const struct error *err);
