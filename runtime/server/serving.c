/*
 * POST /serving-endpoints/{name}/invocations and …/served-models/{served}/invocations, and OpenAI's paths below
 * /serving-endpoints: queries of serving endpoints.
 *
 * name → endpoint (serving_find) → entity: named, by what the traffic sticks to, or whose turn it is
 *      → within its limits (serving/limiter.h) → its turn (async/gate.h) → bundle: in memory, or loaded first → the answer (scoring.c)
 */
#include "server/serving.h"

#include "server/permit.h"
#include "server/sticky.h"

#include "base/clock.h"

static const struct str BASE = {"/serving-endpoints/", 19};

struct query {
	struct exchange *exchange;
	enum scoring_form form;
	struct gate_pass pass;
	bool is_in; /* it holds a place until it is answered */
	uint64_t came_ns, ticket;
	bool is_named; /* the path says which entity */
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

	if (endpoint == NULL && !exchange->worker->server->has_control)
		return error_set(err, ERR_NO_ENDPOINT,
			"The given endpoint does not exist: this server serves one bundle (--bundle), at POST /invocations");
	if (endpoint == NULL)
		return error_set(err, ERR_NO_ENDPOINT,
			"The given endpoint does not exist, please retry after checking the specified model and version "
			"deployment exists: '%.*s'.",
			STR_ARGS(str_clip(name, 200)));
	exchange->endpoint = endpoint;
	arena_on_end(exchange->request->arena, unref_endpoint, endpoint);
	if (endpoint->is_stopped)
		return error_set(err, ERR_BAD_REQUEST, "endpoint '%s' is stopped: start it first (POST /api/2.0/serving-endpoints/%s/config:start, or `sluice start %s`)",
			endpoint->name, endpoint->name, endpoint->name);
	exchange->retry_after_s = endpoint->is_coming;
	if (endpoint->not_ready != NULL)
		return error_set(err, endpoint->is_coming ? ERR_UNAVAILABLE : ERR_BAD_REQUEST, "endpoint '%s' is not ready: %s",
			endpoint->name, endpoint->not_ready);
	return true;
}

/* ---- which entity ---- */

static struct entity *pick(struct exchange *exchange, uint64_t ticket)
{
	const struct str value = sticky_value(exchange);

	return value.data != NULL ? endpoint_pick_sticky(exchange->endpoint, value)
				  : endpoint_pick(exchange->endpoint, ticket);
}

static bool find_entity(struct exchange *exchange, struct str served, struct error *err)
{
	const struct endpoint *endpoint = exchange->endpoint;

	exchange->query->ticket = exchange->worker->ticket++;
	exchange->query->is_named = served.data != NULL;
	exchange->entity = served.data != NULL ? endpoint_entity(endpoint, served) : pick(exchange, exchange->query->ticket);
	if (exchange->entity != NULL)
		return true;
	if (served.data == NULL)
		return error_set(err, ERR_BAD_REQUEST, "endpoint '%s' has no served entity with traffic", endpoint->name);
	return error_set(err, ERR_NO_ENDPOINT, "endpoint '%s' has no served entity '%.*s'", endpoint->name,
		STR_ARGS(str_clip(served, 200)));
}

/* ---- its bundle ---- */

static void answer(struct exchange *exchange, struct bundle *bundle)
{
	scoring_handle(exchange, bundle, exchange->query->form, str_of(exchange->endpoint->name));
}

static void on_loaded(struct resident_waiter *waiter, struct bundle *bundle, const struct error *err)
{
	struct query *query = (struct query *)((char *)waiter - offsetof(struct query, waiter));
	struct error gone;

	if (query->exchange->request->is_gone) {
		bundle_unref(bundle);
		error_set(&gone, ERR_CANCELLED, "the client left");
		fail(query->exchange, &gone);
	} else if (bundle != NULL) {
		answer(query->exchange, bundle);
	} else {
		fail(query->exchange, err);
	}
}

