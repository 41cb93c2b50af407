#pragma once
/*
 * Routes: one table (route.c) of every path the server answers; one file a resource.
 *
 * Rules (docs/protocol/RULES.md V6): one trailing slash is the path itself; GET also answers HEAD;
 * another method is 405 with Allow; another path is 404. Rows of a prefix look at methods and the
 * rest of the path themselves.
 */
#include "access/access.h"
#include "server/server.h"

struct exchange;
struct query;
struct scoring;
struct row_stream;
struct text_stream;
struct artifact_put;
struct gateway_call;
struct http_file;

struct route {
	const char *path;
	bool is_prefix;    /* and everything below it */
	/* On everything. What is not public is guarded against web pages of others, too: permit.h. */
	enum permission permission;
	enum metrics_label label;
	unsigned methods;  /* 1 << enum http_method */
	void (*handle)(struct exchange *exchange);
	const char *help;
};
#define ROUTE(path_, is_prefix_, permission_, label_, methods_, handle_, help_)                                         \
	{(path_), (is_prefix_), PERMISSION(permission_), (label_), (methods_), (handle_), (help_)}

/* One request on its way: lives on the request's arena, ends with the answer. */
struct exchange {
	struct http_request *request;
	struct worker *worker;
	const struct route *route; /* NULL: none matched */
	struct principal principal; /* who asks, of a route that is not public */
	bool is_permitted;          /* what is not, is not answered but with an error */
	uint64_t rows, rows_failed;
	uint64_t streamed;             /* bytes of the body so far */
	uint64_t received;             /* bytes of the request's body, where it came in pieces */
	const char *error;             /* for the log: why it failed; on the request's arena */
	enum error_code error_code;    /* the same, as a kind */
	const char *param;             /* what the error is about, where the path is OpenAI's; may be NULL */
	bool is_openai;                /* errors carry OpenAI's member `error`, too */
	bool is_closing;               /* the connection ends with the answer */
	struct scoring *scoring;       /* of rows and completions: scoring.h */
	struct row_stream *stream;
	struct text_stream *text;
	int status; /* for the log, of a stream that failed; 0: none did */
	struct gateway_call *gateway;  /* of a call to the gateway */
	struct artifact_put *put; /* of an artifact's upload */
	/* Of a request to an endpoint; both live until the request ends. */
	struct endpoint *endpoint;
	struct entity *entity;
	struct query *query;
	unsigned retry_after_s; /* of a refusal; 0: it says nothing */
};

/* The http_handler: `data` is the struct worker. */
void route_request(struct http_request *request, void *data);
/* The http_head_hook. */
bool route_on_head(enum http_method method, struct str path, uint64_t *ret_body_max, void *data);
/* The http_too_large_hook. */
int route_on_too_large(struct str path, void *data);
const struct route *route_table(size_t *ret_count);

/* The ways to end an exchange; each counts, logs and answers. The exchange is gone
 * afterwards. */
void exchange_text(
	struct exchange *exchange, int status, const char *content_type, struct str body);
void exchange_json(struct exchange *exchange, int status, struct buf *take_body);
void exchange_body(
	struct exchange *exchange, int status, const char *content_type, struct buf *take_body);
/* An OAuth answer, which nobody keeps; a 401 may ask for HTTP Basic. */
void exchange_token(struct exchange *exchange, int status, bool asks_basic, struct buf *take_body);
/* A body in pieces, for answers whose end is not known yet; true and false as of
 * http_stream_write(). */
void exchange_stream_start(struct exchange *exchange, const char *content_type);
bool exchange_stream_write(struct exchange *exchange, struct str data);
void exchange_stream_end(struct exchange *exchange, bool is_whole);
/* Appends the event that tells a failure inside of a stream of events, which exchange_stream_end() then cuts. */
void exchange_stream_error(struct exchange *exchange, struct buf *out, const struct error *err);
/* A file, or the part of it that was asked for; takes file->fd. */
void exchange_file(struct exchange *exchange, struct http_file *file);
/* {"error_code":…,"message":…} with the status of the error's code; `allow` NULL or the Allow
 * field's value. */
void exchange_error(struct exchange *exchange, const struct error *err, const char *allow);
/* Appends that body: where the path is OpenAI's, with "error":{"message","type","param","code"} beside it. */
void exchange_error_write(struct buf *out, const struct exchange *exchange, const struct error *err);

/* Who asks: as his token says, or, where access is off, as he says himself. And why. For histories; NULL where nobody
 * says. */
struct str request_who(const struct http_request *request);
struct str request_why(const struct http_request *request);

/* Resources, one file each. */
void ping_handle(struct exchange *exchange);
void health_handle(struct exchange *exchange);
void live_handle(struct exchange *exchange);
void ready_handle(struct exchange *exchange);
void version_handle(struct exchange *exchange);
void metrics_handle(struct exchange *exchange);
void invocations_handle(struct exchange *exchange);
void serving_handle(struct exchange *exchange);
void control_handle(struct exchange *exchange);
void databricks_config_handle(struct exchange *exchange);
void oauth_server_handle(struct exchange *exchange);
void oauth_token_handle(struct exchange *exchange);
void me_handle(struct exchange *exchange);
void chat_handle(struct exchange *exchange);
void completions_handle(struct exchange *exchange);
void responses_handle(struct exchange *exchange);
void models_handle(struct exchange *exchange);
void registry_handle(struct exchange *exchange);
void gateway_handle(struct exchange *exchange);
void server_info_handle(struct exchange *exchange);
void artifacts_handle(struct exchange *exchange);
void run_artifact_handle(struct exchange *exchange);
void version_artifact_handle(struct exchange *exchange);
void logged_models_handle(struct exchange *exchange);
void upload_artifact_handle(struct exchange *exchange);
