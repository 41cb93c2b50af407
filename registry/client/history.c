/* What sluiced alone remembers: calls below sluice/, which no other server knows. */
#include "client/models_internal.h"
#include "client/pages.h"
#include "client/search.h"

enum { HISTORY_PAGE = 1000 };

struct asking {
	struct operation op;
	struct pages pages;
	struct client_call call;
	struct json *ret;
	bool is_cut;
};

static struct next ask_history(void *self);
static struct next ask_alias_at(void *self);
static struct next on_answer(void *self);

struct operation *client_history(
	struct client *client, struct arena *arena, struct str name, struct str alias, size_t max, struct json *ret)
{
	struct asking *asking = operation_new(client, arena, sizeof(*asking));

	asking->pages = (struct pages){.path = registry_path(client, arena, "sluice/history"),
		.list = "history",
		.page_max = HISTORY_PAGE,
		.max = max};
	args_text(arena, &asking->pages.query, "name", name);
	args_text(arena, &asking->pages.query, "alias", alias);
	asking->ret = ret;
	return operation_start(&asking->op, ask_history);
}

static struct next refuse(struct asking *asking)
{
	error_set(&asking->op.flow.err, ERR_NOT_IMPLEMENTED, "'%s' keeps no history: only the registry of sluiced does",
		asking->op.client->registry->target->uri);
	return next_fail(&asking->op.flow, NULL);
}

static struct next ask_history(void *self)
{
	struct asking *asking = self;
	struct operation *op = &asking->op;

	if (client_is_unity(op->client))
		return refuse(asking);
	return operation_try(
		op, pages_ask(op->client, op->arena, &asking->pages, asking->ret, &asking->is_cut), on_answer);
}

struct operation *client_alias_at(struct client *client, struct arena *arena, struct str name, struct str alias,
	struct str time, struct json *ret)
{
	struct asking *asking = operation_new(client, arena, sizeof(*asking));

	asking->call = (struct client_call){
		.method = "GET", .path = registry_path(client, arena, "sluice/alias-at"), .effect = CALL_READS};
	args_text(arena, &asking->call.query, "name", name);
	args_text(arena, &asking->call.query, "alias", alias);
	args_text(arena, &asking->call.query, "time", time);
	asking->ret = ret;
	return operation_start(&asking->op, ask_alias_at);
}

static struct next ask_alias_at(void *self)
{
	struct asking *asking = self;
	struct operation *op = &asking->op;

	if (client_is_unity(op->client))
		return refuse(asking);
	return operation_try(op, client_call(op->client, op->arena, &asking->call, asking->ret), on_answer);
}

/* An unknown route is what "another server" looks like. */
static struct next on_answer(void *self)
{
	struct asking *asking = self;

	if (asking->op.child_err.code == ERR_NOT_IMPLEMENTED)
		return refuse(asking);
	return asking->op.child_err.code == ERR_NONE ? next_done() : operation_fail_as_child(&asking->op);
}
