/*
 * /api/2.0/serving-endpoints…: the control plane's calls (control/control.h). They block, so they run on a worker pool:
 *
 *	control_find → on_pool: control_answer → on_done: { what it set going ends within a second, mostly → answer
 *	                                                   | answer }
 */
#include "rest/rest_decode.h"
#include "server/permit.h"

#include <stdlib.h>

/* Most deployments take milliseconds: a client that polls then asks once. */
enum { PATIENCE_MS = 1000 };

struct control_exchange {
	struct work work;
	struct exchange *exchange;
	struct control_request request;
	struct control_match match;
	struct control_answer answer;
	struct deployer_waiter waiter;
};

static void on_pool(struct work *work)
{
	struct control_exchange *call = (struct control_exchange *)work;
	struct server *server = call->exchange->worker->server;
	struct registry *registry = server_registry(server, &work->err);
	/* Of a server of one bundle: tokens and secrets, but no endpoints. */
	struct control without_endpoints = {.registry = registry, .access = server->access, .secrets = server->secrets};

	if (registry != NULL)
		control_answer(server->has_control ? &server->control : &without_endpoints, &call->match, &call->request,
			call->exchange->request->arena, &call->answer, &work->err);
}

static void answer(struct control_exchange *call)
{
	struct buf body = call->answer.body;
	const char *content_type = call->answer.content_type;

	/* The exchange takes the call's memory with it. */
	exchange_body(call->exchange, 200, content_type, &body);
	buf_done(&body);
}

static void on_deployment_end(struct deployer_waiter *waiter)
{
	answer((struct control_exchange *)((char *)waiter - offsetof(struct control_exchange, waiter)));
}

static void on_done(struct work *work)
{
	struct control_exchange *call = (struct control_exchange *)work;
	struct worker *worker = call->exchange->worker;

	if (work->err.code != ERR_NONE) {
		exchange_error(call->exchange, &work->err, NULL);
		return;
	}
	if (call->answer.waits_for == NULL) {
		answer(call);
		return;
	}
	call->waiter = (struct deployer_waiter){.on_end = on_deployment_end, .loop = worker->loop};
	deployer_wait(worker->server->control.deployer, call->answer.waits_for, PATIENCE_MS, &call->waiter);
}

static void refuse(struct exchange *exchange, const struct control_match *match)
{
	const struct str method = exchange->request->method_text, path = exchange->request->path;
	struct error err;

	exchange->is_closing = exchange->request->body.len > 0;
	if (match->allow[0] == '\0') {
		error_set(&err, ERR_NO_ENDPOINT, "No API found for '%.*s %.*s'%s", STR_ARGS(method), STR_ARGS(path),
			str_ends(path, STR("/invocations")) ? "; endpoints are asked at /serving-endpoints/NAME/invocations"
							    : "");
		exchange_error(exchange, &err, NULL);
		return;
	}
	error_set(&err, ERR_METHOD_NOT_ALLOWED, "%.*s is not allowed on %.*s; use %s", STR_ARGS(method), STR_ARGS(path),
		match->allow);
	exchange_error(exchange, &err, match->allow);
}

static void fill_request(const struct http_request *request, struct control_request *ret)
{
	struct str rest = request->target, path;

	str_cut(&rest, '?', &path);
	*ret = (struct control_request){
		.method = request->method == HTTP_HEAD ? STR("GET") : request->method_text,
		.path = str_starts(path, STR("/")) ? path : request->path, /* RFC 9112 3.2.2: absolute form */
		.query = request->query,
		.body = request->body,
		.who = request_who(request),
		.why = request_why(request),
		.host = http_field_get(request, "host"),
		.accept = http_field_get(request, "accept"),
	};
}

/* On the endpoint that is named in the path, or on everything. */
static bool permit_call(struct exchange *exchange, const struct control_match *match)
{
	struct str name = {NULL, 0};
	struct error err;

	if (strstr(match->rpc->path, "{name}") != NULL &&
		!rest_unescape(exchange->request->arena, match->ids[0], false, &name)) {
		error_set(&err, ERR_BAD_REQUEST, "a broken escape in the path near '%.*s'", STR_ARGS(match->ids[0]));
		exchange_error(exchange, &err, NULL);
		return false;
	}
	return permit_or_refuse(exchange, match->rpc->permission, name);
}

void control_handle(struct exchange *exchange)
{
	struct server *server = exchange->worker->server;
	struct control_exchange *call = arena_zalloc(exchange->request->arena, sizeof(*call));
	struct error err;

	call->exchange = exchange;
	fill_request(exchange->request, &call->request);
	control_find(&call->request, &call->match);
	if (call->match.rpc == NULL) {
		refuse(exchange, &call->match);
		return;
	}
	if (!server->has_control && exchange->route->label == METRICS_CONTROL) {
		error_set(&err, ERR_NOT_FOUND,
			"this server serves one bundle (--bundle): start sluiced without it for endpoints");
		exchange_error(exchange, &err, NULL);
		return;
	}
	if (!permit_call(exchange, &call->match))
		return;
	call->request.principal = &exchange->principal;
	call->work.run = on_pool;
	call->work.done = on_done;
	if (!worker_submit(server->registry_pool, exchange->worker->loop, &call->work, &err))
		exchange_error(exchange, &err, NULL);
}

/* ---- following aliases ---- */

struct follow_work {
	struct work work;
	struct server *server;
};

static void follow_on_pool(struct work *work)
{
	control_follow(&((struct follow_work *)work)->server->control);
}

static void on_followed(struct work *work)
{
	struct follow_work *follow = (struct follow_work *)work;
	struct server *server = follow->server;

	free(follow);
	server->is_following = false;
	if (server->is_stopping) {
		control_end(server);
	} else if (server->follows_again) {
		server->follows_again = false;
		control_on_deployed(server);
	} else if (server->origin.target != NULL) {
		timer_start(&server->follow_timer, (uint64_t)server->settings->registry_poll_ms);
	}
}

void control_on_deployed(void *data)
{
	struct server *server = data;
	struct follow_work *follow;
	struct error ignored;

	server->follows_again = server->is_following;
	if (server->is_following || server->is_stopping)
		return;
	follow = calloc(1, sizeof(*follow));
	if (follow == NULL)
		abort();
	follow->server = server;
	follow->work.run = follow_on_pool;
	follow->work.done = on_followed;
	server->is_following = worker_submit(server->registry_pool, server->workers[0].loop, &follow->work, &ignored);
	if (!server->is_following)
		free(follow);
}

void control_poll(struct server *server)
{
	timer_init(&server->follow_timer, server->workers[0].loop, control_on_deployed, server);
	timer_start(&server->follow_timer, (uint64_t)server->settings->registry_poll_ms);
}
