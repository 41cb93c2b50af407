/*
 * POST /serving-endpoints/{name}/invocations and …/served-models/{served}/invocations: queries of serving endpoints.
 *
 * name → endpoint (serving_find) → entity: named, by what the traffic sticks to, or whose turn it is
 *      → bundle: in memory, or loaded first → rows in, predictions out (invocations.c)
 */
#include "server/route.h"

static const struct str BASE = {"/serving-endpoints/", 19};

struct query {
	struct exchange *exchange;
	struct resident_waiter waiter;
};

static void unref_endpoint(void *data)
{
	endpoint_unref(data);
}

static void fail(struct exchange *exchange, const struct error *err)
{
	exchange_error(exchange, err, NULL);
}

/* ---- which endpoint ---- */

static bool find_endpoint(struct exchange *exchange, struct str name, struct error *err)
{
	struct endpoint *endpoint = serving_find(exchange->worker->server->serving, name);

	if (endpoint == NULL)
		return error_set(err, ERR_NO_ENDPOINT,
			"The given endpoint does not exist, please retry after checking the specified model and version "
			"deployment exists: '%.*s'.",
			STR_ARGS(str_clip(name, 200)));
	exchange->endpoint = endpoint;
	arena_on_end(exchange->request->arena, unref_endpoint, endpoint);
	if (endpoint->is_stopped)
		return error_set(err, ERR_BAD_REQUEST, "endpoint '%s' is stopped: start it first", endpoint->name);
	if (endpoint->not_ready != NULL)
		return error_set(err, endpoint->is_coming ? ERR_UNAVAILABLE : ERR_BAD_REQUEST, "endpoint '%s' is not ready: %s",
			endpoint->name, endpoint->not_ready);
	return true;
}

/* ---- which entity ---- */

/* In the first row. */
static struct str column_value(const struct exchange *exchange, const char *column)
{
	struct arena *arena = exchange->request->arena;
	struct json body, *found = NULL;
	struct error ignored;
	struct buf text = {0};

	if (!json_read(arena, exchange->request->body, &body, &ignored))
		return (struct str){NULL, 0};
	const struct json *records = json_get(&body, STR("dataframe_records"));
	const struct json *split = json_get(&body, STR("dataframe_split")), *columns = json_get(split, STR("columns"));
	if (json_type(records) == JSON_ARRAY && records->size > 0)
		found = (struct json *)json_get(&records->items[0], str_of(column));
	for (size_t i = 0; json_type(columns) == JSON_ARRAY && i < columns->size; i++)
		if (str_is(json_str(&columns->items[i]), column))
			found = (struct json *)json_at(json_get(split, STR("data")), str_of(arena_printf(arena, "0.%zu", i)));
	if (json_type(found) == JSON_ABSENT)
		return (struct str){NULL, 0};
	json_write_canonical(&text, found);
	const struct str value = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return value;
}

static struct entity *pick(struct exchange *exchange)
{
	const struct endpoint *endpoint = exchange->endpoint;
	struct str value = {NULL, 0};

	if (endpoint->sticky == STICKY_HEADER)
		value = http_field_get(exchange->request, endpoint->sticky_by);
	else if (endpoint->sticky == STICKY_COLUMN)
		value = column_value(exchange, endpoint->sticky_by);
	return value.data != NULL ? endpoint_pick_sticky(endpoint, value)
				  : endpoint_pick(endpoint, exchange->worker->ticket++);
}

static bool find_entity(struct exchange *exchange, struct str served, struct error *err)
{
	const struct endpoint *endpoint = exchange->endpoint;

	exchange->entity = served.data != NULL ? endpoint_entity(endpoint, served) : pick(exchange);
	if (exchange->entity != NULL)
		return true;
	if (served.data == NULL)
		return error_set(err, ERR_BAD_REQUEST, "endpoint '%s' has no served entity with traffic", endpoint->name);
	return error_set(err, ERR_NO_ENDPOINT, "endpoint '%s' has no served entity '%.*s'", endpoint->name,
		STR_ARGS(str_clip(served, 200)));
}

/* ---- its bundle ---- */

static void on_loaded(struct resident_waiter *waiter, struct bundle *bundle, const struct error *err)
{
	struct query *query = (struct query *)((char *)waiter - offsetof(struct query, waiter));

	if (bundle != NULL)
		invocation_start(query->exchange, bundle);
	else
		fail(query->exchange, err);
}

static void run(struct exchange *exchange)
{
	struct bundle *bundle = resident_bundle(exchange->entity->resident);

	if (bundle != NULL) {
		invocation_start(exchange, bundle);
		return;
	}
	struct query *query = arena_zalloc(exchange->request->arena, sizeof(*query));
	query->exchange = exchange;
	query->waiter.on_loaded = on_loaded;
	resident_wait(exchange->entity->resident, exchange->worker->server->registry_pool, exchange->worker->loop,
		&query->waiter);
}

/* ---- the path ---- */

/* {name}/invocations, {name}/served-models/{served}/invocations: false where it is another one. */
static bool read_path(struct str path, struct str *ret_name, struct str *ret_served)
{
	struct str part;

	*ret_served = (struct str){NULL, 0};
	if (!str_cut(&path, '/', ret_name) || ret_name->len == 0)
		return false;
	if (str_cut(&path, '/', &part) && str_is(part, "served-models") && str_cut(&path, '/', ret_served))
		return ret_served->len > 0 && str_is(path, "invocations");
	return str_is(part, "invocations") && path.len == 0;
}

void serving_handle(struct exchange *exchange)
{
	struct str path = exchange->request->path, name, served;
	struct error err;

	path = (struct str){path.data + BASE.len, path.len - BASE.len};
	if (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	if (!read_path(path, &name, &served)) {
		exchange->is_closing = exchange->request->body.len > 0;
		error_set(&err, ERR_NO_ENDPOINT, "No API found for '%.*s %.*s'", STR_ARGS(exchange->request->method_text),
			STR_ARGS(exchange->request->path));
		fail(exchange, &err);
		return;
	}
	if (exchange->request->method != HTTP_POST) {
		exchange->is_closing = exchange->request->body.len > 0;
		error_set(&err, ERR_METHOD_NOT_ALLOWED, "%.*s is not allowed on %.*s; use POST",
			STR_ARGS(exchange->request->method_text), STR_ARGS(exchange->request->path));
		exchange_error(exchange, &err, "POST");
		return;
	}
	if (find_endpoint(exchange, name, &err) && find_entity(exchange, served, &err))
		run(exchange);
	else
		fail(exchange, &err);
}
