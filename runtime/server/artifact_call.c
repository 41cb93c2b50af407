#include "server/artifact_call.h"

#include "base/json.h"
#include "rest/rest_decode.h"

static void on_pool(struct work *work)
{
	struct artifact_call *call = (struct artifact_call *)work;

	call->registry = server_registry(call->exchange->worker->server, &work->err);
	if (call->registry != NULL)
		call->run(call, &work->err);
}

static void on_done(struct work *work)
{
	struct artifact_call *call = (struct artifact_call *)work;

	if (work->err.code == ERR_NONE)
		call->done(call);
	else if (call->is_in_detail && work->err.code == ERR_INVALID_PARAMETER)
		artifact_answer_detail(call->exchange, 400, work->err.text);
	else
		exchange_error(call->exchange, &work->err, NULL);
}

struct artifact_call *artifact_call_new(struct exchange *exchange, struct str path)
{
	struct arena *arena = exchange->request->arena;
	struct artifact_call *call = arena_zalloc(arena, sizeof(*call));
	struct error err;

	call->exchange = exchange;
	call->fd = -1;
	call->work.run = on_pool;
	call->work.done = on_done;
	if (artifact_path_check(arena, path, &call->shown, &err) &&
		artifact_path_normalise(arena, call->shown, &call->path, &err))
		return call;
	exchange_error(exchange, &err, NULL);
	return NULL;
}

struct artifact_call *artifact_call_below(struct exchange *exchange, struct str path)
{
	struct artifact_call *call = artifact_call_new(exchange, path);
	struct error err;

	if (call == NULL || call->path.len > 0)
		return call;
	error_set(&err, ERR_INVALID_PARAMETER, "Invalid path");
	exchange_error(exchange, &err, NULL);
	return NULL;
}

void artifact_call_submit(struct artifact_call *call)
{
	struct worker *worker = call->exchange->worker;
	struct error err;

	if (!worker_submit(worker->server->registry_pool, worker->loop, &call->work, &err))
		exchange_error(call->exchange, &err, NULL);
}

void artifact_answer_detail(struct exchange *exchange, int status, const char *message)
{
	struct buf body = {0};

	buf_add_text(&body, "{\"detail\":");
	json_write_string(&body, str_of(message));
	buf_add_char(&body, '}');
	exchange->error = arena_strdup(exchange->request->arena, message);
	exchange_json(exchange, status, &body);
	buf_done(&body);
}

struct str artifact_query(const struct exchange *exchange, const char *name)
{
	struct arena *arena = exchange->request->arena;
	struct str rest = exchange->request->query, value = {NULL, 0};

	while (rest.len > 0) {
		struct str pair, key;

		str_cut(&rest, '&', &pair);
		str_cut(&pair, '=', &key);
		if (!rest_unescape(arena, key, true, &key) || !str_is(key, name))
			continue;
		if (rest_unescape(arena, pair, true, &value))
			return value.data != NULL ? value : STR("");
	}
	return (struct str){NULL, 0};
}
