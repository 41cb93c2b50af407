/* request → route → resource's handler → exchange_*() → answer, log record, metrics */
#include "server/route.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "server/entity_account.h"
#include "server/http_file.h"
#include "server/permit.h"
#include "server/serving.h"

#define GET_  (1u << HTTP_GET | 1u << HTTP_HEAD)
#define POST_ (1u << HTTP_POST)
#define ALL_  (~0u)

static const struct route ROUTES[] = {
	ROUTE("/ping", false, PERMISSION_PUBLIC, METRICS_PING, GET_, ping_handle, "200 while the server runs"),
	ROUTE("/health", false, PERMISSION_PUBLIC, METRICS_HEALTH, GET_, health_handle, "200 while the server runs"),
	ROUTE("/live", false, PERMISSION_PUBLIC, METRICS_HEALTH, GET_, live_handle, "200 while the process runs"),
	ROUTE("/ready", false, PERMISSION_PUBLIC, METRICS_HEALTH, GET_, ready_handle,
		"200 while requests are welcome, else 503 and the reasons"),
	ROUTE("/version", false, PERMISSION_PUBLIC, METRICS_VERSION, GET_, version_handle,
		"the MLflow version whose protocol is spoken"),
	ROUTE("/metrics", false, PERMISSION_VIEW, METRICS_METRICS, GET_, metrics_handle,
		"Prometheus metrics; OpenMetrics by Accept"),
	ROUTE("/invocations", false, PERMISSION_QUERY, METRICS_INVOCATIONS, POST_, invocations_handle,
		"rows in, predictions out"),
	ROUTE("/serving-endpoints/", true, PERMISSION_INNER, METRICS_SERVING, ALL_, serving_handle,
		"queries of serving endpoints"),
	ROUTE("/api/2.0/serving-endpoints", true, PERMISSION_INNER, METRICS_CONTROL, ALL_, control_handle,
		"the control plane: [its calls](control.md)"),
	ROUTE("/v1/chat/completions", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, chat_handle,
		"OpenAI's chat completions: [streaming.md](../streaming.md)"),
	ROUTE("/chat/completions", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, chat_handle, "the same"),
	ROUTE("/v1/completions", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, completions_handle,
		"OpenAI's completions"),
	ROUTE("/completions", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, completions_handle, "the same"),
	ROUTE("/v1/responses", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, responses_handle,
		"OpenAI's responses"),
	ROUTE("/responses", false, PERMISSION_INNER, METRICS_COMPLETIONS, POST_, responses_handle, "the same"),
	ROUTE("/v1/models", false, PERMISSION_KNOWN, METRICS_MODELS, GET_, models_handle,
		"what is served and may be asked, as OpenAI's clients list it"),
	ROUTE("/v1/models/", true, PERMISSION_KNOWN, METRICS_MODELS, GET_, models_handle, "one of them"),
	ROUTE("/models", false, PERMISSION_KNOWN, METRICS_MODELS, GET_, models_handle, "the same as /v1/models"),
	ROUTE("/api/2.0/token/", true, PERMISSION_INNER, METRICS_ACCESS, ALL_, control_handle,
		"tokens: [its calls](control.md)"),
	ROUTE("/.well-known/databricks-config", false, PERMISSION_PUBLIC, METRICS_ACCESS, GET_, databricks_config_handle,
		"where Databricks' clients log in"),
	ROUTE("/oidc/.well-known/oauth-authorization-server", false, PERMISSION_PUBLIC, METRICS_ACCESS, GET_,
		oauth_server_handle, "where the next one is"),
	ROUTE("/oidc/v1/token", false, PERMISSION_PUBLIC, METRICS_ACCESS, POST_, oauth_token_handle,
		"OAuth tokens for clients: [access.md](../access.md)"),
	ROUTE("/api/2.0/preview/scim/v2/Me", false, PERMISSION_KNOWN, METRICS_ACCESS, GET_, me_handle, "who asks"),
	ROUTE("/api/2.0/permissions/", true, PERMISSION_INNER, METRICS_ACCESS, ALL_, control_handle,
		"permissions of endpoints: [its calls](control.md)"),
	ROUTE("/api/2.0/secrets/", true, PERMISSION_INNER, METRICS_ACCESS, ALL_, control_handle,
		"secrets: [its calls](control.md)"),
	ROUTE("/api/3.0/mlflow/server-info", false, PERMISSION_VIEW, METRICS_REGISTRY, GET_, server_info_handle,
		"what the registry can do"),
	ROUTE("/ajax-api/3.0/mlflow/server-info", false, PERMISSION_VIEW, METRICS_REGISTRY, GET_, server_info_handle,
		"the same, for web pages"),
	ROUTE("/api/2.0/mlflow-artifacts/", true, PERMISSION_INNER, METRICS_ARTIFACTS, ALL_, artifacts_handle,
		"files of the embedded registry: upload and delete (manage), download and list (view)"),
	ROUTE("/ajax-api/2.0/mlflow-artifacts/", true, PERMISSION_INNER, METRICS_ARTIFACTS, ALL_, artifacts_handle,
		"the same, for web pages"),
	ROUTE("/get-artifact", false, PERMISSION_VIEW, METRICS_ARTIFACTS, GET_, run_artifact_handle, "one file of a run"),
	ROUTE("/model-versions/get-artifact", false, PERMISSION_VIEW, METRICS_ARTIFACTS, GET_, version_artifact_handle,
		"one file of a model version"),
	ROUTE("/ajax-api/2.0/mlflow/logged-models/", true, PERMISSION_INNER, METRICS_REGISTRY, ALL_, logged_models_handle,
		"…/{model_id}/artifacts/files?artifact_file_path=…: one file of a logged model; else the registry's calls"),
	ROUTE("/ajax-api/2.0/mlflow/upload-artifact", false, PERMISSION_MANAGE, METRICS_ARTIFACTS, POST_,
		upload_artifact_handle, "a small file of a run, as web pages send it"),
	ROUTE("/ajax-api/2.0/mlflow/gateway-proxy", false, PERMISSION_QUERY, METRICS_REGISTRY, GET_ | POST_, gateway_handle,
		"MLflow's web pages through to a gateway of models (--gateway); without one it has no endpoints"),
	ROUTE("/graphql", false, PERMISSION_INNER, METRICS_REGISTRY, POST_, registry_handle,
		"the embedded registry by GraphQL, as MLflow's web pages ask it"),
	ROUTE("/api/3.0/mlflow/", true, PERMISSION_INNER, METRICS_REGISTRY, ALL_, registry_handle,
		"evaluation datasets and scorers: [its calls](registry.md)"),
	ROUTE("/ajax-api/3.0/mlflow/", true, PERMISSION_INNER, METRICS_REGISTRY, ALL_, registry_handle,
		"the same, for web pages"),
	ROUTE("/api/2.0/mlflow/", true, PERMISSION_INNER, METRICS_REGISTRY, ALL_, registry_handle,
		"the embedded registry: [its calls](registry.md)"),
	ROUTE("/ajax-api/2.0/mlflow/", true, PERMISSION_INNER, METRICS_REGISTRY, ALL_, registry_handle,
		"the same, for web pages"),
};
enum { ROUTE_COUNT = sizeof(ROUTES) / sizeof(ROUTES[0]) };

