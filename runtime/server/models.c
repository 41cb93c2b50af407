/* GET /v1/models: what is served, as OpenAI's clients list it: the bundle, and every endpoint that who asks may ask. */
#include "server/permit.h"

#include "base/json.h"

static void write_model(struct buf *out, const struct server *server, struct str name)
{
	buf_add_text(out, "{\"id\":");
	json_write_string(out, name);
	buf_printf(out, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"sluice\"}",
		(long long)(server->started_unix_us / 1000000));
}

/* What follows "/models/" in the path, empty where all are asked for. */
static struct str asked(struct str path)
{
	static const struct str FOLDER = {"/models/", sizeof("/models/") - 1};
	const char *at = memmem(path.data, path.len, FOLDER.data, FOLDER.len);

	if (at == NULL)
		return (struct str){0};
	return (struct str){at + FOLDER.len, (size_t)(path.data + path.len - at) - FOLDER.len};
}

static bool may_ask(const struct exchange *exchange, struct str endpoint)
{
	return (principal_rights(&exchange->principal, endpoint) & (RIGHT_QUERY | RIGHT_VIEW)) != 0;
}

/* On the request's arena. */
static size_t list_names(struct exchange *exchange, const struct bundle *bundle, struct str **ret)
{
	struct server *server = exchange->worker->server;
	struct arena *arena = exchange->request->arena;
	struct endpoint **endpoints = NULL;
	size_t endpoint_count = 0, count = 0;

	if (server->serving != NULL)
		endpoint_count = serving_list(server->serving, arena, &endpoints);

	struct str *names = arena_array(arena, endpoint_count + 1, sizeof(*names));

	if (bundle != NULL && may_ask(exchange, (struct str){NULL, 0}))
		names[count++] = str_of(arena_strdup(arena, bundle->name));
	for (size_t i = 0; i < endpoint_count; i++)
		if (may_ask(exchange, str_of(endpoints[i]->name)))
			names[count++] = str_of(endpoints[i]->name);
	*ret = names;
	return count;
}

static void answer_one(struct exchange *exchange, const struct str *names, size_t count, struct str wanted)
{
	struct buf body = {0};
	struct error err;

	for (size_t i = 0; i < count; i++) {
		if (!str_eq(names[i], wanted))
			continue;
		write_model(&body, exchange->worker->server, names[i]);
		exchange_json(exchange, 200, &body);
		buf_done(&body);
		return;
	}
	error_set(&err, ERR_NOT_FOUND, "no model '%.*s' is served here", STR_ARGS(str_clip(wanted, 200)));
	exchange_error(exchange, &err, NULL);
}

static void answer_all(struct exchange *exchange, const struct str *names, size_t count)
{
	struct buf body = {0};

	buf_add_text(&body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(&body, ',');
		write_model(&body, exchange->worker->server, names[i]);
	}
	buf_add_text(&body, "]}");
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

void models_handle(struct exchange *exchange)
{
	const struct str wanted = asked(exchange->request->path);
	struct str *names;

	exchange->is_openai = true;
	if (!permit_or_refuse(exchange, PERMISSION_KNOWN, (struct str){NULL, 0}))
		return;
	struct bundle *bundle = server_bundle(exchange->worker->server);
	const size_t count = list_names(exchange, bundle, &names);
	if (wanted.len > 0)
		answer_one(exchange, names, count, wanted);
	else
		answer_all(exchange, names, count);
	bundle_unref(bundle);
}
