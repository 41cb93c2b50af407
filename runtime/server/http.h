#pragma once
/*
 * HTTP/1.1 front end: connections on libevent (http_io.h), our own strict parser (http_parse.h), limits, deadlines,
 * back-pressure, TLS, drain.  Rules and evidence: docs/protocol/HTTP.md section 1.5; RFC 9112, RFC 9110.
 *
 * One `struct http_server` a worker thread; all accept from one shared listening socket (struct http_listener).
 * A request is handed to the handler when its head and body are complete and within limits, or, where the server's
 * http_head_hook wants it so, when its head is: then the handler takes the body in pieces, http_body_read(). It answers
 * exactly once, at once or later: http_answer(), or http_stream_start() … http_stream_end().
 *
 * Invariants: requests of one connection are handled one after the other, in order; the next is parsed only when the
 * previous answer is queued and less than 256 KiB wait to be sent. When the client leaves, on_gone is called once and
 * the handler must still answer (the answer is then dropped): this is how work in flight ends exactly once.
 * A client that only ends its own side keeps its answers: which of both it did, an interim answer finds out (HTTP/1.1;
 * an HTTP/1.0 client that left is noticed when it is answered).
 */
#include "async/loop.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct budget;
struct http_server;
struct http_listener;
struct http_conn;

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

struct http_field {
	struct str name, value; /* as sent; value without surrounding blanks */
};

struct http_request {
	struct http_conn *conn;
	struct arena *arena; /* ends when the answer was written */
	struct loop *loop;
	enum http_method method;
	struct str method_text;
	struct str target; /* as sent */
	struct str path;   /* percent-decoded, no dot segments, no query */
	struct str query;
	const struct http_field *fields;
	size_t field_count;
	struct str client_subject; /* common name of the client's verified certificate; empty where there is none */
	struct str body; /* contiguous, JSON_PADDING readable bytes behind it; empty where it comes in pieces */
	bool is_streamed; /* it does: http_body_read() */
	uint64_t body_length; /* of one in pieces, as announced; HTTP_LENGTH_UNKNOWN where it is chunked */
	uint64_t started_ns; /* when its first byte came, loop time */
	/* the handler's: */
	void (*on_gone)(struct http_request *request); /* set where work goes on after the handler returned */
	void *data;
	bool is_gone; /* set before on_gone is called, and where none is: nothing is sent any more */
	struct http_sending *sending; /* http_file.h's */
};

/* First field of that name (case does not count); data is NULL where there is none. */
struct str http_field_get(const struct http_request *request, const char *name);

typedef void http_handler(struct http_request *request, void *data);

struct http_limits {
	size_t target_max;      /* → 414 */
	size_t header_max;      /* of the header section → 431 */
	unsigned fields_max;    /* → 431 */
	size_t body_max;        /* → 413 */
	uint32_t header_timeout_ms; /* from the first byte → 408 */
	uint32_t body_timeout_ms;   /* in all, plus body_rate_min → 408 */
	uint32_t body_rate_min;     /* bytes a second that prolong it */
	uint32_t idle_timeout_ms;   /* between requests → close */
	uint32_t write_timeout_ms;  /* without a byte taken → close */
	uint32_t tls_timeout_ms;    /* for the handshake → close */
	unsigned connections_max;   /* of this process. Beyond it accepting pauses */
};
/* The defaults, of http_limits_default() and of sluiced's options. */
enum {
	HTTP_TARGET_MAX = 8 << 10,
	HTTP_HEADER_MAX = 32 << 10,
	HTTP_FIELDS_MAX = 100,
	HTTP_BODY_MAX = 16 << 20,
	HTTP_BODIES_MAX = 512 << 20,
	HTTP_HEADER_TIMEOUT_MS = 10000,
	HTTP_BODY_TIMEOUT_MS = 60000,
	HTTP_BODY_RATE_MIN = 1 << 10,
	HTTP_IDLE_TIMEOUT_MS = 60000,
	HTTP_WRITE_TIMEOUT_MS = 30000,
	HTTP_TLS_TIMEOUT_MS = 10000,
	HTTP_CONNECTIONS_MAX = 10000,
};
void http_limits_default(struct http_limits *limits);

/* One bound, listening, non-blocking socket, shared by all workers. `port` 0 picks one. */
struct http_listener *http_listener_new(const char *host, unsigned port, struct error *err);
/* One that another process bound: TCP, and listening. Takes fd, on failure, too. Where that process keeps it (`is_shared`),
 * a drain takes what waits in the queue, but keeps nobody from coming. */
struct http_listener *http_listener_adopt(int fd, bool is_shared, struct error *err);
void http_listener_free(struct http_listener *listener);
unsigned http_listener_port(const struct http_listener *listener);
/* "127.0.0.1": the address as the kernel has it. */
const char *http_listener_address(const struct http_listener *listener);
/* Is this where `host` and `port` would have been bound? Port 0 is any. */
bool http_listener_is_at(const struct http_listener *listener, const char *host, unsigned port);
int http_listener_fd(const struct http_listener *listener);
/* Servers that are made from now on accept nothing until http_server_accept(). */
void http_listener_hold(struct http_listener *listener);
/* From now on another process takes what comes: a drain leaves even the queue to it. From any thread. */
void http_listener_leave(struct http_listener *listener);

