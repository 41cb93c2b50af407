/* One connection's life; see http_conn.h for its states. Each state has a step; a step returns true
 * where another one may follow at once, and false where the connection has to wait for the socket,
 * the handler or a deadline. */
#include "server/http_conn.h"

#include "base/log.h"
#include "server/http_server.h"
#include "server/http_tls.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STEPS_MAX = 400 }; /* then others get their turn: about a hundred pipelined requests */

static bool step_handshake(struct http_conn *conn);
static bool step_head(struct http_conn *conn);
static bool step_body(struct http_conn *conn);
static bool step_handling(struct http_conn *conn);
static bool step_ending(struct http_conn *conn);
static bool step_linger(struct http_conn *conn);
static void settle(struct http_conn *conn);

static void on_event(evutil_socket_t fd, short what, void *data)
{
	struct http_conn *conn = data;

	http_io_wake(&conn->io, what);
	http_conn_run(conn);
}

static void conn_free(struct http_conn *conn)
{
	struct http_server *server = conn->server;

	loop_undefer(server->loop, &conn->task);
	http_deadline_clear(&conn->waiting);
	http_deadline_clear(&conn->writing);
	http_io_close(&conn->io, conn->is_cut);
	http_desk_put(server, conn->desk);
	evbuffer_free(conn->out);
	free(conn->client_subject);
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		server->conns = conn->next;
	HTTP_COUNT(server->counters.open, -1u);
	http_server_forget(server, conn);
	free(conn);
}

void http_conn_new(struct http_server *server, int fd)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL || (conn->out = evbuffer_new()) == NULL)
		abort();
	conn->server = server;
	conn->next = server->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	server->conns = conn;
	conn->state = server->tls != NULL ? HTTP_CONN_HANDSHAKE : HTTP_CONN_HEAD;
	HTTP_COUNT(server->counters.accepted, 1);
	HTTP_COUNT(server->counters.open, 1);
	if (http_io_start(&conn->io, loop_base(server->loop), fd, server->tls, on_event, conn)) {
		settle(conn);
	} else {
		HTTP_COUNT(server->counters.refused, 1);
		conn_free(conn);
	}
}

void http_conn_run(struct http_conn *conn)
{
	static bool (*const STEPS[])(struct http_conn * conn) = {
		[HTTP_CONN_HANDSHAKE] = step_handshake,
		[HTTP_CONN_HEAD] = step_head,
		[HTTP_CONN_BODY] = step_body,
		[HTTP_CONN_HANDLING] = step_handling,
		[HTTP_CONN_ENDING] = step_ending,
		[HTTP_CONN_LINGER] = step_linger,
	};

	assert(!conn->is_running);
	unsigned steps = 0;
	conn->is_running = true;
	while ((!conn->is_broken || conn->state == HTTP_CONN_HANDLING) && steps++ < STEPS_MAX &&
		STEPS[conn->state](conn))
		continue;
	conn->is_running = false;
	if (steps > STEPS_MAX)
		http_conn_wake(conn);
	if (conn->is_broken && conn->state != HTTP_CONN_HANDLING)
		conn_free(conn);
	else
		settle(conn);
}

static void on_task(void *data)
{
	http_conn_run(data);
}

void http_conn_wake(struct http_conn *conn)
{
	if (!conn->is_running)
		loop_defer(conn->server->loop, &conn->task, on_task, conn);
}

static bool step_handshake(struct http_conn *conn)
{
	const int done = http_io_handshake(&conn->io);

	if (done == HTTP_IO_BROKEN)
		http_conn_break(conn);
	if (done != 1)
		return false;
	conn->client_subject = http_tls_client_subject(conn->io.ssl);
	conn->state = HTTP_CONN_HEAD;
	return true;
}

static bool on_head_end(struct http_conn *conn)
{
	if (conn->desk->begin == conn->desk->end)
		conn->state = HTTP_CONN_ENDING;
	else
		http_conn_refuse(
			conn, (struct http_refusal){400, "the connection ended inside the header"});
	return true;
}

/* Reads behind what is there. */
static ssize_t fill(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	const ssize_t got = http_io_read(&conn->io, desk->data + desk->end, desk->cap - desk->end);

	if (got <= 0)
		return got;
	if (desk->begin == desk->end)
		conn->first_byte_ns = loop_now_ns(conn->server->loop);
	desk->end += (size_t)got;
	HTTP_COUNT(conn->server->counters.bytes_in, (uint64_t)got);
	return got;
}

static bool read_head(struct http_conn *conn)
{
	if (conn->desk->begin == conn->desk->end && conn->io.is_drained)
		return false;
	http_desk_make_room(conn->desk);
	const ssize_t got = fill(conn);
	if (got == HTTP_IO_END)
		return on_head_end(conn);
	if (got == HTTP_IO_BROKEN)
		http_conn_break(conn);
	return got > 0;
}

