#pragma once
/*
 * Chat stream: a chat-completions reply that comes as server-sent events, read strictly, its text handed out as it comes.
 *
 * The stream is whole when [DONE] came: one that ends before is ERR_UPSTREAM, whatever it said. Its end is made the body
 * of a reply that was asked whole, so that everything behind it (chat_reply_read, recordings, usage) sees one shape.
 * An endpoint that does not stream and answers that body itself (it begins with "{") is taken as well.
 *
 * The text is handed out without `secret`, also where it comes in several pieces: a piece that may be the beginning of it
 * waits for the next.
 */
#include "base/json.h"
#include "base/secret.h"
#include "base/sse.h"

struct chat_stream {
	struct arena arena; /* of one event */
	struct sse sse;
	struct secret secret;
	struct buf whole;   /* of a body that is no event stream */
	struct buf text;    /* all of it, as it came */
	struct buf reason, usage, refusal; /* as JSON; empty: none came */
	size_t handed;      /* bytes of text that are handed out */
	size_t size_max;    /* of text, or of a body */
	bool is_begun, is_whole; /* it is a body */
	bool has_choice, has_content;
	bool is_over;             /* [DONE] came */
	void (*on_text)(void *data, struct str text);
	void *data;
};

void chat_stream_init(struct chat_stream *stream, struct secret secret, size_t size_max,
	void (*on_text)(void *data, struct str text), void *data);
void chat_stream_done(struct chat_stream *stream);
/* ERR_UPSTREAM: an error instead of an event, no JSON, no UTF-8, too much; the text says what, without the secret. */
bool chat_stream_feed(struct chat_stream *stream, struct str bytes, struct error *err);
/* The endpoint has ended its answer: the body, on `arena` with JSON_PADDING behind it. */
bool chat_stream_end(struct chat_stream *stream, struct arena *arena, struct str *ret_body, struct error *err);
