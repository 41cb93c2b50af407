/*
 * /ajax-api/2.0/mlflow/gateway-proxy: MLflow's web pages ask a gateway of models through the tracking server.
 *
 *	gateway_path, json_data → the two calls that are let through → fetch → its answer
 *
 *	GET api/2.0/endpoints, POST gateway/{name}/invocations
 *
 * Without --gateway there is none, which is said as if it had no endpoints. Source: MLflow 3.17.2 server/handlers.py
 * (gateway_proxy_handler), whose messages these are.
 */
#include "base/json.h"
#include "server/artifact_call.h"
#include "server/route.h"

struct gateway_call {
	struct exchange *exchange;
	struct fetch *fetch; /* NULL: over */
};

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;
	struct gateway_call *call = exchange->gateway;

	if (call->fetch != NULL)
		fetch_cancel(call->fetch);
}

static void on_answer(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct gateway_call *call = data;
	struct error failed;
	struct buf body = {0};

	call->fetch = NULL;
	call->exchange->request->on_gone = NULL;
	if (reply == NULL) {
		exchange_error(call->exchange, err, NULL);
	} else if (reply->status != 200) {
		error_set(&failed, ERR_UPSTREAM, "Deployments proxy request failed with error code %d. Error message: %.*s",
			reply->status, STR_ARGS(str_clip(reply->body, ERROR_TEXT_MAX / 2)));
		exchange_error(call->exchange, &failed, NULL);
	} else {
		buf_add_str(&body, reply->body);
		exchange_json(call->exchange, 200, &body);
		buf_done(&body);
	}
}

/* "gateway/{name}/invocations": a name that needs no escape in a URL. */
static bool is_invocation(struct str path)
{
	static const struct str HEAD = {"gateway/", 8}, TAIL = {"/invocations", 12};

	if (!str_starts(path, HEAD) || !str_ends(path, TAIL) || path.len <= HEAD.len + TAIL.len)
		return false;
	for (size_t i = HEAD.len; i < path.len - TAIL.len; i++) {
		const char c = path.data[i];
		const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_plain && (c == '\0' || strchr("-_.~", c) == NULL))
			return false;
	}
	return path.data[HEAD.len] != '.';
}

static struct str without_slashes(struct str path)
{
	while (path.len > 0 && path.data[0] == '/')
		path = (struct str){path.data + 1, path.len - 1};
	while (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	return path;
}

static bool check_path(struct str *path, bool is_post, struct error *err)
{
	const struct str asked = str_clip(*path, 200);

	if (path->len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "Deployments proxy request must specify a gateway_path.");
	*path = without_slashes(*path);
	return (is_post ? is_invocation(*path) : str_is(*path, "api/2.0/endpoints")) ||
	       error_set(err, ERR_INVALID_PARAMETER, "Invalid gateway_path: %.*s for method: %s", STR_ARGS(asked),
		       is_post ? "POST" : "GET");
}

/* What is asked, and with what. */
static bool read_request(const struct exchange *exchange, struct str *ret_path, struct json *ret_data, struct error *err)
{
	const struct http_request *request = exchange->request;
	const bool is_post = request->method == HTTP_POST;
	struct json body = {0};

	*ret_data = (struct json){0};
	*ret_path = is_post ? (struct str){NULL, 0} : artifact_query(exchange, "gateway_path");
	if (is_post) {
		if (!json_read(request->arena, request->body, &body, err))
			return false;
		*ret_path = json_str(json_get(&body, STR("gateway_path")));
		const struct json *data = json_get(&body, STR("json_data"));
		if (data != NULL)
			*ret_data = *data;
	}
	return check_path(ret_path, is_post, err);
}

static void start(struct exchange *exchange, struct fetcher *fetcher, struct str path, const struct json *data)
{
	struct arena *arena = exchange->request->arena;
	const struct str base = without_slashes(str_of(exchange->worker->server->settings->gateway));
	const struct fetch_header type = {.name = STR("Content-Type"), .value = STR("application/json")};
	struct gateway_call *call = arena_zalloc(arena, sizeof(*call));
	struct buf body = {0};

	call->exchange = exchange;
	exchange->gateway = call;
	if (data->type != JSON_ABSENT)
		json_write(&body, data);
	const struct fetch_request request = {
		.method = exchange->request->method == HTTP_POST ? "POST" : "GET",
		.url = arena_printf(arena, "%.*s/%.*s", STR_ARGS(base), STR_ARGS(path)),
		.headers = &type,
		.header_count = body.len > 0,
		.body = {arena_memdup(arena, body.data != NULL ? body.data : "", body.len), body.len},
	};
	buf_done(&body);
	exchange->request->on_gone = on_gone;
	call->fetch = fetch_start(fetcher, arena, &request, on_answer, call);
}

void gateway_handle(struct exchange *exchange)
{
	struct fetcher *fetcher;
	struct json data;
	struct error err;
	struct str path;

	if (exchange->worker->server->settings->gateway == NULL) {
		exchange_text(exchange, 200, "application/json", STR("{\"endpoints\":[]}"));
		return;
	}
	fetcher = read_request(exchange, &path, &data, &err) ? worker_fetcher(exchange->worker, &err) : NULL;
	if (fetcher == NULL)
		exchange_error(exchange, &err, NULL);
	else
		start(exchange, fetcher, path, &data);
}
