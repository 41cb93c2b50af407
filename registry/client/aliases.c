/* Aliases: get, set, list; delete: get → delete, because MLflow deletes what is not there without a word. */
#include "client/models_internal.h"

#include <stdlib.h>

struct deleting {
	struct operation op;
	struct str name, alias;
	struct client_version version;
};

struct getting {
	struct operation op;
	struct client_call call;
	struct client_version *ret;
};

struct listing {
	struct operation op;
	struct str name;
	struct client_model model;
	struct client_aliases *ret;
};

static struct next ask_alias(void *self);
static struct next on_alias(void *self);
static struct next look(void *self);
static struct next on_looked(void *self);
static struct next on_deleted(void *self);
static struct next list_model(void *self);
static struct next on_model(void *self);

struct operation *alias_get(
	struct client *client, struct arena *arena, struct str name, struct str alias, struct client_version *ret)
{
	struct getting *getting = operation_new(client, arena, sizeof(*getting));

	getting->ret = ret;
	getting->call = (struct client_call){
		.method = "GET", .path = registry_path(client, arena, "registered-models/alias"), .effect = CALL_READS};
	args_text(arena, &getting->call.query, "name", name);
	args_text(arena, &getting->call.query, "alias", alias);
	return operation_start(&getting->op, ask_alias);
}

static struct next ask_alias(void *self)
{
	struct getting *getting = self;
	struct operation *op = &getting->op;

	return operation_try(op, ask(op->client, op->arena, &getting->call, version_read, getting->ret), on_alias);
}

static struct next on_alias(void *self)
{
	struct getting *getting = self;
	struct error *err = &getting->op.child_err;

	if (err->code == ERR_NONE)
		return next_done();
	/* "Registered model alias prod not found.", "Prompt alias prod not found." */
	if (err->code == ERR_INVALID_PARAMETER && strstr(err->text, " not found.") != NULL)
		err->code = ERR_NOT_FOUND;
	return operation_fail_as_child(&getting->op);
}

struct operation *client_alias_set(
	struct client *client, struct arena *arena, struct str name, struct str alias, struct str version)
{
	struct client_call call = {.method = "POST",
		.path = registry_path(client, arena, "registered-models/alias"),
		.effect = CALL_CHANGES};

	args_text(arena, &call.body, "name", name);
	args_text(arena, &call.body, "alias", alias);
	args_text(arena, &call.body, "version", version);
	return client_call(client, arena, &call, NULL);
}

struct operation *client_alias_delete(struct client *client, struct arena *arena, struct str name, struct str alias)
{
	struct deleting *deleting = operation_new(client, arena, sizeof(*deleting));

	deleting->name = name;
	deleting->alias = alias;
	return operation_start(&deleting->op, look);
}

static struct next look(void *self)
{
	struct deleting *deleting = self;
	struct operation *op = &deleting->op;

	return operation_await(
		op, alias_get(op->client, op->arena, deleting->name, deleting->alias, &deleting->version), on_looked);
}

static struct next on_looked(void *self)
{
	struct deleting *deleting = self;
	struct operation *op = &deleting->op;
	struct client_call call = {.method = "DELETE",
		.path = registry_path(op->client, op->arena, "registered-models/alias"),
		.effect = CALL_CHANGES};

	args_text(op->arena, &call.body, "name", deleting->name);
	args_text(op->arena, &call.body, "alias", deleting->alias);
	return operation_await(op, client_call(op->client, op->arena, &call, NULL), on_deleted);
}

static struct next on_deleted(void *self)
{
	return next_done();
}

struct operation *client_aliases_list(
	struct client *client, struct arena *arena, struct str name, struct client_aliases *ret)
{
	struct listing *listing = operation_new(client, arena, sizeof(*listing));

	listing->name = name;
	listing->ret = ret;
	return operation_start(&listing->op, list_model);
}

static struct next list_model(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;

	return operation_await(op, client_model_get(op->client, op->arena, listing->name, &listing->model), on_model);
}

static int compare(const void *a, const void *b)
{
	const struct str left = ((const struct client_alias *)a)->alias,
			 right = ((const struct client_alias *)b)->alias;
	const int order = memcmp(left.data, right.data, left.len < right.len ? left.len : right.len);

	return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

static struct next on_model(void *self)
{
	struct listing *listing = self;
	struct arena *arena = listing->op.arena;
	const struct json *aliases = json_get(&listing->model.tree, STR("aliases"));
	const size_t count = json_type(aliases) == JSON_ARRAY ? aliases->size : 0;

	*listing->ret = (struct client_aliases){arena_array(arena, count + 1, sizeof(struct client_alias)), count};
	for (size_t i = 0; i < count; i++)
		if (!answer_text(
			    arena, &aliases->items[i], "alias", &listing->ret->items[i].alias, &listing->op.flow.err) ||
			!answer_text(arena, &aliases->items[i], "version", &listing->ret->items[i].version,
				&listing->op.flow.err))
			return next_fail(&listing->op.flow, "model '%.*s'", STR_ARGS(listing->name));
	qsort(listing->ret->items, count, sizeof(struct client_alias), compare);
	return next_done();
}
