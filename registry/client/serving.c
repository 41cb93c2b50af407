/* Calls on serving endpoints: one each, but for the history, which comes in pages. */
#include "client/serving.h"

#include "client/ask.h"

struct serving {
	struct operation op;
	struct client_call call;
	struct json answer, *ret;
	const char *list;     /* the member that *ret gets; NULL: all of the answer */
	struct str *ret_text; /* … as text */
	size_t max;           /* of the history */
};

static struct next ask_server(void *self);
static struct next on_answer(void *self);
static struct next ask_page(void *self);
static struct next on_page(void *self);

static const char *path_of(struct arena *arena, struct str name, const char *rest)
{
	struct buf out = {0};

	buf_add_text(&out, "/api/2.0/serving-endpoints/");
	url_encode(&out, name, false);
	buf_add_text(&out, rest);
	const char *path = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return path;
}

static struct serving *serving_new(
	struct client *client, struct arena *arena, const char *method, const char *path, struct json *ret)
{
	struct serving *serving = operation_new(client, arena, sizeof(*serving));

	serving->call = (struct client_call){.method = method,
		.path = path,
		.effect = strcmp(method, "GET") == 0 ? CALL_READS : CALL_CREATES,
		.is_serving = true};
	serving->ret = ret;
	return serving;
}

static struct operation *start(struct serving *serving)
{
	return operation_start(&serving->op, ask_server);
}

static struct next ask_server(void *self)
{
	struct serving *serving = self;
	struct operation *op = &serving->op;

	return operation_try(op, client_call(op->client, op->arena, &serving->call, &serving->answer), on_answer);
}

/* What an unknown path means depends on who does not know it. */
static struct next refuse(struct serving *serving)
{
	struct operation *op = &serving->op;
	const struct site *site = op->client->serving;
	const char *what = strrchr(serving->call.path, '/') + 1;

	if (serving->op.child_err.code != ERR_NOT_IMPLEMENTED)
		return operation_fail_as_child(op);
	if (!site->target->is_databricks && site->flavour != FLAVOUR_SLUICE)
		error_set(&op->flow.err, ERR_NOT_IMPLEMENTED,
			"'%s' is no server of endpoints: name a sluiced or a Databricks workspace (--serving URI)",
			site->target->uri);
	else
		error_set(&op->flow.err, ERR_NOT_IMPLEMENTED, "'%s' does not know the call '%s'; the URI is the server's, without a path (%s)",
			site->target->uri, what, serving->op.child_err.text);
	return next_fail(&op->flow, NULL);
}

static struct next on_answer(void *self)
{
	struct serving *serving = self;
	const struct json *member = serving->list != NULL ? json_get(&serving->answer, str_of(serving->list)) : NULL;

	if (serving->op.child_err.code != ERR_NONE)
		return refuse(serving);
	if (serving->ret_text != NULL)
		*serving->ret_text = json_str(member);
	else if (serving->list != NULL)
		*serving->ret = json_type(member) == JSON_ARRAY ? *member : json_array();
	else if (serving->ret != NULL)
		*serving->ret = serving->answer;
	return next_done();
}

struct operation *client_endpoint_get(struct client *client, struct arena *arena, struct str name, struct json *ret)
{
	return start(serving_new(client, arena, "GET", path_of(arena, name, ""), ret));
}

struct operation *client_endpoints_list(struct client *client, struct arena *arena, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "GET", "/api/2.0/serving-endpoints", ret);

	serving->list = "endpoints";
	return start(serving);
}

struct operation *client_endpoint_create(
	struct client *client, struct arena *arena, const struct json *body, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "POST", "/api/2.0/serving-endpoints", ret);

	serving->call.body = *body;
	return start(serving);
}

struct operation *client_endpoint_update(
	struct client *client, struct arena *arena, struct str name, const struct json *config, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "PUT", path_of(arena, name, "/config"), ret);

	serving->call.body = *config;
	return start(serving);
}

struct operation *client_endpoint_delete(struct client *client, struct arena *arena, struct str name)
{
	struct serving *serving = serving_new(client, arena, "DELETE", path_of(arena, name, ""), NULL);

	serving->call.effect = CALL_CHANGES;
	return start(serving);
}