static void hand_over(struct http_conn *conn)
{
	struct http_server *server = conn->server;

	http_request_build(conn);
	conn->state = HTTP_CONN_HANDLING;
	http_deadline_clear(&conn->waiting);
	HTTP_COUNT(server->counters.requests, 1);
	HTTP_COUNT(server->counters.active, 1);
	server->handler(&conn->desk->request, server->data);
}

static bool on_head(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	uint64_t body_max = conn->server->limits.body_max;

	desk->pin = desk->at = desk->begin + desk->parse.at;
	conn->is_closing = !http_parse_is_persistent(&desk->parse);
	conn->body_since_ns = loop_now_ns(conn->server->loop);
	const bool is_streamed = http_intake_is_wanted(conn, &body_max);
	if (!http_framing_limit(&desk->parse, body_max)) {
		http_conn_refuse(conn, desk->parse.refusal);
		return true;
	}
	if (is_streamed) {
		http_intake_start(conn, body_max);
		hand_over(conn);
		return true;
	}
	conn->state = HTTP_CONN_BODY;
	http_body_start(conn);
	/* A client that sends its body anyway does not wait for the word (RFC 9110 10.1.1). */
	if (desk->parse.is_expecting_continue && desk->parse.framing != HTTP_NO_BODY &&
		desk->at == desk->end)
		evbuffer_add(conn->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	return true;
}

/* Once a process: who calls https://… of a server without TLS does so again and again. */
static void tell_tls(const struct http_conn *conn)
{
	enum { TLS_HANDSHAKE = 0x16 }; /* the first byte of a hello: RFC 8446 5.1 */
	static atomic_flag is_told = ATOMIC_FLAG_INIT;
	const struct http_desk *desk = conn->desk;

	if (conn->server->tls == NULL && desk->begin < desk->end &&
		(unsigned char)desk->data[desk->begin] == TLS_HANDSHAKE &&
		!atomic_flag_test_and_set(&is_told))
		log_warn("http.tls_on_plain_port",
			LOG_TEXT("problem", "a client speaks TLS, but this port does not: clients "
					    "use http://, or start with --tls-cert and --tls-key"));
}

static bool step_head(struct http_conn *conn)
{
	if (http_conn_waiting(conn) >= HTTP_OUTPUT_MAX) {
		http_conn_flush(conn);
		if (conn->is_broken || http_conn_waiting(conn) >= HTTP_OUTPUT_MAX)
			return false;
	}
	if (conn->desk == NULL) {
		if (conn->io.is_drained || (!conn->io.is_readable && !conn->io.is_ended))
			return false;
		conn->desk = http_desk_get(conn->server);
	}
	struct http_desk *desk = conn->desk;
	switch (http_parse_head(&desk->parse, desk->data + desk->begin, desk->end - desk->begin)) {
	case HTTP_PARSED_DONE:
		return on_head(conn);
	case HTTP_PARSED_REFUSED:
		tell_tls(conn);
		http_conn_refuse(conn, desk->parse.refusal);
		return true;
	default:
		return read_head(conn);
	}
}

static bool step_body(struct http_conn *conn)
{
	if (http_conn_waiting(conn) > 0 && conn->desk->parse.is_expecting_continue)
		http_conn_flush(conn);
	const enum http_parsed parsed = http_body_take(conn);
	if (parsed != HTTP_PARSED_DONE)
		return parsed == HTTP_PARSED_REFUSED;

	hand_over(conn);
	return true;
}

/* The client sends no more. Did it close, or does it still read? The next bytes we send will tell.
 */
static void on_handling_end(struct http_conn *conn)
{
	if (!conn->is_probed)
		http_answer_probe(conn);
	conn->is_probed = true;
	http_conn_flush(conn);
}

/* Reads ahead a little, which is how the end of a connection is noticed while work goes on for it.
 */
static void read_ahead(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;

	while (!conn->io.is_ended && desk->end < desk->cap) {
		const ssize_t got = fill(conn);

		if (got == HTTP_IO_BROKEN)
			http_conn_break(conn);
		if (got == HTTP_IO_BROKEN || got == HTTP_IO_AGAIN)
			return;
	}
	if (http_io_is_reset(&conn->io))
		http_conn_break(conn);
	else if (conn->io.has_end || conn->io.is_ended)
		on_handling_end(conn);
}

/* The rest of a body waits in the socket until it is asked for; a client that left is noticed all the same. */
static void watch(struct http_conn *conn)
{
	if (http_io_is_reset(&conn->io))
		http_conn_break(conn);
}

static bool read_on(struct http_conn *conn)
{
	if (!http_intake_is_open(conn))
		read_ahead(conn);
	else if (conn->desk->intake.data != NULL)
		return http_intake_pull(conn);
	else
		watch(conn);
	return false;
}

static bool step_handling(struct http_conn *conn)
{
	struct http_request *request = &conn->desk->request;

	if (!conn->is_broken && !conn->is_refused && read_on(conn))
		return true;
	if (!conn->is_broken && conn->is_stalled) {
		http_conn_flush(conn);
		if (!conn->is_broken && http_conn_waiting(conn) < HTTP_OUTPUT_LOW) {
			conn->is_stalled = false;
			if (conn->on_ready != NULL)
				conn->on_ready(request);
			return conn->state != HTTP_CONN_HANDLING;
		}
	}
	if ((conn->is_broken || conn->is_refused) && !conn->is_gone_told) {
		conn->is_gone_told = request->is_gone = true;
		conn->desk->intake.data = NULL;
		if (request->on_gone != NULL)
			request->on_gone(request);
		return conn->state != HTTP_CONN_HANDLING;
	}
	return false;
}

static bool step_ending(struct http_conn *conn)
{
	http_conn_flush(conn);
	if (conn->is_broken || http_conn_waiting(conn) > 0)
		return false;
	if (conn->is_cut) {
		http_conn_break(conn);
		return false;
	}
	http_io_end(&conn->io);
	conn->state = HTTP_CONN_LINGER;
	return true;
}

static bool step_linger(struct http_conn *conn)
{
	char ignored[4096];
	const ssize_t got = http_io_read(&conn->io, ignored, sizeof(ignored));

	if (got > 0)
		conn->lingered += (uint64_t)got;
	if (got == HTTP_IO_END || got == HTTP_IO_BROKEN || conn->lingered > HTTP_LINGER_MAX)
		http_conn_break(conn);
	return got > 0;
}

/* The end of a turn: sends what is queued, gives an empty desk back, sets the deadlines. */
static void settle(struct http_conn *conn)
{
	if (!conn->is_broken)
		http_conn_flush(conn);
	if (conn->is_broken) {
		if (conn->state != HTTP_CONN_HANDLING || !conn->is_gone_told)
			http_conn_wake(conn);
		return;
	}
	if (conn->is_stalled && http_conn_waiting(conn) < HTTP_OUTPUT_LOW)
		http_conn_wake(conn);
	if (conn->state == HTTP_CONN_HEAD && conn->desk != NULL &&
		conn->desk->begin == conn->desk->end) {
		http_desk_put(conn->server, conn->desk);
		conn->desk = NULL;
	}
	http_timeout_set(conn);
}

size_t http_conn_waiting(const struct http_conn *conn)
{
	return evbuffer_get_length(conn->out);
}

void http_conn_flush(struct http_conn *conn)
{
	struct http_server *server = conn->server;

	if (http_conn_waiting(conn) == 0)
		return;
	const ssize_t sent = http_io_write(&conn->io, conn->out);
	if (sent == HTTP_IO_BROKEN) {
		http_conn_break(conn);
		return;
	}
	HTTP_COUNT(server->counters.bytes_out, (uint64_t)sent);
	if (http_conn_waiting(conn) == 0)
		http_deadline_clear(&conn->writing);
	else if (sent > 0 || conn->writing.kind == HTTP_DEADLINE_NONE)
		http_deadline_set(&server->deadlines, &conn->writing, HTTP_DEADLINE_WRITE);
}

void http_conn_break(struct http_conn *conn)
{
	if (conn->is_broken)
		return;
	conn->is_broken = true;
	http_deadline_clear(&conn->waiting);
	http_deadline_clear(&conn->writing);
	evbuffer_drain(conn->out, http_conn_waiting(conn));
	http_io_close(&conn->io, conn->is_cut);
}

/* Of a body, so that the path is known. */
static int status_of_too_large(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;

	return conn->server->on_too_large(
		http_path_decode(&desk->arena, desk->data + desk->begin, &desk->parse), conn->server->data);
}

void http_conn_refuse(struct http_conn *conn, struct http_refusal refusal)
{
	HTTP_COUNT(conn->server->counters.refused, 1);
	if (refusal.status == 413 && conn->server->on_too_large != NULL)
		refusal.status = status_of_too_large(conn);
	http_answer_refusal(conn, refusal);
	if (conn->state == HTTP_CONN_HANDLING) {
		conn->is_refused = true;
		conn->desk->intake.data = NULL;
		return;
	}
	http_desk_put(conn->server, conn->desk);
	conn->desk = NULL;
	conn->state = HTTP_CONN_ENDING;
}

void http_conn_request_end(struct http_conn *conn)
{
	HTTP_COUNT(conn->server->counters.active, -1u);
	http_desk_clear(conn->desk, &conn->server->limits);
	conn->state = conn->is_closing || conn->is_cut ? HTTP_CONN_ENDING : HTTP_CONN_HEAD;
	conn->is_streaming = conn->is_chunking = conn->is_measured = conn->is_stalled = conn->is_probed = false;
	conn->on_ready = NULL;
	http_deadline_clear(&conn->waiting);
	http_conn_wake(conn);
}
