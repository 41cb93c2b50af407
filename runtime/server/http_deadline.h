#pragma once
/*
 * Deadlines of a server's connections. All of one kind last equally long, so each kind is a list in
 * order of time: setting, clearing and expiring cost a few pointers, and one coarse timer serves
 * all of them.
 *
 * They fire up to HTTP_DEADLINE_COARSE_MS late, never early.
 */
#include "async/loop.h"

enum { HTTP_DEADLINE_COARSE_MS = 100 };

enum http_deadline_kind {
	HTTP_DEADLINE_NONE,
	HTTP_DEADLINE_TLS,    /* the handshake */
	HTTP_DEADLINE_HEADER, /* a request's head, from its first byte */
	HTTP_DEADLINE_BODY,
	HTTP_DEADLINE_RATE, /* looks again at a body that is late, but comes fast enough */
	HTTP_DEADLINE_IDLE,
	HTTP_DEADLINE_WRITE,  /* since the peer last took a byte */
	HTTP_DEADLINE_LINGER, /* after our half-close */
	HTTP_DEADLINE_COUNT
};

struct http_deadline {
	struct http_deadline *next, *prev;
	uint64_t since_ns;
	enum http_deadline_kind kind;
};

struct http_deadlines {
	struct loop *loop;
	struct timer timer;
	uint64_t timer_ns; /* when it fires; 0 where it does not run */
	struct http_deadline lists[HTTP_DEADLINE_COUNT];
	uint64_t span_ns[HTTP_DEADLINE_COUNT];
	void (*on_expired)(struct http_deadline *deadline, enum http_deadline_kind kind);
};

void http_deadlines_init(struct http_deadlines *deadlines, struct loop *loop,
	void (*on_expired)(struct http_deadline *deadline, enum http_deadline_kind kind));
void http_deadlines_done(struct http_deadlines *deadlines);
/* Changes how long this kind lasts, also for those that run. */
void http_deadlines_span(
	struct http_deadlines *deadlines, enum http_deadline_kind kind, uint64_t span_ms);

/* Starts from now. HTTP_DEADLINE_NONE: clears. */
void http_deadline_set(struct http_deadlines *deadlines, struct http_deadline *deadline,
	enum http_deadline_kind kind);
void http_deadline_clear(struct http_deadline *deadline);
