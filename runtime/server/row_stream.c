/* timer → open → send what is ready ⇄ wait for the client (is_full) → the batch is over → send the
 * rest, end */
#include "server/row_stream.h"

enum { ROWS_AT_ONCE = 64 };

static void on_timer(void *data);
static void on_ready(struct http_request *request);
static void on_gone(struct http_request *request);

void row_stream_init(struct row_stream *stream, struct exchange *exchange,
	const struct batch *batch, uint64_t after_ms)
{
	*stream = (struct row_stream){.exchange = exchange, .batch = batch};
	timer_init(&stream->timer, exchange->request->loop, on_timer, stream);
	/* Without rows there is no part to send, and the whole answer is there at once. */
	if (exchange->rows > 0 && batch_fails_by_row(batch))
		timer_start(&stream->timer, after_ms);
}

static void send_ready(struct row_stream *stream)
{
	const size_t ready = batch_ready_count(stream->batch);
	struct buf part = {0};

	while (!stream->is_full && stream->sent < ready) {
		const size_t left = ready - stream->sent;
		const size_t to = stream->sent + (left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE);

		part.len = 0;
		batch_write_part(&part, stream->batch, stream->sent, to);
		stream->is_full = !exchange_stream_write(stream->exchange, buf_str(&part));
		stream->sent = to;
	}
	buf_done(&part);
}

static void on_timer(void *data)
{
	struct row_stream *stream = data;
	struct http_request *request = stream->exchange->request;

	stream->is_open = true;
	http_stream_on_ready(request, on_ready);
	exchange_stream_start(stream->exchange, "application/json");
	send_ready(stream);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	exchange_stream_end(exchange, false);
}

static void end_if_sent(struct row_stream *stream)
{
	if (!stream->is_over)
		return;
	if (stream->sent == batch_ready_count(stream->batch))
		exchange_stream_end(stream->exchange, true);
	else
		stream->exchange->request->on_gone = on_gone;
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
	if (stream->is_open)
		send_ready(stream);
}

bool row_stream_finish(struct row_stream *stream, bool is_whole)
{
	timer_stop(&stream->timer);
	if (!stream->is_open)
		return false;
	stream->is_over = is_whole;
	if (!is_whole)
		exchange_stream_end(stream->exchange, false);
	else
		end_if_sent(stream);
	return true;
}
