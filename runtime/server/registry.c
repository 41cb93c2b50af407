/*
 * /api/2.0/mlflow/…: the embedded registry's calls (registry/rest/rest.h). They block, so they run on the worker pool:
 *
 *	rest_find → on_pool: open the registry, rest_answer → on_done: answer
 *
 * A client that leaves meanwhile loses its answer, not the work.
 */
#include "rest/rest.h"

#include "server/permit.h"

struct registry_call {
	struct work work;
	struct exchange *exchange;
	struct rest_request request;
	struct rest_match match;
	struct buf body;
};

static void on_pool(struct work *work)
{
	struct registry_call *call = (struct registry_call *)work;
	struct server *server = call->exchange->worker->server;
	struct registry *registry = server_registry(server, &work->err);

	if (registry == NULL || !rest_answer(registry, &call->match, &call->request, call->exchange->request->arena,
					&call->body, &work->err))
		return;
	/* Endpoints may follow aliases of this registry, or of another one (--registry). */
	if (server->has_control && server->origin.target == NULL && call->match.moves_aliases)
		control_follow(&server->control);
}

static void on_done(struct work *work)
{
	struct registry_call *call = (struct registry_call *)work;
	struct buf body = call->body;

	/* The exchange takes the call's memory with it. */
	if (work->err.code == ERR_NONE)
		exchange_json(call->exchange, 200, &body);
	else
		exchange_error(call->exchange, &work->err, NULL);
	buf_done(&body);
}

static void fill_request(struct exchange *exchange, struct rest_request *ret)
{
	const struct http_request *request = exchange->request;
	struct str rest = request->target, path;
	str_cut(&rest, '?', &path);
	*ret = (struct rest_request){
		.method = request->method == HTTP_HEAD ? STR("GET") : request->method_text,
		.path = str_starts(path, STR("/")) ? path : request->path, /* RFC 9112 3.2.2: absolute form */
		.query = request->query,
		.content_type = http_field_get(request, "content-type"),
		.body = request->body,
	};
	ret->who = request_who(request);
	ret->why = request_why(request);
}

static void refuse(struct exchange *exchange, const struct rest_match *match)
{
	const struct str method = exchange->request->method_text, path = exchange->request->path;
	struct error err;

	exchange->is_closing = exchange->request->body.len > 0;
	if (match->allow[0] == '\0') {
		exchange_text(exchange, 404, "text/plain; charset=utf-8", STR("Not Found"));
		return;
	}
	error_set(&err, ERR_METHOD_NOT_ALLOWED, "%.*s is not allowed on %.*s; use %s", STR_ARGS(method), STR_ARGS(path),
		match->allow);
	exchange_error(exchange, &err, match->allow);
}

void registry_handle(struct exchange *exchange)
{
	struct registry_call *call = arena_zalloc(exchange->request->arena, sizeof(*call));
	struct error err;

	call->exchange = exchange;
	fill_request(exchange, &call->request);
	rest_find(&call->request, &call->match);
	if (call->match.rpc == NULL) {
		refuse(exchange, &call->match);
		return;
	}
	if (!permit_or_refuse(exchange, call->match.rpc->permission, (struct str){NULL, 0}))
		return;
	call->work.run = on_pool;
	call->work.done = on_done;
	if (!worker_submit(exchange->worker->server->registry_pool, exchange->worker->loop, &call->work, &err))
		exchange_error(exchange, &err, NULL);
}

/* Without multipart transfers and workspaces, which clients then leave alone (docs/protocol/MLFLOW_REST.md 0.9). */
void server_info_handle(struct exchange *exchange)
{
	exchange_text(exchange, 200, "application/json",
		STR("{\"store_type\":\"SqlStore\",\"workspaces_enabled\":false,\"trace_archival_enabled\":false,"
		    "\"multipart_uploads_enabled\":false,\"multipart_downloads_enabled\":false}"));
}