static void run(struct exchange *exchange)
{
	struct bundle *bundle = resident_bundle(exchange->entity->resident);

	if (!exchange->query->is_named)
		shadows_start(exchange, exchange->query->ticket, exchange->query->form);
	if (bundle != NULL) {
		answer(exchange, bundle);
		return;
	}
	exchange->query->waiter.on_loaded = on_loaded;
	resident_wait(exchange->entity->resident, exchange->worker->server->registry_pool, exchange->worker->loop,
		&exchange->query->waiter);
}

/* ---- its limits ---- */

static struct limit_caller caller_of(const struct exchange *exchange)
{
	return (struct limit_caller){
		.name = request_who(exchange->request), .is_service_principal = exchange->principal.is_service};
}

static bool check_limits(struct exchange *exchange, struct error *err)
{
	const struct limit_caller caller = caller_of(exchange);

	return limiter_admit(exchange->endpoint->limiter, &caller, clock_ns(), &exchange->retry_after_s, err);
}

void serving_spend(const struct exchange *exchange, uint64_t tokens)
{
	const struct limit_caller caller = caller_of(exchange);

	if (tokens > 0)
		limiter_spend(exchange->endpoint->limiter, &caller, tokens, clock_ns());
}

/* ---- its turn ---- */

static void refuse_full(struct exchange *exchange)
{
	struct error err;

	exchange->retry_after_s = gate_state(exchange->entity->stats->gate).retry_after_s;
	error_set(&err, ERR_RATE_LIMITED,
		"Too many concurrent requests. Consider increasing the provisioned concurrency of the served entity.");
	fail(exchange, &err);
}

static void count_wait(struct exchange *exchange, int status)
{
	struct entity_counts *counts = &exchange->entity->stats->by_worker[exchange->worker->index];

	stats_answered(&counts->queue, status, clock_ns() - exchange->query->came_ns);
}

static void on_turn(void *data, enum gate_turn turn)
{
	struct query *query = data;
	struct exchange *exchange = query->exchange;
	struct error err;

	exchange->request->on_gone = NULL;
	query->is_in = turn == GATE_TURN;
	count_wait(exchange, turn == GATE_TURN ? 200 : 429);
	if (exchange->request->is_gone || turn == GATE_CANCELLED) {
		error_set(&err, ERR_CANCELLED, "the client left");
		fail(exchange, &err);
	} else if (turn == GATE_EXPIRED) {
		exchange->retry_after_s = gate_state(exchange->entity->stats->gate).retry_after_s;
		error_set(&err, ERR_UNAVAILABLE, "no place was free at served entity '%s' for %lld ms",
			exchange->entity->name, (long long)exchange->worker->settings->queue_timeout_ms);
		fail(exchange, &err);
	} else if (turn == GATE_SHED) {
		refuse_full(exchange);
	} else {
		run(exchange);
	}
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	gate_cancel(&exchange->query->pass);
}

static void enter(struct exchange *exchange)
{
	struct query *query = exchange->query;

	query->came_ns = clock_ns();
	switch (gate_enter(exchange->entity->stats->gate, &query->pass, exchange->worker->loop, on_turn, query)) {
	case GATE_ENTERED:
		query->is_in = true;
		count_wait(exchange, 200);
		run(exchange);
		return;
	case GATE_WAITS:
		exchange->request->on_gone = on_gone;
		return;
	case GATE_FULL:
		count_wait(exchange, 429);
		refuse_full(exchange);
	}
}

void serving_query_end(struct exchange *exchange)
{
	struct query *query = exchange->query;

	if (query != NULL && query->is_in) {
		query->is_in = false;
		gate_leave(&query->pass);
	}
}

