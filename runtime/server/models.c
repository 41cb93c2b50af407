/* GET /v1/models: what is served, as OpenAI's clients list it. */
#include "server/route.h"

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

static void answer_one(struct exchange *exchange, struct str name, struct str wanted)
{
	struct buf body = {0};
	struct error err;

	if (!str_eq(name, wanted)) {
		error_set(&err, ERR_NOT_FOUND, "no model '%.*s' is served here", STR_ARGS(wanted));
		exchange_error(exchange, &err, NULL);
		return;
	}
	write_model(&body, exchange->worker->server, name);
	exchange_json(exchange, 200, &body);
	buf_done(&body);
}

void models_handle(struct exchange *exchange)
{
	struct bundle *bundle = server_bundle(exchange->worker->server);
	const struct str name = bundle != NULL ? str_of(bundle->name) : (struct str){0};
	const struct str wanted = asked(exchange->request->path);
	struct buf body = {0};

	exchange->is_openai = true;
	if (wanted.len > 0) {
		answer_one(exchange, name, wanted);
	} else {
		buf_add_text(&body, "{\"object\":\"list\",\"data\":[");
		if (bundle != NULL)
			write_model(&body, exchange->worker->server, name);
		buf_add_text(&body, "]}");
		exchange_json(exchange, 200, &body);
		buf_done(&body);
	}
	bundle_unref(bundle);
}
