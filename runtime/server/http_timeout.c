/* Which deadline a connection is under, and what happens when it passes. */
#include "server/http_server.h"

#include <stddef.h>

static enum http_deadline_kind waits_for(const struct http_conn *conn)
{
	switch (conn->state) {
	case HTTP_CONN_HANDSHAKE:
		return HTTP_DEADLINE_TLS;
	case HTTP_CONN_HEAD:
		if (http_conn_waiting(conn) >= HTTP_OUTPUT_MAX)
			return HTTP_DEADLINE_NONE;
		return conn->desk != NULL ? HTTP_DEADLINE_HEADER : HTTP_DEADLINE_IDLE;
	case HTTP_CONN_BODY:
		return HTTP_DEADLINE_BODY;
	case HTTP_CONN_HANDLING:
		return http_intake_is_open(conn) && conn->desk->intake.data != NULL ? HTTP_DEADLINE_RATE
										     : HTTP_DEADLINE_NONE;
	case HTTP_CONN_LINGER:
		return HTTP_DEADLINE_LINGER;
	default:
		return HTTP_DEADLINE_NONE;
	}
}

void http_timeout_set(struct http_conn *conn)
{
	const enum http_deadline_kind kind = waits_for(conn);
	const bool is_rated =
		kind == HTTP_DEADLINE_BODY && conn->waiting.kind == HTTP_DEADLINE_RATE;

	if (kind != conn->waiting.kind && !is_rated)
		http_deadline_set(&conn->server->deadlines, &conn->waiting, kind);
}

static uint64_t body_came(const struct http_desk *desk)
{
	if (desk->is_streamed)
		return desk->intake.came;
	return desk->is_body_in_place ? desk->end - desk->pin : desk->body.len;
}

/* A body that came at body_rate_min or faster may go on; RATE looks again every second. */
static bool is_fast_enough(const struct http_conn *conn)
{
	const struct http_limits *limits = &conn->server->limits;
	const uint64_t now_ns = loop_now_ns(conn->server->loop);
	const uint64_t took_ms = (now_ns - conn->body_since_ns) / 1000000;

	const uint64_t earned_ms =
		limits->body_rate_min > 0 ? body_came(conn->desk) * 1000 / limits->body_rate_min : 0;

	return took_ms < limits->body_timeout_ms + earned_ms;
}

/* Nothing was sent that a reset could destroy: no lingering, for which a drain would have to wait. */
static void close_idle(struct http_conn *conn)
{
	http_io_end(&conn->io);
	http_conn_break(conn);
}

/* A request that came in this very moment must not be cut: the socket's event is on its way. */
static void on_idle(struct http_conn *conn)
{
	if (http_io_has_bytes(&conn->io)) {
		http_deadline_set(&conn->server->deadlines, &conn->waiting, HTTP_DEADLINE_IDLE);
		return;
	}
	HTTP_COUNT(conn->server->counters.timeouts, 1);
	close_idle(conn);
}

static void on_timeout(struct http_conn *conn, enum http_deadline_kind kind)
{
	if (kind == HTTP_DEADLINE_IDLE) {
		on_idle(conn);
		return;
	}
	HTTP_COUNT(conn->server->counters.timeouts, 1);
	if (kind == HTTP_DEADLINE_HEADER)
		http_conn_refuse(conn, (struct http_refusal){408, "the header took too long"});
	else if (kind == HTTP_DEADLINE_BODY || kind == HTTP_DEADLINE_RATE)
		http_conn_refuse(conn, (struct http_refusal){408, "the body took too long"});
	else
		http_conn_break(conn);
}

static struct http_conn *conn_of(struct http_deadline *deadline, enum http_deadline_kind kind)
{
	const size_t at = kind == HTTP_DEADLINE_WRITE ? offsetof(struct http_conn, writing)
						      : offsetof(struct http_conn, waiting);

	return (struct http_conn *)((char *)deadline - at);
}

void http_timeout_on_deadline(struct http_deadline *deadline, enum http_deadline_kind kind)
{
	struct http_conn *conn = conn_of(deadline, kind);
	const bool is_body = kind == HTTP_DEADLINE_BODY || kind == HTTP_DEADLINE_RATE;

	if (is_body && is_fast_enough(conn))
		http_deadline_set(&conn->server->deadlines, deadline, HTTP_DEADLINE_RATE);
	else
		on_timeout(conn, kind);
	http_conn_run(conn);
}
