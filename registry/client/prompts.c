/* Prompts are registered models whose versions carry their text as a tag (MLFLOW_REST B.8). */
#include "client/models_internal.h"
#include "client/search.h"

struct loading {
	struct operation op;
	struct str what;
	struct client_version version;
	struct client_prompt *ret;
};

static struct next find(void *self);
static struct next on_version(void *self);

struct operation *client_prompt_load(
	struct client *client, struct arena *arena, struct str what, struct client_prompt *ret)
{
	struct loading *loading = operation_new(client, arena, sizeof(*loading));

	loading->what = what;
	loading->ret = ret;
	return operation_start(&loading->op, find);
}

static struct next find(void *self)
{
	struct loading *loading = self;
	struct operation *op = &loading->op;
	struct str what = loading->what, name, mark;

	if (client_is_unity(op->client)) {
		error_set(&op->flow.err, ERR_NOT_IMPLEMENTED,
			"prompt '%.*s': Unity Catalog keeps prompts apart from models, which this client does not read",
			STR_ARGS(what));
		return next_fail(&op->flow, NULL);
	}
	if (str_starts(what, STR("prompts:/")))
		what = (struct str){what.data + 9, what.len - 9};
	if (version_split(what, &name, &mark) == '\0') {
		error_set(&op->flow.err, ERR_USAGE, "prompt '%.*s' is not prompts:/NAME/VERSION or prompts:/NAME@ALIAS",
			STR_ARGS(loading->what));
		return next_fail(&op->flow, NULL);
	}
	/* Searches leave prompts out; every server that has prompts knows this alias. */
	if (str_eq_nocase(mark, STR("latest")))
		return operation_await(
			op, alias_get(op->client, op->arena, name, STR("latest"), &loading->version), on_version);
	return operation_await(op, client_version_find(op->client, op->arena, what, &loading->version), on_version);
}

/* NULL where the version has no such tag. */
static const struct json *tag_of(const struct client_version *version, const char *key)
{
	const struct json *tags = json_get(&version->tree, STR("tags"));

	for (size_t i = 0; json_type(tags) == JSON_ARRAY && i < tags->size; i++)
		if (str_is(json_str(json_get(&tags->items[i], STR("key"))), key))
			return json_get(&tags->items[i], STR("value"));
	return NULL;
}

static struct next on_version(void *self)
{
	struct loading *loading = self;
	struct flow *flow = &loading->op.flow;
	const struct client_version *version = &loading->version;
	const struct json *text = tag_of(version, "mlflow.prompt.text");

	if (json_type(text) != JSON_STRING) {
		error_set(
			&flow->err, ERR_INVALID_PARAMETER, "'%.*s' is a model, not a prompt", STR_ARGS(loading->what));
		return next_fail(flow, NULL);
	}
	*loading->ret = (struct client_prompt){
		.name = version->name,
		.version = version->version,
		.uri = text_format(
			loading->op.arena, "prompts:/%.*s/%.*s", STR_ARGS(version->name), STR_ARGS(version->version)),
		.is_chat = str_is(json_str(tag_of(version, "_mlflow_prompt_type")), "chat"),
		.text = json_str(text),
		.tree = version->tree,
	};
	return next_done();
}