struct ssl_ctx_st;
/* Files in PEM. */
struct http_tls_files {
	const char *cert, *key;  /* the chain, ours first */
	const char *client_ca;   /* who signs clients' certificates; NULL: none is asked for */
	bool is_client_optional; /* a client without one is served, too; one with a wrong one never */
};
/* TLS 1.2+, AEAD with forward secrecy, ALPN http/1.1. Servers and connections that use it keep it alive. */
struct ssl_ctx_st *http_tls_new(const struct http_tls_files *files, struct error *err);
void http_tls_free(struct ssl_ctx_st *tls);

struct http_server *http_server_new(struct loop *loop, struct http_listener *listener,
	struct ssl_ctx_st *tls, const struct http_limits *limits, http_handler *handler, void *data);
/*
 * Bodies in pieces. The hook is asked when a request's head is complete: with true the handler has the request at
 * once and reads its body; *ret_body_max, limits.body_max at first, is the longest body that is taken then (413).
 * `path` is decoded. To be set before the loop runs.
 */
typedef bool http_head_hook(enum http_method method, struct str path, uint64_t *ret_body_max, void *data);
void http_server_on_head(struct http_server *server, http_head_hook *hook);
/* With which status a body that is too large is refused, 413 without a hook: some protocols' clients know it not, and try
 * again. To be set before the loop runs. */
typedef int http_too_large_hook(struct str path, void *data);
void http_server_on_too_large(struct http_server *server, http_too_large_hook *hook);
/* Bodies that do not fit behind their head are taken from it while they grow, until their answer is written: who finds it
 * used up has 503 with Retry-After. May be shared between servers. To be set before the loop runs. */
void http_server_limit_bodies(struct http_server *server, struct budget *bodies);
/*
 * Reads on, into `data`: on_read is called when `size` bytes are there or the body is whole, never inside of this call;
 * `size` is not 0. Of a client whose body is not asked for nothing is read, and its deadline stands still: that is the
 * back-pressure. "100 Continue" goes out with the first call.
 * on_gone ends the reading, and `data` is not written to from then on. It is also called where the body broke the
 * rules, ended early, was too long or too slow: the front end has answered then (400, 413, 408) and drops the
 * handler's answer. Who answers before the body is whole has the connection closed behind the answer.
 */
typedef void http_body_fn(struct http_request *request, size_t len, bool is_whole);
void http_body_read(struct http_request *request, char *data, size_t size, http_body_fn *on_read);

/* Stops accepting once the listen queue is empty, closes idle connections, says `Connection: close` on every further
 * answer; after max_ms cuts the connections that are left (on_gone). Calls on_drained once when the last connection is
 * gone and the last handler has answered. The last server of a listener closes its socket once the queue is empty. A
 * second call sets another max_ms, from now. */
void http_server_drain(struct http_server *server, uint32_t max_ms, void (*on_drained)(void *data), void *data);
void http_server_free(struct http_server *server);

/* On the loop's thread: accepts, where the listener was held. */
void http_server_accept(struct http_server *server);
/* On the loop's thread: other limits and another TLS context (neither from nor to NULL) from now on. What has begun is
 * held to the limits it began under, but for deadlines; connections keep the context of their handshake. */
void http_server_change(struct http_server *server, const struct http_limits *limits, struct ssl_ctx_st *tls);

struct http_stats {
	uint64_t accepted, requests, answered[6] /* by status / 100 */, refused, timeouts, bytes_in, bytes_out;
	unsigned open, active;
};
/* May be read from another thread: single counters are exact, their sum may be a request apart. */
void http_server_stats(const struct http_server *server, struct http_stats *ret);

struct http_answer {
	int status;
	const char *content_type;          /* NULL: none */
	const struct http_field *fields;   /* further ones; CR, LF and NUL in values are refused (assert) */
	size_t field_count;
	struct str body;                   /* copied */
	struct buf *take_body;             /* or: taken over, not copied; left empty */
	bool has_length;                   /* of a stream whose length is known: */
	uint64_t length;
	bool is_closing;                   /* Connection: close */
};
/* Writes the answer (no body to HEAD, 204, 304) and ends the request: `request` is gone when this returns. */
void http_answer(struct http_request *request, const struct http_answer *answer);

/* A body in pieces. Of unknown length: chunked to HTTP/1.1, until close to HTTP/1.0. Of answer->length bytes where
 * has_length says so; then exactly that many are written (asserted). */
void http_stream_start(struct http_request *request, const struct http_answer *head);
/* Queues `data`. Returns false when 256 KiB or more wait to be sent: then stop until on_ready is called. */
bool http_stream_write(struct http_request *request, struct str data);
/* The same; the bytes are taken over, not copied, and `take_data` is left empty. */
bool http_stream_take(struct http_request *request, struct buf *take_data);
void http_stream_on_ready(struct http_request *request, void (*on_ready)(struct http_request *request));
/* Ends the stream and the request. `is_whole` false cuts the connection instead, so that the client sees the break. */
void http_stream_end(struct http_request *request, bool is_whole);
