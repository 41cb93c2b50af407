/*
 * Where Databricks' clients log in (docs/protocol/DATABRICKS.md 0.1, 1.8), and who they are then:
 *
 *	GET /.well-known/databricks-config → oidc_endpoint → GET …/.well-known/oauth-authorization-server → token_endpoint
 *	→ POST /oidc/v1/token (on the pool) → access_token
 */
#include "access/oauth.h"
#include "base/clock.h"
#include "base/json.h"
#include "server/http_parse.h"
#include "server/route.h"

/* As who asks names this server, so that a name he can reach comes back. */
static const char *own_url(const struct exchange *exchange)
{
	struct arena *arena = exchange->request->arena;
	const struct server *server = exchange->worker->server;
	const struct str host = http_field_get(exchange->request, "host");

	if (host.len == 0 || !http_host_is_valid(host))
		return server_url(server, arena);
	return arena_printf(arena, "%s://%.*s", server->tls != NULL ? "https" : "http", STR_ARGS(host));
}

static void answer_object(struct exchange *exchange, struct json object)
{
	struct buf body = {0};

	json_write(&body, &object);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

static void set_url(struct exchange *exchange, struct json *object, const char *name, const char *url, const char *path)
{
	struct arena *arena = exchange->request->arena;

	json_set(arena, object, str_of(name), json_string(str_of(arena_printf(arena, "%s%s", url, path))));
}

void databricks_config_handle(struct exchange *exchange)
{
	struct json object = json_object();

	set_url(exchange, &object, "oidc_endpoint", own_url(exchange), "/oidc");
	/* There is one; without its number w.get_workspace_id() ends in a TypeError. */
	json_set(exchange->request->arena, &object, STR("workspace_id"), json_string(STR("1")));
	answer_object(exchange, object);
}

void oauth_server_handle(struct exchange *exchange)
{
	const char *url = own_url(exchange);
	struct json object = json_object();

	set_url(exchange, &object, "issuer", url, "/oidc");
	set_url(exchange, &object, "authorization_endpoint", url, "/oidc/v1/authorize");
	set_url(exchange, &object, "token_endpoint", url, "/oidc/v1/token");
	answer_object(exchange, object);
}

void me_handle(struct exchange *exchange)
{
	struct arena *arena = exchange->request->arena;
	const struct principal *principal = &exchange->principal;
	const struct str claimed = request_who(exchange->request), name = claimed.len > 0 ? claimed : STR("anonymous");
	struct json object = json_object();

	json_set(arena, &object, STR("id"), json_string(principal->credential.len > 0 ? principal->credential : name));
	json_set(arena, &object, STR("userName"), json_string(name));
	json_set(arena, &object, STR("displayName"), json_string(name));
	json_set(arena, &object, STR("active"), json_bool(true));
	answer_object(exchange, object);
}

/* ---- tokens ---- */

struct token_call {
	struct work work;
	struct exchange *exchange;
	struct oauth_request request;
	struct oauth_answer answer;
};

static void on_pool(struct work *work)
{
	struct token_call *call = (struct token_call *)work;
	struct server *server = call->exchange->worker->server;
	struct registry *registry = server_registry(server, &work->err);

	if (registry != NULL)
		oauth_answer(server->access, registry, call->exchange->request->arena, &call->request, &call->answer,
			&work->err);
}

static void on_done(struct work *work)
{
	struct token_call *call = (struct token_call *)work;
	struct buf body = call->answer.body;

	/* The exchange takes the call's memory with it. */
	if (work->err.code != ERR_NONE)
		exchange_error(call->exchange, &work->err, NULL);
	else
		exchange_token(call->exchange, call->answer.status, call->answer.asks_basic, &body);
	buf_done(&body);
}

void oauth_token_handle(struct exchange *exchange)
{
	struct token_call *call = arena_zalloc(exchange->request->arena, sizeof(*call));
	struct error err;

	call->exchange = exchange;
	call->request = (struct oauth_request){
		.authorization = http_field_get(exchange->request, "authorization"),
		.form = exchange->request->body,
		.now_ms = clock_wall_ms(),
	};
	call->work.run = on_pool;
	call->work.done = on_done;
	if (!worker_submit(exchange->worker->server->registry_pool, exchange->worker->loop, &call->work, &err))
		exchange_error(exchange, &err, NULL);
}