const struct route *route_table(size_t *ret_count)
{
	*ret_count = ROUTE_COUNT;
	return ROUTES;
}

static const struct route *find(struct str path)
{
	if (path.len > 1 && path.data[path.len - 1] == '/')
		path.len--;
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (ROUTES[i].is_prefix ? str_starts(path, str_of(ROUTES[i].path))
					: str_is(path, ROUTES[i].path))
			return &ROUTES[i];
	return NULL;
}

static const char *allow_of(const struct route *route)
{
	if (route->methods == (GET_ | POST_))
		return "GET, HEAD, POST";
	return route->methods == POST_ ? "POST" : "GET, HEAD";
}

/* A body on a request that nothing here answers is how requests are smuggled: it is refused and the
 * connection closed rather than answered and reused (RFC 9110 sections 9.3.1 and 9.3.5). A POST is
 * somebody's mistyped path: 404. */
static bool has_stray_body(const struct http_request *request)
{
	return request->body.len > 0 && request->method != HTTP_POST;
}

static bool is_api(struct str path)
{
	return str_starts(path, STR("/api/"));
}

/* MLflow's clients take a 404 that is no JSON as an older server's, and fall back to what those had. */
static bool is_mlflow(struct str path)
{
	struct str part;

	if (!is_api(path))
		return str_starts(path, STR("/ajax-api/")) || str_starts(path, STR("/v1/"));
	path = (struct str){path.data + 5, path.len - 5};
	str_cut(&path, '/', &part);
	return str_starts(path, STR("mlflow"));
}

