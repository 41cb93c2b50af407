/* timer, or as events the first row → open → send what is ready ⇄ wait for the client (is_full) → the batch is over →
 * send the rest, end */
#include "server/row_stream.h"

#include "model/completion.h"

enum { ROWS_AT_ONCE = 64 };

static void on_timer(void *data);
static void on_ready(struct http_request *request);
static void on_gone(struct http_request *request);

static void free_end(void *data)
{
	buf_done(data);
}

void row_stream_init(struct row_stream *stream, struct exchange *exchange, const struct batch *batch,
	enum row_stream_shape shape, uint64_t after_ms)
{
	*stream = (struct row_stream){
		.exchange = exchange,
		.batch = batch,
		.is_events = shape != ROWS_JSON,
		.is_bare = shape == ROWS_BARE_EVENTS,
	};
	timer_init(&stream->timer, exchange->request->loop, on_timer, stream);
	if (stream->is_events)
		arena_on_end(exchange->request->arena, free_end, &stream->end);
	/* Without rows there is no part to send, and the whole answer is there at once. */
	if (exchange->rows > 0 && (stream->is_events || batch_fails_by_row(batch)))
		timer_start(&stream->timer, after_ms);
}

static void write_event(struct row_stream *stream, struct buf *out)
{
	struct buf json = {0};

	if (!stream->is_bare)
		buf_add_text(&json, "{\"predictions\":[");
	json_write(&json, batch_answer(stream->batch, stream->sent));
	if (!stream->is_bare)
		buf_add_text(&json, "]}");
	completion_write_event(out, buf_str(&json));
	buf_done(&json);
	stream->sent++;
}

static void write_part(struct row_stream *stream, struct buf *out, size_t ready)
{
	const size_t left = ready - stream->sent;
	const size_t to = stream->sent + (left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE);

	batch_write_part(out, stream->batch, stream->sent, to);
	stream->sent = to;
}

static void send_ready(struct row_stream *stream)
{
	const size_t ready = batch_ready_count(stream->batch);
	struct buf part = {0};

	while (!stream->is_full && stream->sent < ready) {
		part.len = 0;
		if (stream->is_events)
			write_event(stream, &part);
		else
			write_part(stream, &part, ready);
		stream->is_full = !exchange_stream_write(stream->exchange, buf_str(&part));
	}
	buf_done(&part);
}

static void open_stream(struct row_stream *stream)
{
	timer_stop(&stream->timer);
	if (stream->is_open)
		return;
	stream->is_open = true;
	http_stream_on_ready(stream->exchange->request, on_ready);
	exchange_stream_start(stream->exchange, stream->is_events ? "text/event-stream" : "application/json");
}

static void on_timer(void *data)
{
	struct row_stream *stream = data;

	open_stream(stream);
	send_ready(stream);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	exchange_stream_end(exchange, false);
}

static void end_if_sent(struct row_stream *stream)
{
	struct exchange *exchange = stream->exchange;

	if (!stream->is_over)
		return;
	if (!exchange->request->is_gone && stream->sent < batch_ready_count(stream->batch)) {
		exchange->request->on_gone = on_gone;
		return;
	}
	exchange->request->on_gone = NULL;
	if (stream->end.len > 0)
		exchange_stream_write(exchange, buf_str(&stream->end));
	exchange_stream_end(exchange, !stream->is_failed);
}

static void on_ready(struct http_request *request)
{
	struct exchange *exchange = request->data;
	struct row_stream *stream = exchange->stream;

	stream->is_full = false;
	send_ready(stream);
	end_if_sent(stream);
}

void row_stream_push(struct row_stream *stream)
{
	if (stream->is_events && batch_ready_count(stream->batch) > 0)
		open_stream(stream);
	if (stream->is_open)
		send_ready(stream);
}

bool row_stream_finish(struct row_stream *stream, const struct error *err)
{
	timer_stop(&stream->timer);
	if (stream->is_events && err == NULL)
		open_stream(stream);
	if (!stream->is_open)
		return false;
	stream->is_over = true;
	stream->is_failed = err != NULL;
	/* A part of one JSON says by its end alone that it is none. */
	if (stream->is_failed && !stream->is_events) {
		exchange_stream_end(stream->exchange, false);
		return true;
	}
	if (stream->is_failed)
		exchange_stream_error(stream->exchange, &stream->end, err);
	else if (stream->is_events)
		completion_write_event(&stream->end, STR("[DONE]"));
	send_ready(stream);
	end_if_sent(stream);
	return true;
}
