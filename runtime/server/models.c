/* GET /v1/models: what is served, as OpenAI's clients list it. */
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

static void answer_one(struct exchange *exchange, struct str wanted, bool is_served)
{
	struct buf body = {0};
	struct error err;

	if (!is_served) {
		error_set(&err, ERR_NOT_FOUND, "no model '%.*s' is served here", STR_ARGS(wanted));
		exchange_error(exchange, &err, NULL);
		return;
	}
	write_model(&body, exchange->worker->server, wanted);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

static bool may_ask(const struct exchange *exchange, struct str endpoint)
{
	return (principal_rights(&exchange->principal, endpoint) & (RIGHT_QUERY | RIGHT_VIEW)) != 0;
}

/* The bundle's name, or those of the endpoints that he may ask. */
static size_t served_names(const struct exchange *exchange, struct str **ret)
{
	struct arena *arena = exchange->request->arena;
	struct server *server = exchange->worker->server;
	struct bundle *bundle = server_bundle(server);
	struct endpoint **endpoints;
	const size_t endpoint_count = serving_list(server->serving, arena, &endpoints);
	struct str *names = arena_array(arena, endpoint_count + 1, sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < endpoint_count; i++)
		if (may_ask(exchange, str_of(endpoints[i]->name)))
			names[count++] = str_of(endpoints[i]->name);
	if (bundle != NULL && may_ask(exchange, (struct str){NULL, 0}))
		names[count++] = str_of(arena_strdup(arena, bundle->name));
	bundle_unref(bundle);
	*ret = names;
	return count;
}

void models_handle(struct exchange *exchange)
{
	const struct str wanted = asked(exchange->request->path);
	struct buf body = {0};
	struct str *names;
	bool is_served = false;

	exchange->is_openai = true;
	if (!permit_or_refuse(exchange, PERMISSION_KNOWN, (struct str){NULL, 0}))
		return;
	const size_t count = served_names(exchange, &names);
	buf_add_text(&body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(&body, ',');
		write_model(&body, exchange->worker->server, names[i]);
		is_served = is_served || str_eq(names[i], wanted);
	}
	buf_add_text(&body, "]}");
	if (wanted.len > 0)
		answer_one(exchange, wanted, is_served);
	else
		exchange_json(exchange, 200, &body);
	buf_done(&body);
}