struct operation *client_endpoint_stop(struct client *client, struct arena *arena, struct str name, struct json *ret)
{
	return start(serving_new(client, arena, "POST", path_of(arena, name, "/config:stop"), ret));
}

struct operation *client_endpoint_start(struct client *client, struct arena *arena, struct str name, struct json *ret)
{
	return start(serving_new(client, arena, "POST", path_of(arena, name, "/config:start"), ret));
}

struct operation *client_endpoint_events(struct client *client, struct arena *arena, struct str name, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "GET", path_of(arena, name, "/events"), ret);

	serving->list = "events";
	return start(serving);
}

struct operation *client_endpoint_logs(
	struct client *client, struct arena *arena, struct str name, struct str served, bool is_build, struct str *ret)
{
	struct buf rest = {0};

	buf_add_text(&rest, "/served-models/");
	url_encode(&rest, served, false);
	buf_add_text(&rest, is_build ? "/build-logs" : "/logs");
	struct serving *serving = serving_new(client, arena, "GET", path_of(arena, name, buf_text(&rest)), NULL);
	buf_done(&rest);
	serving->list = "logs";
	serving->ret_text = ret;
	return start(serving);
}

struct operation *client_endpoint_openapi(struct client *client, struct arena *arena, struct str name, struct json *ret)
{
	return start(serving_new(client, arena, "GET", path_of(arena, name, "/openapi"), ret));
}

struct operation *client_endpoint_metrics(struct client *client, struct arena *arena, struct str name, struct str *ret)
{
	const struct call_spec spec = {
		.call = {.method = "GET",
			.path = path_of(arena, name, "/metrics"),
			.effect = CALL_READS,
			.is_serving = true},
		.is_asked_once = true,
		.ret_body = ret,
	};

	return call_start(client, arena, &spec, NULL);
}

struct operation *client_endpoint_rollback(
	struct client *client, struct arena *arena, struct str name, int64_t config_version, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "POST", path_of(arena, name, "/rollback"), ret);

	serving->call.body = json_object();
	if (config_version > 0)
		json_set(arena, &serving->call.body, STR("config_version"), json_integer(config_version));
	return start(serving);
}

struct operation *client_endpoint_history(
	struct client *client, struct arena *arena, struct str name, size_t max, struct json *ret)
{
	struct serving *serving = serving_new(client, arena, "GET", path_of(arena, name, "/config-versions"), ret);

	serving->max = max;
	*ret = json_array();
	return operation_start(&serving->op, ask_page);
}

static struct next ask_page(void *self)
{
	struct serving *serving = self;
	struct operation *op = &serving->op;

	return operation_try(op, client_call(op->client, op->arena, &serving->call, &serving->answer), on_page);
}

static struct next on_page(void *self)
{
	struct serving *serving = self;
	const struct json *list = json_get(&serving->answer, STR("config_versions"));
	const struct json *below = json_get(&serving->answer, STR("next_below"));

	if (serving->op.child_err.code != ERR_NONE)
		return refuse(serving);
	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size && serving->ret->size < serving->max; i++)
		json_append(serving->op.arena, serving->ret, list->items[i]);
	if (json_type(below) != JSON_INTEGER || serving->ret->size >= serving->max)
		return next_done();
	serving->call.query = json_object();
	json_set(serving->op.arena, &serving->call.query, STR("below"), *below);
	return next_step(ask_page);
}

/* ---- queries ---- */

struct operation *client_endpoint_query(struct client *client, struct arena *arena, struct str name, struct str served,
	const struct json *body, struct client_answer *ret)
{
	struct buf path = {0};

	*ret = (struct client_answer){0};
	buf_add_text(&path, "/serving-endpoints/");
	url_encode(&path, name, false);
	if (served.len > 0) {
		buf_add_text(&path, "/served-models/");
		url_encode(&path, served, false);
	}
	buf_add_text(&path, "/invocations");
	const struct call_spec spec = {
		.call = {.method = "POST",
			.path = arena_memdup(arena, path.data, path.len),
			.body = *body,
			.effect = CALL_CREATES,
			.is_serving = true},
		.is_asked_once = true,
		.ret_answer = ret,
	};
	buf_done(&path);
	return call_start(client, arena, &spec, NULL);
}
