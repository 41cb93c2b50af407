/* Registered models: get, ensure (get → { done | create → get }), delete. */
#include "client/models_internal.h"

struct ensure {
	struct operation op;
	struct str name, description;
	struct client_tags tags;
	struct client_model *ret;
	bool was_created;
};

static struct next look(void *self);
static struct next on_looked(void *self);
static struct next on_created(void *self);

bool model_of(struct arena *arena, const struct json *tree, struct client_model *ret, struct error *err)
{
	if (!answer_text(arena, tree, "name", &ret->name, err))
		return false;
	ret->description = json_str(json_get(tree, STR("description")));
	ret->tree = *tree;
	return true;
}

static bool read_model(struct arena *arena, const struct json *answer, void *ret, struct error *err)
{
	return model_of(arena, json_get(answer, STR("registered_model")), ret, err);
}

struct operation *client_model_get(
	struct client *client, struct arena *arena, struct str name, struct client_model *ret)
{
	struct client_call call = {
		.method = "GET", .path = registry_path(client, arena, "registered-models/get"), .effect = CALL_READS};

	args_text(arena, &call.query, "name", name);
	return ask(client, arena, &call, read_model, ret);
}

struct operation *client_model_delete(struct client *client, struct arena *arena, struct str name)
{
	struct client_call call = {.method = "DELETE",
		.path = registry_path(client, arena, "registered-models/delete"),
		.effect = CALL_CHANGES};

	args_text(arena, &call.body, "name", name);
	return client_call(client, arena, &call, NULL);
}

struct operation *client_model_ensure(struct client *client, struct arena *arena, struct str name,
	struct str description, struct client_tags tags, struct client_model *ret)
{
	struct ensure *ensure = operation_new(client, arena, sizeof(*ensure));

	ensure->name = name;
	ensure->description = description;
	ensure->tags = tags;
	ensure->ret = ret;
	return operation_start(&ensure->op, look);
}

static struct next look(void *self)
{
	struct ensure *ensure = self;
	struct operation *op = &ensure->op;

	return operation_try(op, client_model_get(op->client, op->arena, ensure->name, ensure->ret), on_looked);
}

/* Creating by name may be repeated: whoever else did it meanwhile makes it no error. */
static struct next create(struct ensure *ensure)
{
	struct operation *op = &ensure->op;
	struct client_call call = {.method = "POST",
		.path = registry_path(op->client, op->arena, "registered-models/create"),
		.effect = CALL_CHANGES,
		.planned = "{\"registered_model\":{\"name\":\"$NAME\"}}"};

	args_text(op->arena, &call.body, "name", ensure->name);
	args_text(op->arena, &call.body, "description", ensure->description);
	args_tags(op->arena, &call.body, "tags", ensure->tags);
	ensure->was_created = true;
	return operation_try(op, ask(op->client, op->arena, &call, read_model, ensure->ret), on_created);
}

static struct next on_looked(void *self)
{
	struct ensure *ensure = self;

	if (ensure->op.child_err.code == ERR_NOT_FOUND && !ensure->was_created)
		return create(ensure);
	return ensure->op.child_err.code == ERR_NONE ? next_done() : operation_fail_as_child(&ensure->op);
}

static struct next on_created(void *self)
{
	struct ensure *ensure = self;

	if (ensure->op.child_err.code == ERR_CONFLICT)
		return next_step(look);
	return ensure->op.child_err.code == ERR_NONE ? next_done() : operation_fail_as_child(&ensure->op);
}
