/* Experiments: get; ensure: get → { done | create → get } */
#include "client/ask.h"
#include "client/tracking.h"

struct ensure {
	struct operation op;
	struct str name;
	struct client_experiment *ret;
	struct json created;
	bool was_created;
};

static struct next look(void *self);
static struct next on_looked(void *self);
static struct next on_created(void *self);

static bool read_experiment(struct arena *arena, const struct json *answer, void *data, struct error *err)
{
	struct client_experiment *ret = data;
	const struct json *tree = json_get(answer, STR("experiment"));

	if (!answer_text(arena, answer, "experiment.experiment_id", &ret->id, err))
		return false;
	ret->name = json_str(json_get(tree, STR("name")));
	ret->artifact_location = json_str(json_get(tree, STR("artifact_location")));
	ret->tree = *tree;
	return true;
}

struct operation *client_experiment_get(
	struct client *client, struct arena *arena, struct str name, struct client_experiment *ret)
{
	struct client_call call = {
		.method = "GET",
		.path = tracking_path(arena, "experiments/get-by-name"),
		.effect = CALL_READS,
		.is_tracking = true,
	};

	args_text(arena, &call.query, "experiment_name", name);
	return ask(client, arena, &call, read_experiment, ret);
}

struct operation *client_experiment_ensure(
	struct client *client, struct arena *arena, struct str name, struct client_experiment *ret)
{
	struct ensure *ensure = operation_new(client, arena, sizeof(*ensure));

	ensure->name = name;
	ensure->ret = ret;
	return operation_start(&ensure->op, look);
}

static struct next look(void *self)
{
	struct ensure *ensure = self;
	struct operation *op = &ensure->op;

	return operation_try(op, client_experiment_get(op->client, op->arena, ensure->name, ensure->ret), on_looked);
}

/* Whoever else creates it meanwhile makes it no error: creating by name may be repeated. */
static struct next create(struct ensure *ensure)
{
	struct operation *op = &ensure->op;
	struct client_call call = {
		.method = "POST",
		.path = tracking_path(op->arena, "experiments/create"),
		.effect = CALL_CHANGES,
		.is_tracking = true,
		.planned = "{\"experiment_id\":\"$EXPERIMENT_ID\"}",
	};

	args_text(op->arena, &call.body, "name", ensure->name);
	ensure->was_created = true;
	return operation_try(op, client_call(op->client, op->arena, &call, &ensure->created), on_created);
}

static struct next on_looked(void *self)
{
	struct ensure *ensure = self;
	struct flow *flow = &ensure->op.flow;

	if (ensure->op.child_err.code == ERR_NOT_FOUND && !ensure->was_created)
		return create(ensure);
	if (ensure->op.child_err.code != ERR_NONE)
		return operation_fail_as_child(&ensure->op);
	if (!str_is(json_str(json_get(&ensure->ret->tree, STR("lifecycle_stage"))), "deleted"))
		return next_done();
	error_set(&flow->err, ERR_CONFLICT, "experiment '%.*s' is deleted: restore it, or take another name",
		STR_ARGS(ensure->name));
	return next_fail(flow, NULL);
}

static struct next on_created(void *self)
{
	struct ensure *ensure = self;
	struct client_experiment *ret = ensure->ret;

	if (ensure->op.child_err.code != ERR_NONE && ensure->op.child_err.code != ERR_CONFLICT)
		return operation_fail_as_child(&ensure->op);
	if (!ensure->op.client->options.is_dry_run)
		return next_step(look);
	*ret = (struct client_experiment){.name = ensure->name, .tree = ensure->created};
	ret->id = json_str(json_get(&ensure->created, STR("experiment_id")));
	return next_done();
}
