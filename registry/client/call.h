#pragma once
/*
 * Call: one HTTP call with its login, its retries and what its errors say. Private to client/.
 *   call.c        its life
 *   call_send.c   what goes out
 *   call_error.c  what came back, in words
 *   login.c       Authorization headers, OAuth tokens
 */
#include "client/serving.h"
#include "client/site.h"

/* A call with all that only this library needs. */
struct call_spec {
	struct client_call call;
	const char *url; /* instead of a path: absolute, signed; no login goes there */
	const struct fetch_header *headers;
	size_t header_count;
	struct str form;                  /* instead of a body: application/x-www-form-urlencoded */
	struct secret authorization;      /* instead of the site's */
	bool is_asked_once;               /* no retries */
	bool is_login;                    /* the call that gets a token needs none */
	struct str *ret_body;             /* the answer's bytes; NULL: it is JSON, for `ret` */
	struct client_answer *ret_answer; /* instead of both: any answer is one, also a refusal; needs is_asked_once */
	size_t body_max;

	/* Streams. `on_attempt` is called before each sending: a sink begins anew. */
	const struct fetch_file *file;
	const char *file_name; /* for dry runs */
	fetch_sink *sink;
	fetch_sent *on_sent;
	bool (*on_attempt)(void *data, struct error *err);
	void *stream_data;
};

struct call {
	struct operation op;
	struct call_spec spec;
	struct site *site;
	struct json *ret;
	const char *url;
	struct str body;
	bool is_transfer;

	unsigned attempt;       /* from 1 */
	bool may_have_happened; /* an earlier attempt broke after it was sent */
	bool has_new_token;
	struct fetch *fetch;
	struct timer pause;
	bool is_pausing;
	struct json token_answer;

	/* The last attempt's. */
	int status; /* 0: no answer */
	struct str reply, reply_type, reply_served;
	uint64_t sent_ns, elapsed_ns;
	int64_t retry_after_ms;
	bool was_sent;
	struct error err;
};

/* ret may be NULL. */
struct operation *call_start(
	struct client *client, struct arena *arena, const struct call_spec *spec, struct json *ret);

/* call_send.c */
const char *call_url(struct arena *arena, const struct site *site, const struct call_spec *spec);
struct str call_body(struct arena *arena, const struct call_spec *spec);
struct fetch *call_send(struct call *call, fetch_done *done);
/* Percent-encoded, but for what RFC 3986 calls unreserved; `is_path`: '/' stays, too. */
void url_encode(struct buf *out, struct str text, bool is_path);

/* call_error.c: an answer that is not 2xx, as call->err. */
void call_refused(struct call *call);

/* login.c */
void login_init(struct client *client, struct site *site);
/* False: a token has to be asked for first. */
bool login_is_ready(const struct call *call);
struct operation *login_ask(struct call *call);
bool login_take(struct call *call, struct error *err);
/* The server did not take the token: it may have been revoked. */
void login_drop(struct site *site);