static void refuse(struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	const struct route *route = exchange->route;
	const char *allow = route != NULL ? allow_of(route) : NULL;
	struct error err;

	if (route == NULL && is_mlflow(request->path)) {
		exchange->is_closing = request->body.len > 0;
		exchange_text(exchange, 404, "text/plain; charset=utf-8", STR("Not Found"));
		return;
	}
	if (route == NULL && is_api(request->path))
		/* databricks-sdk takes another answer for a mistake of its own and asks for a bug report. */
		error_set(&err, ERR_NO_ENDPOINT, "No API found for '%.*s %.*s'", STR_ARGS(request->method_text),
			STR_ARGS(request->path));
	else if (route == NULL)
		error_set(&err, ERR_NOT_FOUND, "no such path '%.*s'; paths are %s", STR_ARGS(request->path),
			"POST /invocations and /serving-endpoints/NAME/invocations, GET /ping, /health, /live, /ready, /version, "
			"/metrics and what is below /api/2.0");
	else
		error_set(&err, ERR_METHOD_NOT_ALLOWED, "%.*s is not allowed on %s; use %s",
			STR_ARGS(request->method_text), route->path, allow);
	if (has_stray_body(request)) {
		err.code = ERR_BAD_REQUEST;
		exchange->is_closing = true;
	}
	exchange_error(exchange, &err, allow);
}

/* Before the body was read, perhaps: it is not waited for. */
static void refuse_access(struct exchange *exchange, const struct error *err)
{
	exchange->is_closing = exchange->request->body.len > 0;
	exchange_error(exchange, err, NULL);
}

void route_request(struct http_request *request, void *data)
{
	struct exchange *exchange = arena_zalloc(request->arena, sizeof(*exchange));
	struct error err;

	exchange->request = request;
	exchange->worker = data;
	exchange->route = find(request->path);
	request->data = exchange;
	if (exchange->route == NULL || (exchange->route->methods & 1u << request->method) == 0)
		refuse(exchange);
	else if (permit_route(exchange, &err))
		exchange->route->handle(exchange);
	else
		refuse_access(exchange, &err);
}

/* An artifact may be of any size; all other bodies are short, and wanted whole. */
bool route_on_head(enum http_method method, struct str path, uint64_t *ret_body_max, void *data)
{
	const struct worker *worker = data;
	const struct route *route = method == HTTP_PUT ? find(path) : NULL;

	if (route == NULL || route->handle != artifacts_handle)
		return false;
	const int64_t size_max = worker->settings->artifact_max;
	*ret_body_max = size_max > 0 ? (uint64_t)size_max : UINT64_MAX;
	return true;
}

/* Databricks' clients take 413 and 415 for a failure of the server, and repeat the request for minutes: measured. */
static int status_for(const struct route *route, int status)
{
	const bool is_theirs = route != NULL && (route->label == METRICS_SERVING || route->label == METRICS_CONTROL);

	return is_theirs && (status == 413 || status == 415) ? 400 : status;
}

int route_on_too_large(struct str path, void *data)
{
	return status_for(find(path), 413);
}

