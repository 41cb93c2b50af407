#pragma once
/* Inside of the HTTP front end: what http_server.c, http_accept.c and the connections share. */
#include "base/budget.h"
#include "server/http.h"
#include "server/http_conn.h"
#include "server/http_deadline.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>

enum {
	HTTP_DESKS_KEPT = 64, /* most spare ones a server holds */
	HTTP_DRAIN_IDLE_MS =
		1000, /* quiet time after which a draining server closes a kept connection */
	HTTP_DRAIN_ARRIVALS_MS = 20, /* in which handshakes that began before a drain end */
	HTTP_LINGER_MS = 2000,
	HTTP_STAMP_MAX = 96,
};

struct http_listener {
	int fd;
	unsigned port;
	char address[INET6_ADDRSTRLEN];
	bool is_shared; /* with a process that keeps it for the next one */
	atomic_bool is_held; /* nobody accepts yet */
	atomic_bool is_left; /* to another process */
	atomic_uint open;      /* connections of all servers */
	atomic_uint accepting; /* servers that still take connections */
};

/* Written by the server's own thread only: a plain load and store each, no locked instruction. */
struct http_counters {
	_Atomic uint64_t accepted, requests, answered[6], refused, timeouts, bytes_in, bytes_out;
	_Atomic unsigned open, active;
};
#define HTTP_COUNT(counter, by)                                                                    \
	atomic_store_explicit(&(counter),                                                          \
		atomic_load_explicit(&(counter), memory_order_relaxed) + (by),                     \
		memory_order_relaxed)

struct http_server {
	struct loop *loop;
	struct http_listener *listener;
	struct ssl_ctx_st *tls;
	struct http_limits limits;
	struct budget *bodies; /* NULL: none */
	http_handler *handler;
	http_head_hook *on_head; /* NULL: all bodies are read whole */
	http_too_large_hook *on_too_large; /* NULL: 413 */
	void *data;

	struct event accepting;
	bool is_accepting;     /* the event is added */
	bool is_finishing;     /* draining: what waits in the queue is the last to be taken */
	bool is_accept_over;   /* never again */
	bool has_yielded;      /* let other servers accept before this one */
	int spare_fd;          /* given up for a moment where descriptors run out */
	unsigned accept_fails; /* in a row */
	struct timer accept_timer, finish_timer;

	struct http_deadlines deadlines;
	struct http_conn *conns;
	struct http_desk *desks; /* spare ones */
	unsigned desk_count;
	struct http_counters counters;

	char stamp[HTTP_STAMP_MAX]; /* "Server: …\r\nDate: …\r\n" */
	size_t stamp_len;
	uint64_t stamp_second;

	bool is_draining, is_drained, is_freed;
	struct timer drain_timer;
	struct loop_task drained;
	void (*on_drained)(void *data);
	void *drained_data;
};

/* http_accept.c */
void http_accept_start(struct http_server *server);
void http_accept_stop(struct http_server *server);
/* A connection ended: there may be room for another one. */
void http_accept_resume(struct http_server *server);
/* Lets no further handshake begin, takes what waits in the listen queue, then never again. Where descriptors run out
 * the rest stays in the queue until connections end. */
void http_accept_finish(struct http_server *server);
/* Never again, whatever still waits. */
void http_accept_give_up(struct http_server *server);

/* http_listen.c: false where the system cannot, or where the socket is not ours alone. */
bool http_listener_end_arrivals(struct http_listener *listener);

/* http_server.c: the last thing a connection does. */
void http_server_forget(struct http_server *server, struct http_conn *conn);
/* The drain is over once nothing can come any more and the last handler has answered. */
void http_server_check_drain(struct http_server *server);
/* Header lines that every answer has; made anew once a second. */
struct str http_server_stamp(struct http_server *server);
