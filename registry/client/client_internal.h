#pragma once
/*
 * What the files of the client share. Private to client/.
 *   operation.c    acts made of acts
 *   client.c       options, sites
 *   call.c         one call's life: login, sending, retries
 *   call_send.c    what goes out
 *   call_error.c   what came back, in words
 *   login.c        Authorization headers, OAuth tokens
 *   ask.c          calls with a result of a type
 */
#include "async/fetch.h"
#include "client/operation.h"

enum {
	RETRIES_MAX = 7,
	RETRIES_REFUSED_MAX = 2, /* nobody listens, or the name is wrong: that seldom heals */
	PAUSE_FACTOR_MS = 2000,
	PAUSE_MAX_MS = 120000,
	TIMEOUT_MS = 120000,
	TRANSFERS_MAX = 8,
	TRANSFER_WAIT_MS = 600000, /* a server may write gigabytes to its store before it answers */
	TRANSFER_IDLE_MS = 60000,
	ANSWER_MAX = 64 * 1024 * 1024,
};

/* Whose registry it is shows in the Server header of any answer. */
enum site_flavour { FLAVOUR_UNKNOWN, FLAVOUR_SLUICE, FLAVOUR_OTHER };

struct site {
	const struct target_site *target;
	struct fetcher *fetcher;
	struct secret authorization; /* "Basic …", "Bearer …"; not set: none (yet) */
	struct secret token;         /* of OAuth, for redaction */
	uint64_t token_until_ns;     /* loop_now_ns(); 0: there is none */
	enum site_flavour flavour;
};

struct client {
	struct loop *loop;
	struct client_options options;
	struct arena arena; /* strings, secrets */
	struct site sites[2];
	struct site *registry, *tracking; /* may be the same */
	unsigned active;
};

/* A call with all that only this library needs. */
struct call_spec {
	struct client_call call;
	const char *url;       /* instead of a path: absolute, signed; no login goes there */
	const struct fetch_header *headers;
	size_t header_count;
	struct str form;       /* instead of a body: application/x-www-form-urlencoded */
	struct secret authorization; /* instead of the site's */
	bool is_asked_once;    /* no retries */
	bool is_login;         /* the call that gets a token needs none */
	struct str *ret_body;  /* the answer's bytes; NULL: it is JSON, for `ret` */
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
	struct str reply, reply_type;
	int64_t retry_after_ms;
	bool was_sent;
	struct error err;
};

/* ret may be NULL. */
struct operation *call_start(struct client *client, struct arena *arena, const struct call_spec *spec, struct json *ret);

/* call_send.c */
const char *call_url(struct arena *arena, const struct site *site, const struct call_spec *spec);
struct str call_body(struct arena *arena, const struct call_spec *spec);
struct fetch *call_send(struct call *call, fetch_done *done);
/* Percent-encoded, but for what RFC 3986 calls unreserved; `is_path`: '/' stays, too. */
void url_encode(struct buf *out, struct str text, bool is_path);

/* call_error.c: an answer that is not 2xx, as call->err. */
void call_refused(struct call *call);
/* Without what the site keeps secret. */
struct str call_redact(struct arena *arena, const struct site *site, struct str text);

/* login.c */
void login_init(struct client *client, struct site *site);
/* False: a token has to be asked for first. */
bool login_is_ready(const struct call *call);
struct operation *login_ask(struct call *call);
bool login_take(struct call *call, struct error *err);
/* The server did not take the token: it may have been revoked. */
void login_drop(struct site *site);

/* ask.c */

/* Reads an answer into the caller's `ret`. */
typedef bool ask_read(struct arena *arena, const struct json *answer, void *ret, struct error *err);
struct operation *ask(struct client *client, struct arena *arena, const struct client_call *call, ask_read *read, void *ret);
/* An operation that fails before anything is sent. */
struct operation *ask_refused(struct client *client, struct arena *arena, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* "/api/2.0/mlflow/model-versions/get", or its place in Unity Catalog; and the tracking site's. */
const char *registry_path(struct client *client, struct arena *arena, const char *rpc);
const char *tracking_path(struct arena *arena, const char *rpc);
/* Members that are empty stay out. */
void args_text(struct arena *arena, struct json *args, const char *key, struct str text);
void args_tags(struct arena *arena, struct json *args, const char *key, struct client_tags tags);
/* Text of a string or a number (Unity Catalog has both for versions). */
struct str json_text(struct arena *arena, const struct json *value);
/* "the answer has no 'run.info.run_id'" where it is empty. */
bool answer_text(struct arena *arena, const struct json *answer, const char *path, struct str *ret, struct error *err);
struct str text_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