/* Counts and logs: once an exchange, whatever way it ends. */
static void account(struct exchange *exchange, int status, size_t bytes_out)
{
	const struct http_request *request = exchange->request;
	const enum metrics_label label = exchange->route != NULL ? exchange->route->label : METRICS_NO_ROUTE;
	const uint64_t now = clock_ns();
	const uint64_t elapsed = now > request->started_ns ? now - request->started_ns : 0;
	const struct log_field error = exchange->error != NULL ? LOG_TEXT("error", exchange->error)
							       : (struct log_field){0};

	stats_answered(&exchange->worker->metrics.routes[label], status, elapsed);
	entity_account_end(exchange, status, elapsed);
	serving_query_end(exchange);
	log_info("http.request", LOG_STR("method", request->method_text),
		LOG_STR("path", request->path), LOG_INT("status", status),
		LOG_INT("duration_us", (int64_t)(elapsed / 1000)),
		LOG_INT("bytes_in", (int64_t)(request->body.len + exchange->received)),
		LOG_INT("bytes_out", (int64_t)bytes_out), LOG_INT("rows", (int64_t)exchange->rows),
		LOG_INT("rows_failed", (int64_t)exchange->rows_failed),
		exchange->entity != NULL ? LOG_TEXT("endpoint", exchange->endpoint->name) : error,
		exchange->entity != NULL ? LOG_TEXT("served_entity", exchange->entity->name) : (struct log_field){0},
		exchange->entity != NULL ? LOG_TEXT("entity_version", exchange->entity->version) : (struct log_field){0},
		exchange->entity != NULL ? error : (struct log_field){0});
}

static void finish(struct exchange *exchange, const struct http_answer *answer)
{
	permit_seal(exchange, answer->status);
	account(exchange, answer->status,
		answer->take_body != NULL ? answer->take_body->len : answer->body.len);
	http_answer(exchange->request, answer);
}

void exchange_text(struct exchange *exchange, int status, const char *content_type, struct str body)
{
	finish(exchange, &(struct http_answer){.status = status,
				 .content_type = content_type,
				 .body = body,
				 .is_closing = exchange->is_closing});
}

/* Clients of endpoints learn which entity answered. */
static const struct str SERVED_NAME = {"served-model-name", 17};

static void add_served_name(const struct exchange *exchange, struct http_field *field, struct http_answer *answer)
{
	if (exchange->entity == NULL || answer->field_count > 0)
		return;
	*field = (struct http_field){SERVED_NAME, str_of(exchange->entity->name)};
	answer->fields = field;
	answer->field_count = 1;
}

void exchange_body(
	struct exchange *exchange, int status, const char *content_type, struct buf *take_body)
{
	struct http_answer answer = {.status = status, .content_type = content_type, .take_body = take_body};
	struct http_field field;

	add_served_name(exchange, &field, &answer);
	finish(exchange, &answer);
}

void exchange_json(struct exchange *exchange, int status, struct buf *take_body)
{
	exchange_body(exchange, status, "application/json", take_body);
}

void exchange_token(struct exchange *exchange, int status, bool asks_basic, struct buf *take_body)
{
	const struct http_field fields[] = {{STR("Cache-Control"), STR("no-store")}, {STR("WWW-Authenticate"), STR("Basic")}};

	finish(exchange, &(struct http_answer){
				 .status = status,
				 .content_type = "application/json",
				 .fields = fields,
				 .field_count = status == 401 && asks_basic ? 2 : 1,
				 .is_closing = exchange->is_closing,
				 .take_body = take_body,
			 });
}

void exchange_stream_start(struct exchange *exchange, const char *content_type)
{
	struct http_field fields[2];
	struct http_answer answer = {.status = 200, .content_type = content_type};

	permit_seal(exchange, answer.status);
	add_served_name(exchange, &fields[0], &answer);
	answer.fields = fields;
	/* Of events that somebody waits for, no proxy keeps any back. */
	if (strcmp(content_type, "text/event-stream") == 0)
		fields[answer.field_count++] = (struct http_field){STR("Cache-Control"), STR("no-cache")};
	http_stream_start(exchange->request, &answer);
}

bool exchange_stream_write(struct exchange *exchange, struct str data)
{
	exchange->streamed += data.len;
	return http_stream_write(exchange->request, data);
}

