#pragma once
/*
 * Runs bytes through the request parser as a connection would, cut into pieces at will, and writes
 * down all that a handler could see of it. Shared by tests/fuzz/http.c and
 * tests/unit/http_parse_test.c.
 */
#include "base/arena.h"
#include "base/str.h"
#include "server/http_parse.h"

#include <stdlib.h>

struct feed {
	const struct http_limits *limits;
	struct arena arena;
	struct http_parse parse;
	struct http_chunked chunked;
	enum { FEED_HEAD, FEED_LENGTH, FEED_CHUNKED, FEED_OVER } state;
	struct buf text; /* of the head */
	uint64_t body_left;
	struct buf *seen;
};

static void feed_start(struct feed *feed, const struct http_limits *limits, struct buf *seen)
{
	*feed = (struct feed){.limits = limits, .seen = seen};
	http_parse_start(&feed->parse, limits, &feed->arena);
}

static void feed_done(struct feed *feed)
{
	arena_done(&feed->arena);
	buf_done(&feed->text);
}

static inline struct str feed_span(const struct feed *feed, struct http_span span)
{
	return (struct str){feed->text.data + span.at, span.len};
}

static void feed_head_end(struct feed *feed)
{
	const struct http_parse *parse = &feed->parse;
	const struct str path = http_path_decode(&feed->arena, feed->text.data, parse);

	buf_printf(feed->seen, "[%.*s %.*s ? %.*s | 1.%d %d%d %d %zu |",
		STR_ARGS(feed_span(feed, parse->method_text)), STR_ARGS(path),
		STR_ARGS(feed_span(feed, parse->query)), parse->minor,
		http_parse_is_persistent(parse), parse->is_expecting_continue, parse->framing,
		(size_t)parse->length);
	for (uint32_t i = 0; i < parse->field_count; i++) {
		buf_add_str(feed->seen, feed_span(feed, parse->fields[i].name));
		buf_add_text(feed->seen, "=");
		buf_add_str(feed->seen, feed_span(feed, parse->fields[i].value));
		buf_add_text(feed->seen, ";");
	}
	buf_add_text(feed->seen, "]");
	feed->body_left = parse->length;
	feed->state = parse->framing == HTTP_CHUNKED ? FEED_CHUNKED : FEED_LENGTH;
	http_chunked_start(&feed->chunked, feed->limits->body_max);
}

static void feed_request_end(struct feed *feed)
{
	buf_add_text(feed->seen, "<end>");
	feed->state = http_parse_is_persistent(&feed->parse) ? FEED_HEAD : FEED_OVER;
	feed->text.len = 0;
	arena_clear(&feed->arena);
	http_parse_start(&feed->parse, feed->limits, &feed->arena);
}

static void feed_refused(struct feed *feed, struct http_refusal refusal)
{
	if (refusal.status < 400 || refusal.status > 599 || refusal.message == NULL)
		abort();
	buf_printf(feed->seen, "<%d %s>", refusal.status, refusal.message);
	feed->state = FEED_OVER;
}

/* Returns the number of bytes taken. */
static size_t feed_head(struct feed *feed, struct str piece)
{
	const size_t had = feed->text.len;

	buf_add_str(&feed->text, piece);
	const enum http_parsed parsed =
		http_parse_head(&feed->parse, feed->text.data, feed->text.len);
	if (feed->parse.at > feed->text.len)
		abort();
	if (parsed == HTTP_PARSED_REFUSED ||
		(parsed == HTTP_PARSED_DONE &&
			!http_framing_limit(&feed->parse, feed->limits->body_max))) {
		/* Where it is refused must not depend on the cut either. */
		buf_printf(feed->seen, "@%zu", feed->parse.at);
		feed_refused(feed, feed->parse.refusal);
	} else if (parsed == HTTP_PARSED_DONE) {
		const size_t used = feed->parse.at - had;

		feed->text.len = feed->parse.at;
		feed_head_end(feed);
		if (feed->parse.framing == HTTP_NO_BODY)
			feed_request_end(feed);
		return used;
	} else if (feed->parse.at != feed->text.len) {
		abort();
	}
	return piece.len;
}

static size_t feed_length(struct feed *feed, struct str piece)
{
	const size_t len = feed->body_left < piece.len ? (size_t)feed->body_left : piece.len;

	buf_add(feed->seen, piece.data, len);
	feed->body_left -= len;
	if (feed->body_left == 0)
		feed_request_end(feed);
	return len;
}

static size_t feed_chunked(struct feed *feed, struct str piece)
{
	size_t used;
	struct str data;

	switch (http_chunked_next(&feed->chunked, piece, &used, &data)) {
	case HTTP_PARSED_DATA:
		if (data.len == 0)
			abort();
		buf_add_str(feed->seen, data);
		break;
	case HTTP_PARSED_DONE:
		feed_request_end(feed);
		break;
	case HTTP_PARSED_REFUSED:
		buf_printf(feed->seen, "@%zu",
			(size_t)(feed->chunked.overhead + feed->chunked.body +
				 feed->chunked.trailer));
		feed_refused(feed, feed->chunked.refusal);
		break;
	case HTTP_PARSED_MORE:
		if (used != piece.len)
			abort();
	}
	if (feed->chunked.body > feed->limits->body_max)
		abort();
	return used;
}

static void feed_piece(struct feed *feed, struct str piece)
{
	while (piece.len > 0 && feed->state != FEED_OVER) {
		const size_t used = feed->state == FEED_HEAD     ? feed_head(feed, piece)
				    : feed->state == FEED_LENGTH ? feed_length(feed, piece)
								 : feed_chunked(feed, piece);

		piece.data += used;
		piece.len -= used;
	}
}

/* All of `text`, cut after each `cut` bytes (0: not at all). */
static inline void feed_all(
	const struct http_limits *limits, struct str text, size_t cut, struct buf *seen)
{
	struct feed feed;

	feed_start(&feed, limits, seen);
	while (text.len > 0) {
		const size_t len = cut == 0 || cut > text.len ? text.len : cut;

		feed_piece(&feed, (struct str){text.data, len});
		text.data += len;
		text.len -= len;
	}
	feed_done(&feed);
}

/* Cut once, at `at`. */
static inline void feed_split(
	const struct http_limits *limits, struct str text, size_t at, struct buf *seen)
{
	struct feed feed;

	feed_start(&feed, limits, seen);
	feed_piece(&feed, (struct str){text.data, at});
	feed_piece(&feed, (struct str){text.data + at, text.len - at});
	feed_done(&feed);
}
