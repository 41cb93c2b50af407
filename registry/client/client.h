#pragma once
/*
 * Client: calls to a registry and tracking server, on a loop, with logins, retries and pages.
 *
 * 	struct operation *get = client_version_get(client, &arena, name, "3", &version);
 * 	if (!operation_wait(get, &err)) …
 *
 * Everything is an operation: started by a client_…() function, it fills `ret` on success and completes exactly once,
 * never inside the call that started it. Several may run at once. The arena, `ret` and whatever the arguments point to
 * must stay until then; results live on the arena, which also holds the operation.
 *
 * Retries, as MLflow's client (utils/request_utils.py): 408, 429, 500, 502, 503, 504 and broken connections are tried
 * again up to `retries_max` times, a refused connection at most twice, one to this machine not at all. Pauses are what
 * Retry-After says (up to 2 minutes), else pause_ms × 2^n and a random second. A call that creates something under a
 * new id each time is repeated only where nothing was sent, or the server said by 429 or 503 that it did nothing.
 *
 * Errors are one line: the server's error_code and message, as far as they go, without secrets, and what was asked:
 * "RESOURCE_DOES_NOT_EXIST: Registered Model with name=nope not found (GET http://…)". ERR_NOT_FOUND (404, and an
 * unknown alias), ERR_CONFLICT (409, RESOURCE_ALREADY_EXISTS), ERR_INVALID_PARAMETER and ERR_BAD_REQUEST (other 4xx),
 * ERR_RATE_LIMITED, ERR_UNAVAILABLE (503), ERR_DEADLINE, ERR_UPSTREAM (401, 403, 5xx, no answer, not an answer),
 * ERR_CANCELLED; ERR_USAGE and ERR_NOT_IMPLEMENTED for what this kind of registry cannot do, before anything is sent.
 */
#include "async/loop.h"
#include "base/json.h"
#include "client/target.h"

struct client;
struct operation;

/* A call of a dry run that was not made. */
struct client_planned {
	const char *method, *url;
	const struct json *body; /* JSON_ABSENT: none */
	const char *file;        /* instead of a body: the file that would be sent; NULL: none */
	uint64_t file_size;
};

struct client_options {
	const struct target *target; /* outlives the client */
	/* The registry of sluiced is told who and why, for its history: headers X-Sluice-User and X-Sluice-Reason.
	 * NULL: the local user; no reason. */
	const char *user, *reason;
	unsigned retries_max;   /* 0: MLFLOW_HTTP_REQUEST_MAX_RETRIES or 7 */
	uint32_t pause_ms;      /* 0: MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR or 2, in seconds */
	uint32_t timeout_ms;    /* of one call, not of a transfer. 0: MLFLOW_HTTP_REQUEST_TIMEOUT or 120, in seconds */
	unsigned transfers_max; /* files in flight; 0: 8 */
	bool is_dry_run;        /* what changes something is not sent, but told on_planned; everything else is asked */
	void (*on_planned)(void *data, const struct client_planned *planned);
	/* In a dry run: a call that only reads is about to be made (URL without user info). May be NULL. */
	void (*on_asked)(void *data, const char *method, const char *url);
	/* A call is tried again in a while: "GET …: 503 …; again in 4.3 s (2 of 7)". May be NULL. */
	void (*on_retry)(void *data, const char *text);
	void *data;
};

/* NULL with the error set. Strings are copied, the target is not. */
struct client *client_new(struct loop *loop, const struct client_options *options, struct error *err);
/* No operation may be in flight. */
void client_free(struct client *client);
/* Names are catalog.schema.model, there are no stages, versions come with their files. */
bool client_is_unity(const struct client *client);

/* Called when it is over; err is NULL on success. To be set before the loop's next turn. */
void operation_then(struct operation *operation, void (*done)(void *data, const struct error *err), void *data);
/* It completes with ERR_CANCELLED unless it ended by itself first. */
void operation_cancel(struct operation *operation);
/*
 * For tools: runs the loop, which nobody else may run, until the operation is over. SIGINT and SIGTERM cancel it, and a
 * second one ends the program at once; *ret_signal, where not NULL, gets the signal's number or 0.
 */
bool operation_wait(struct operation *operation, int *ret_signal, struct error *err);

enum client_effect {
	CALL_READS,   /* may be repeated; made in dry runs, too */
	CALL_CHANGES, /* may be repeated: twice is as good as once */
	CALL_CREATES, /* must not */
};

/* Any call: for what has no function of its own. */
struct client_call {
	const char *method;
	const char *path;  /* "/api/2.0/mlflow/runs/get": percent-encoded, without query */
	struct json query; /* an object, its arrays become repeated keys; JSON_ABSENT: none */
	struct json body;  /* JSON_ABSENT: none */
	enum client_effect effect;
	bool is_tracking;    /* to the tracking site … */
	bool is_serving;     /* … or the serving site, else to the registry's */
	const char *planned; /* JSON: what a dry run answers for it; NULL: {} */
};
/* An answer without a body is {}; one that is not a JSON object is ERR_UPSTREAM. */
struct operation *client_call(
	struct client *client, struct arena *arena, const struct client_call *call, struct json *ret);

struct client_tag {
	struct str key, value;
};
struct client_tags {
	const struct client_tag *items;
	size_t count;
};
/* The value of a tag in a server's object; "" where it has none of that key. */
struct str client_tag_find(const struct json *tree, struct str key);