void exchange_stream_end(struct exchange *exchange, bool is_whole)
{
	if (!is_whole && exchange->error == NULL)
		exchange->error = "the stream was cut";
	if (!is_whole && exchange->error_code == ERR_NONE)
		exchange->error_code = ERR_CANCELLED;
	if (!is_whole && exchange->status == 0)
		exchange->status = error_info(ERR_CANCELLED)->http_status;
	account(exchange, is_whole ? 200 : exchange->status, exchange->streamed);
	http_stream_end(exchange->request, is_whole);
}

void exchange_stream_error(struct exchange *exchange, struct buf *out, const struct error *err)
{
	const bool was_openai = exchange->is_openai;

	exchange->error = arena_strdup(exchange->request->arena, err->text);
	exchange->error_code = err->code;
	exchange->status = status_for(exchange->route, error_info(err->code)->http_status);
	/* OpenAI's clients know an event of an error by this member, whatever the path. */
	exchange->is_openai = true;
	buf_add_text(out, "data: ");
	exchange_error_write(out, exchange, err);
	buf_add_text(out, "\n\n");
	exchange->is_openai = was_openai;
}

static void on_file_end(struct http_request *request, int status, uint64_t sent, bool is_whole)
{
	struct exchange *exchange = request->data;

	if (!is_whole)
		exchange->error = "the file was cut";
	account(exchange, is_whole ? status : error_info(ERR_CANCELLED)->http_status, sent);
}

void exchange_file(struct exchange *exchange, struct http_file *file)
{
	struct error err;

	permit_seal(exchange, 200);
	file->pool = exchange->worker->server->registry_pool;
	file->owner = &exchange->worker->server->transfers;
	file->on_end = on_file_end;
	if (!http_file_answer(exchange->request, file, &err))
		exchange_error(exchange, &err, NULL);
}

/* OpenAI's words: platform.openai.com/docs/guides/error-codes. */
static const char *openai_type(int status)
{
	static const struct {
		int status;
		const char *type;
	} TYPES[] = {
		{401, "authentication_error"},
		{403, "permission_error"},
		{404, "not_found_error"},
		{429, "rate_limit_error"},
	};

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++)
		if (status == TYPES[i].status)
			return TYPES[i].type;
	return status < 500 ? "invalid_request_error" : "server_error";
}

void exchange_error_write(struct buf *out, const struct exchange *exchange, const struct error *err)
{
	const struct error_info *info = error_info(err->code);

	buf_add_text(out, "{\"error_code\":");
	json_write_string(out, str_of(info->error_code));
	buf_add_text(out, ",\"message\":");
	json_write_string(out, str_of(err->text));
	if (exchange->is_openai) {
		buf_add_text(out, ",\"error\":{\"message\":");
		json_write_string(out, str_of(err->text));
		buf_printf(out, ",\"type\":\"%s\",\"param\":", openai_type(info->http_status));
		if (exchange->param != NULL)
			json_write_string(out, str_of(exchange->param));
		else
			buf_add_text(out, "null");
		buf_printf(out, ",\"code\":\"%s\"}", info->error_code);
	}
	buf_add_char(out, '}');
}

void exchange_error(struct exchange *exchange, const struct error *err, const char *allow)
{
	const struct error_info *info = error_info(err->code);
	struct http_field fields[4];
	struct buf body = {0};
	size_t count = 0;

	if (allow != NULL)
		fields[count++] = (struct http_field){STR("Allow"), str_of(allow)};
	if (err->code == ERR_UNAUTHENTICATED)
		fields[count++] = (struct http_field){STR("WWW-Authenticate"), STR("Bearer realm=\"sluice\"")};
	if (exchange->retry_after_s > 0)
		fields[count++] = (struct http_field){STR("Retry-After"),
			str_of(arena_printf(exchange->request->arena, "%u", exchange->retry_after_s))};
	if (exchange->entity != NULL)
		fields[count++] = (struct http_field){SERVED_NAME, str_of(exchange->entity->name)};
	exchange_error_write(&body, exchange, err);
	exchange->error = err->text;
	exchange->error_code = err->code;
	finish(exchange, &(struct http_answer){
				 .status = status_for(exchange->route, info->http_status),
				 .content_type = "application/json",
				 .fields = fields,
				 .field_count = count,
				 .is_closing = exchange->is_closing,
				 .take_body = &body,
			 });
	buf_done(&body);
}
