#include "server/http_server.h"
#include "server/http_tls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void on_drain_over(void *data);

void http_limits_default(struct http_limits *limits)
{
	*limits = (struct http_limits){
		.target_max = HTTP_TARGET_MAX,
		.header_max = HTTP_HEADER_MAX,
		.fields_max = HTTP_FIELDS_MAX,
		.body_max = HTTP_BODY_MAX,
		.header_timeout_ms = HTTP_HEADER_TIMEOUT_MS,
		.body_timeout_ms = HTTP_BODY_TIMEOUT_MS,
		.body_rate_min = HTTP_BODY_RATE_MIN,
		.idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS,
		.write_timeout_ms = HTTP_WRITE_TIMEOUT_MS,
		.tls_timeout_ms = HTTP_TLS_TIMEOUT_MS,
		.connections_max = HTTP_CONNECTIONS_MAX,
	};
}

/* Draining, connections that are quiet get less: but not none, as the next request of a busy client may be on its way and
 * must get its answer. */
static void set_deadlines(struct http_server *server)
{
	const struct http_limits *limits = &server->limits;
	struct http_deadlines *deadlines = &server->deadlines;
	const bool is_shortened = server->is_draining && limits->idle_timeout_ms > HTTP_DRAIN_IDLE_MS;

	http_deadlines_span(deadlines, HTTP_DEADLINE_TLS, limits->tls_timeout_ms);
	http_deadlines_span(deadlines, HTTP_DEADLINE_HEADER, limits->header_timeout_ms);
	http_deadlines_span(deadlines, HTTP_DEADLINE_BODY, limits->body_timeout_ms);
	http_deadlines_span(deadlines, HTTP_DEADLINE_RATE, 1000);
	http_deadlines_span(
		deadlines, HTTP_DEADLINE_IDLE, is_shortened ? HTTP_DRAIN_IDLE_MS : limits->idle_timeout_ms);
	http_deadlines_span(deadlines, HTTP_DEADLINE_WRITE, limits->write_timeout_ms);
	http_deadlines_span(deadlines, HTTP_DEADLINE_LINGER, HTTP_LINGER_MS);
}

struct http_server *http_server_new(struct loop *loop, struct http_listener *listener,
	struct ssl_ctx_st *tls, const struct http_limits *limits, http_handler *handler, void *data)
{
	struct http_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		abort();
	server->loop = loop;
	server->listener = listener;
	server->tls = http_tls_ref(tls);
	server->limits = *limits;
	server->handler = handler;
	server->data = data;
	http_deadlines_init(&server->deadlines, loop, http_timeout_on_deadline);
	set_deadlines(server);
	timer_init(&server->drain_timer, loop, on_drain_over, server);
	http_accept_start(server);
	return server;
}

void http_server_on_head(struct http_server *server, http_head_hook *hook)
{
	server->on_head = hook;
}

void http_server_on_too_large(struct http_server *server, http_too_large_hook *hook)
{
	server->on_too_large = hook;
}

void http_server_limit_bodies(struct http_server *server, struct budget *bodies)
{
	server->bodies = bodies;
}

void http_server_accept(struct http_server *server)
{
	atomic_store(&server->listener->is_held, false);
	http_accept_resume(server);
}

void http_server_change(struct http_server *server, const struct http_limits *limits, struct ssl_ctx_st *tls)
{
	assert((tls == NULL) == (server->tls == NULL));
	http_tls_free(server->tls);
	server->tls = http_tls_ref(tls);
	server->limits = *limits;
	set_deadlines(server);
}

static void break_all(struct http_server *server)
{
	struct http_conn *next;

	for (struct http_conn *conn = server->conns; conn != NULL; conn = next) {
		next = conn->next;
		http_conn_break(conn);
		http_conn_run(conn);
	}
}

static void server_release(struct http_server *server)
{
	struct http_desk *desk;

	while ((desk = server->desks) != NULL) {
		server->desks = desk->next;
		http_desk_free(desk);
	}
	http_tls_free(server->tls);
	free(server);
}

/* Where handlers still work for a client, the last of them to answer frees the server. */
void http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	http_accept_stop(server);
	timer_stop(&server->drain_timer);
	loop_undefer(server->loop, &server->drained);
	server->is_drained = true;
	break_all(server);
	http_deadlines_done(&server->deadlines);
	server->is_freed = true;
	if (server->conns == NULL)
		server_release(server);
}

static void on_drained(void *data)
{
	struct http_server *server = data;

	server->on_drained(server->drained_data);
}

void http_server_check_drain(struct http_server *server)
{
	if (!server->is_draining || server->is_drained || !server->is_accept_over ||
		server->conns != NULL)
		return;
	server->is_drained = true;
	timer_stop(&server->drain_timer);
	loop_defer(server->loop, &server->drained, on_drained, server);
}

static void on_drain_over(void *data)
{
	struct http_server *server = data;

	http_accept_give_up(server);
	break_all(server);
}

void http_server_drain(
	struct http_server *server, uint32_t max_ms, void (*on_done)(void *data), void *data)
{
	const bool is_first = !server->is_draining;

	server->is_draining = true;
	server->on_drained = on_done;
	server->drained_data = data;
	if (is_first)
		http_accept_finish(server);
	set_deadlines(server);
	if (!server->is_drained)
		timer_start(&server->drain_timer, max_ms);
}

void http_server_forget(struct http_server *server, struct http_conn *conn)
{
	atomic_fetch_sub_explicit(&server->listener->open, 1, memory_order_relaxed);
	if (server->is_freed) {
		if (server->conns == NULL)
			server_release(server);
		return;
	}
	http_accept_resume(server);
	http_server_check_drain(server);
}

struct str http_server_stamp(struct http_server *server)
{
	const uint64_t second = loop_now_ns(server->loop) / 1000000000;

	if (server->stamp_second != second || server->stamp_len == 0) {
		const time_t now = time(NULL);
		struct tm utc;

		gmtime_r(&now, &utc);
		server->stamp_len = strftime(server->stamp, sizeof(server->stamp),
			"Server: sluice/" SLUICE_VERSION "\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n",
			&utc);
		server->stamp_second = second;
	}
	return (struct str){server->stamp, server->stamp_len};
}

#define READ(counter) atomic_load_explicit(&server->counters.counter, memory_order_relaxed)

void http_server_stats(const struct http_server *server, struct http_stats *ret)
{
	*ret = (struct http_stats){
		.accepted = READ(accepted),
		.requests = READ(requests),
		.refused = READ(refused),
		.timeouts = READ(timeouts),
		.bytes_in = READ(bytes_in),
		.bytes_out = READ(bytes_out),
		.open = READ(open),
		.active = READ(active),
	};
	for (int i = 0; i < 6; i++)
		ret->answered[i] = READ(answered[i]);
}
