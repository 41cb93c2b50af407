/* timer or first text → open → send what comes ⇄ wait for the client (is_full, the tap is closed) → the batch is over →
 * send the rest, end */
#include "server/text_stream.h"

enum {
	MERGED_MAX = 16 << 10, /* text of one event, where a client let it gather */
	PIECE_MIN = 24,        /* of a text that comes at once */
	PIECES = 256,
};

static void on_timer(void *data);
static void on_text(void *data, struct str text);
static void on_ready(struct http_request *request);
static void on_gone(struct http_request *request);

static void free_buffers(void *data)
{
	struct text_stream *stream = data;

	timer_stop(&stream->timer);
	buf_done(&stream->waiting);
	buf_done(&stream->end);
}

void text_stream_init(struct text_stream *stream, struct exchange *exchange, struct completion *completion,
	uint64_t after_ms)
{
	*stream = (struct text_stream){.exchange = exchange, .completion = completion, .piece_size = MERGED_MAX};
	stream->tap = (struct tap){.on_text = on_text, .data = stream};
	exchange->text = stream;
	arena_on_end(exchange->request->arena, free_buffers, stream);
	timer_init(&stream->timer, exchange->request->loop, on_timer, stream);
	timer_start(&stream->timer, after_ms);
}

static void write_out(struct text_stream *stream, struct str data)
{
	if (!exchange_stream_write(stream->exchange, data))
		stream->is_full = stream->tap.is_closed = true;
}

static void open_stream(struct text_stream *stream)
{
	struct buf head = {0};

	timer_stop(&stream->timer);
	if (stream->is_open)
		return;
	stream->is_open = true;
	http_stream_on_ready(stream->exchange->request, on_ready);
	exchange_stream_start(stream->exchange, "text/event-stream");
	completion_write_head(&head, stream->completion);
	write_out(stream, buf_str(&head));
	buf_done(&head);
}

static void on_timer(void *data)
{
	open_stream(data);
}

/* A piece ends behind a blank where it can: so that words stay whole. */
static struct str next_piece(const struct text_stream *stream)
{
	const struct str rest = {stream->waiting.data + stream->sent, stream->waiting.len - stream->sent};
	struct str piece = str_clip(rest, stream->piece_size);
	const char *blank;

	if (piece.len == rest.len)
		return rest;
	blank = memrchr(piece.data, ' ', piece.len);
	if (blank != NULL)
		piece.len = (size_t)(blank + 1 - piece.data);
	return piece;
}

static void send_text(struct text_stream *stream)
{
	struct buf event = {0};

	while (!stream->is_full && stream->sent < stream->waiting.len) {
		const struct str piece = next_piece(stream);

		event.len = 0;
		completion_write_text(&event, stream->completion, piece);
		stream->sent += piece.len;
		write_out(stream, buf_str(&event));
	}
	buf_done(&event);
	if (stream->sent == stream->waiting.len)
		stream->sent = stream->waiting.len = 0;
}

static void on_text(void *data, struct str text)
{
	struct text_stream *stream = data;

	stream->has_text = true;
	buf_add_str(&stream->waiting, text);
	open_stream(stream);
	send_text(stream);
}

static void end_if_sent(struct text_stream *stream)
{
	struct exchange *exchange = stream->exchange;

	if (!stream->is_over)
		return;
	if (stream->waiting.len > 0 && !exchange->request->is_gone) {
		exchange->request->on_gone = on_gone;
		return;
	}
	exchange->request->on_gone = NULL;
	exchange_stream_write(exchange, buf_str(&stream->end));
	exchange_stream_end(exchange, stream->is_whole);
}

static void on_ready(struct http_request *request)
{
	struct exchange *exchange = request->data;
	struct text_stream *stream = exchange->text;

	stream->is_full = false;
	send_text(stream);
	if (stream->is_over)
		end_if_sent(stream);
	else if (!stream->is_full)
		tap_open(&stream->tap);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	exchange_stream_end(exchange, false);
}

/* All of a text that comes at once: many pieces of a short one, fewer than it has words of a long one. */
static void take_whole(struct text_stream *stream, struct str text)
{
	stream->piece_size = PIECE_MIN + text.len / PIECES;
	buf_add_str(&stream->waiting, text);
}

bool text_stream_finish(struct text_stream *stream, const struct completion_answer *answer,
	const struct batch_usage *usage, const struct error *err)
{
	timer_stop(&stream->timer);
	if (err != NULL && !stream->is_open)
		return false;
	stream->is_over = true;
	stream->is_whole = err == NULL;
	if (err != NULL) {
		exchange_stream_error(stream->exchange, &stream->end, err);
	} else {
		open_stream(stream);
		if (!stream->has_text)
			take_whole(stream, answer->text);
		completion_write_end(&stream->end, stream->completion, answer, usage);
	}
	send_text(stream);
	end_if_sent(stream);
	return true;
}
