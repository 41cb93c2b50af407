#pragma once
/*
 * Inside of the HTTP front end: one connection.
 *
 *	handshake → head → body → handling → head → …
 *	          \     \      \         \
 *	           \     refusal --------→ ending → linger → gone
 *	            → handling, with the body in pieces (http_intake.c)
 *
 * Ending: what is queued goes out, then a half-close. Linger: what still comes is thrown away until
 *the peer closes, because closing over unread bytes would reset the connection and take the last
 *answer with it (RFC 9112 9.6).
 *
 * Invariants: http_conn_run() is the only place where a connection is freed, where handlers are
 *called and where `on_gone` and `on_ready` are; it never runs inside a call of the handler's. A
 *broken connection lives on until its request was answered.
 */
#include "server/http.h"
#include "server/http_deadline.h"
#include "server/http_io.h"
#include "server/http_parse.h"

enum {
	HTTP_DESK_SIZE = 16 * 1024, /* bytes read ahead, and bodies that need no copy */
	HTTP_BODY_STEP =
		64 * 1024, /* a body's memory grows with what came, not with what was announced */
	HTTP_OUTPUT_MAX = 256 * 1024, /* no further request, no further piece of a stream */
	HTTP_OUTPUT_LOW = 64 * 1024,  /* streams go on */
	HTTP_LINGER_MAX = 8 * 1024 * 1024,
};

enum http_conn_state {
	HTTP_CONN_HANDSHAKE,
	HTTP_CONN_HEAD,
	HTTP_CONN_BODY,
	HTTP_CONN_HANDLING,
	HTTP_CONN_ENDING,
	HTTP_CONN_LINGER,
};

/*
 * What a connection needs while it has a request before it; an idle one has none. Bytes stand so:
 *
 *	0 … begin: done with   begin … pin: this request's head   pin … at: taken body bytes   at …
 *end: not looked at yet
 */
/* A body that is handed out in pieces: what the handler asked for. */
struct http_intake {
	char *data; /* the handler's; NULL: it asks for nothing now */
	size_t size, len;
	http_body_fn *on_read;
	uint64_t came; /* of the body */
	uint64_t paused_ns; /* since when nothing is asked for */
	bool is_whole;
};

struct http_desk {
	struct http_desk *next;
	struct arena arena;
	struct http_limits limits; /* the server's when the request began: the parser counts up to them */
	struct http_parse parse;
	struct http_chunked chunked;
	struct http_request request;
	struct buf body; /* where it does not fit behind the head */
	struct budget *bodies; /* of which body_taken is for the body; NULL: none */
	size_t body_taken;
	bool is_body_in_place;
	bool is_streamed; /* the body is not for the desk: */
	struct http_intake intake;
	size_t begin, pin, at, end, cap;
	char *data; /* cap + JSON_PADDING bytes */
};

struct http_conn {
	struct http_server *server;
	struct http_conn *next, *prev;
	struct http_io io;
	enum http_conn_state state;
	bool is_running;
	bool is_broken; /* nothing goes in or out any more */
	bool is_refused; /* while the handler has the request: its answer comes too late */
	bool is_gone_told;
	bool is_closing; /* the answer in hand says so */
	bool is_streaming, is_chunking, is_measured, is_cut;
	bool is_stalled; /* http_stream_write said stop */
	bool is_probed;
	struct http_deadline waiting, writing;
	struct http_desk *desk;
	struct evbuffer *out;
	char *client_subject; /* NULL: none */
	uint64_t first_byte_ns;
	uint64_t body_since_ns;
	uint64_t lingered;
	uint64_t stream_left; /* of a stream whose length was told */
	void (*on_ready)(struct http_request *request);
	struct loop_task task;
};

void http_conn_new(struct http_server *server, int fd);
void http_conn_run(struct http_conn *conn);
/* http_conn_run in the next turn. */
void http_conn_wake(struct http_conn *conn);
/* Cuts the connection; frees it once its request was answered, if it has one. Ends in
 * http_conn_run(). */
void http_conn_break(struct http_conn *conn);
/* Refuses whatever was sent: answer, close, never look at what follows. A handler that has the request is told. */
void http_conn_refuse(struct http_conn *conn, struct http_refusal refusal);
/* The request in hand was answered. */
void http_conn_request_end(struct http_conn *conn);
/* Sends what the socket takes. */
void http_conn_flush(struct http_conn *conn);
size_t http_conn_waiting(const struct http_conn *conn);

/* http_body.c: takes the body's bytes as they come. */
void http_body_start(struct http_conn *conn);
/* DONE: it is whole; MORE: nothing more to read now; REFUSED: the connection was refused, ended or
 * broke. */
enum http_parsed http_body_take(struct http_conn *conn);
struct str http_body_text(struct http_desk *desk, const struct http_parse *parse);
/* Counts what was read of a body. False: nothing more came; the connection may have been refused or broken. */
bool http_body_on_read(struct http_conn *conn, ssize_t got);

/* http_intake.c: bodies in pieces. */
/* Does the server's hook want this request's body so? */
bool http_intake_is_wanted(const struct http_conn *conn, uint64_t *ret_body_max);
void http_intake_start(struct http_conn *conn, uint64_t body_max);
/* Bytes of the body are still to come, or to be handed out. */
bool http_intake_is_open(const struct http_conn *conn);
/* Reads for the handler; true where it was called, or the connection refused. */
bool http_intake_pull(struct http_conn *conn);

/* http_request.c: fills desk->request in. */
void http_request_build(struct http_conn *conn);

/* http_timeout.c: puts the connection under the deadline of its state, unless it runs already. */
void http_timeout_set(struct http_conn *conn);
void http_timeout_on_deadline(struct http_deadline *deadline, enum http_deadline_kind kind);

/* http_desk.c */
struct http_desk *http_desk_get(struct http_server *server);
void http_desk_put(struct http_server *server, struct http_desk *desk);
void http_desk_free(struct http_desk *desk);
/* Ends the request; bytes behind it stay. */
void http_desk_clear(struct http_desk *desk, const struct http_limits *limits);
/* Room behind `end`: moves this request to the front, or grows. Only while nothing points into the
 * bytes. */
void http_desk_make_room(struct http_desk *desk);
void http_desk_to_front(struct http_desk *desk);

/* http_answer.c: the refusal's answer. */
void http_answer_refusal(struct http_conn *conn, struct http_refusal refusal);
/* Asks a peer that ended its side whether it still reads: one that closed answers with a reset. */
void http_answer_probe(struct http_conn *conn);
