/*
 * A body in pieces: the handler has the request from its head on and asks for the body, piece by piece
 * (http_body_read).
 *
 * A body of known length is read straight into the handler's memory; a chunked one is taken apart on its way there. The
 * desk's bytes do not move meanwhile: the request points into them. What was asked for is read until it is full or the
 * body is whole; nothing else is read, so that a handler that is slow slows its client down.
 */
#include "server/http_server.h"

#include <assert.h>
#include <event2/buffer.h>

bool http_intake_is_wanted(const struct http_conn *conn, uint64_t *ret_body_max)
{
	const struct http_server *server = conn->server;
	struct http_desk *desk = conn->desk;

	if (server->on_head == NULL)
		return false;
	const struct str path = http_path_decode(&desk->arena, desk->data + desk->begin, &desk->parse);
	return server->on_head(desk->parse.method, path, ret_body_max, server->data);
}

void http_intake_start(struct http_conn *conn, uint64_t body_max)
{
	struct http_desk *desk = conn->desk;
	const struct http_parse *parse = &desk->parse;

	desk->is_streamed = true;
	desk->intake = (struct http_intake){
		.paused_ns = conn->body_since_ns,
		.is_whole = parse->framing == HTTP_NO_BODY,
	};
	if (parse->framing != HTTP_CHUNKED)
		return;
	http_chunked_start(&desk->chunked, body_max);
	/* Room for chunks behind the head, while nothing points into the bytes yet. */
	http_desk_make_room(desk);
}

bool http_intake_is_open(const struct http_conn *conn)
{
	const struct http_desk *desk = conn->desk;

	return desk->is_streamed && (!desk->intake.is_whole || desk->intake.data != NULL);
}

/* It asks for the first time, and nothing of the body came: the client waits for the word (RFC 9110 10.1.1). */
static bool is_waiting_for_word(const struct http_desk *desk)
{
	return desk->parse.is_expecting_continue && desk->parse.framing != HTTP_NO_BODY && desk->intake.came == 0 &&
	       desk->intake.on_read == NULL && desk->at == desk->end;
}

void http_body_read(struct http_request *request, char *data, size_t size, http_body_fn *on_read)
{
	struct http_conn *conn = request->conn;
	struct http_intake *intake = &conn->desk->intake;

	assert(conn->state == HTTP_CONN_HANDLING && request->is_streamed && intake->data == NULL && size > 0);
	if (conn->is_broken || conn->is_refused)
		return;
	if (is_waiting_for_word(conn->desk))
		evbuffer_add(conn->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	conn->body_since_ns += loop_now_ns(conn->server->loop) - intake->paused_ns;
	intake->data = data;
	intake->size = size;
	intake->len = 0;
	intake->on_read = on_read;
	http_conn_wake(conn);
}

static size_t smaller(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

/* What was read ahead is used up: there is room again behind the head. */
static void rewind_desk(struct http_desk *desk)
{
	if (desk->at == desk->end)
		desk->at = desk->end = desk->pin;
}

static void put(struct http_intake *intake, const char *data, size_t len)
{
	memcpy(intake->data + intake->len, data, len);
	intake->len += len;
	intake->came += len;
}

/* False: nothing more came. */
static bool take_length(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	struct http_intake *intake = &desk->intake;
	const uint64_t left = desk->parse.length - intake->came;
	const size_t room = smaller(intake->size - intake->len, left);

	if (desk->at < desk->end) {
		const size_t len = smaller(desk->end - desk->at, room);
		put(intake, desk->data + desk->at, len);
		desk->at += len;
		rewind_desk(desk);
	} else {
		const ssize_t got = http_io_read(&conn->io, intake->data + intake->len, room);
		if (!http_body_on_read(conn, got))
			return false;
		intake->len += (size_t)got;
		intake->came += (size_t)got;
	}
	intake->is_whole = intake->came == desk->parse.length;
	return true;
}

static bool read_chunks(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;

	const ssize_t got = http_io_read(&conn->io, desk->data + desk->end, desk->cap - desk->end);
	if (!http_body_on_read(conn, got))
		return false;
	desk->end += (size_t)got;
	return true;
}

/* No run of data is longer than the text it is found in, so what is looked at has room. */
static bool take_chunks(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	struct http_intake *intake = &desk->intake;
	struct str data;
	size_t used;

	if (desk->at == desk->end && !read_chunks(conn))
		return false;
	const size_t len = smaller(desk->end - desk->at, intake->size - intake->len);
	const enum http_parsed parsed =
		http_chunked_next(&desk->chunked, (struct str){desk->data + desk->at, len}, &used, &data);
	desk->at += used;
	if (parsed == HTTP_PARSED_DATA)
		put(intake, data.data, data.len);
	rewind_desk(desk);
	intake->is_whole = parsed == HTTP_PARSED_DONE;
	if (parsed == HTTP_PARSED_REFUSED)
		http_conn_refuse(conn, desk->chunked.refusal);
	return parsed != HTTP_PARSED_REFUSED;
}

bool http_intake_pull(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	struct http_intake *intake = &desk->intake;

	/* The word must not wait for the end of the turn: what is read next is what it asks for. */
	if (http_conn_waiting(conn) > 0)
		http_conn_flush(conn);
	while (!conn->is_broken && intake->len < intake->size && !intake->is_whole)
		if (!(desk->parse.framing == HTTP_CHUNKED ? take_chunks(conn) : take_length(conn)))
			return conn->is_broken || conn->is_refused;
	if (conn->is_broken)
		return true;
	intake->data = NULL;
	intake->paused_ns = loop_now_ns(conn->server->loop);
	intake->on_read(&desk->request, intake->len, intake->is_whole);
	return true;
}