void serving_query(struct exchange *exchange, struct str name, struct str served, enum scoring_form form)
{
	struct query *query = arena_zalloc(exchange->request->arena, sizeof(*query));
	struct error err;

	exchange->is_openai = form != SCORING_INVOCATIONS;
	query->exchange = exchange;
	query->form = form;
	exchange->query = query;
	if (!permit_or_refuse(exchange, PERMISSION_QUERY, name))
		return;
	if (find_endpoint(exchange, name, &err) && find_entity(exchange, served, &err) && check_limits(exchange, &err))
		enter(exchange);
	else
		fail(exchange, &err);
}

void serving_query_model(struct exchange *exchange, enum scoring_form form)
{
	struct str name;
	struct error err;

	if (!scoring_model(exchange, form, &name, &err)) {
		fail(exchange, &err);
	} else if (name.len == 0) {
		error_set(&err, ERR_INVALID_PARAMETER, "model: expected the name of a serving endpoint");
		fail(exchange, &err);
	} else {
		serving_query(exchange, name, (struct str){NULL, 0}, form);
	}
}

/* No bundle makes embeddings: whoever asks an endpoint for some is told that, not that the path is wrong. */
static void refuse_embeddings(struct exchange *exchange)
{
	struct str name;
	struct error err;

	if (scoring_model(exchange, SCORING_CHAT, &name, &err)) {
		if (!permit_or_refuse(exchange, PERMISSION_QUERY, name))
			return;
		if (find_endpoint(exchange, name, &err))
			error_set(&err, ERR_BAD_REQUEST,
				"endpoint '%.*s' makes no embeddings: bundles answer rows, chats, completions and responses",
				STR_ARGS(name));
	}
	fail(exchange, &err);
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

/* OpenAI's clients have /serving-endpoints as their base; the endpoint is the body's `model`. */
static bool is_openai(struct str path, enum scoring_form *ret_form)
{
	static const struct {
		const char *path;
		enum scoring_form form;
	} PATHS[] = {{"chat/completions", SCORING_CHAT}, {"completions", SCORING_COMPLETIONS},
		{"responses", SCORING_RESPONSES}};

	for (size_t i = 0; i < sizeof(PATHS) / sizeof(*PATHS); i++) {
		if (!str_is(path, PATHS[i].path))
			continue;
		*ret_form = PATHS[i].form;
		return true;
	}
	return false;
}

/* An endpoint's own URL as the base of OpenAI's clients is what everybody tries first. */
static const char *what_was_meant(struct str path)
{
	static const struct str OPENAI[] = {
		{"/completions", 12}, {"/responses", 10}, {"/embeddings", 11}, {"/models", 7}};

	for (size_t i = 0; i < sizeof(OPENAI) / sizeof(*OPENAI); i++)
		if (str_ends(path, OPENAI[i]))
			return "; OpenAI's clients have …/serving-endpoints as their base_url and the endpoint's name as model";
	return "";
}

/* Of a path with another method, too: so Databricks answers, and MLflow's scoring server. */
static void refuse(struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	struct error err;

	exchange->is_closing = request->body.len > 0;
	error_set(&err, ERR_NO_ENDPOINT, "No API found for '%.*s %.*s'%s", STR_ARGS(request->method_text),
		STR_ARGS(request->path), what_was_meant(request->path));
	exchange_error(exchange, &err, NULL);
}

void serving_handle(struct exchange *exchange)
{
	struct str path = exchange->request->path, name, served;
	enum scoring_form form = SCORING_INVOCATIONS;

	path = (struct str){path.data + BASE.len, path.len - BASE.len};
	if (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	const bool is_model = is_openai(path, &form), is_path = is_model || read_path(path, &name, &served);
	if (str_is(path, "embeddings") && exchange->request->method == HTTP_POST) {
		refuse_embeddings(exchange);
	} else if (is_path && exchange->request->method == HTTP_POST) {
		if (is_model)
			serving_query_model(exchange, form);
		else
			serving_query(exchange, name, served, form);
	} else if (str_is(path, "models") || str_starts(path, STR("models/"))) {
		models_handle(exchange);
	} else {
		refuse(exchange);
	}
}
