/*
 * NAME, NAME/3, NAME/latest, NAME/Staging, NAME@alias → the version.
 *
 * parse → { by number | by alias | newest | newest of the stage }
 */
#include "client/models_internal.h"
#include "client/search.h"

#include <strings.h>

struct finding {
	struct operation op;
	struct str what, name, mark;
	struct client_version *ret;
	struct client_versions newest;
	struct json answer;
};

static struct next parse(void *self);
static struct next find_newest(struct finding *finding);
static struct next on_newest(void *self);
static struct next find_stage(struct finding *finding);
static struct next on_stage(void *self);
static struct next on_found(void *self);

struct operation *client_version_find(
	struct client *client, struct arena *arena, struct str what, struct client_version *ret)
{
	struct finding *finding = operation_new(client, arena, sizeof(*finding));

	finding->what = what;
	finding->ret = ret;
	return operation_start(&finding->op, parse);
}

char version_split(struct str what, struct str *ret_name, struct str *ret_mark)
{
	for (const char *marks = "/@"; *marks != '\0'; marks++)
		for (size_t at = what.len; at > 0; at--)
			if (what.data[at - 1] == *marks) {
				*ret_name = (struct str){what.data, at - 1};
				*ret_mark = (struct str){what.data + at, what.len - at};
				return *marks;
			}
	*ret_name = what;
	*ret_mark = (struct str){0};
	return '\0';
}

static struct next parse(void *self)
{
	struct finding *finding = self;
	struct operation *op = &finding->op;
	struct str what = finding->what;

	if (str_starts(what, STR("models:/")))
		what = (struct str){what.data + 8, what.len - 8};
	const char kind = version_split(what, &finding->name, &finding->mark);
	if (finding->name.len == 0 || (kind != '\0' && finding->mark.len == 0) ||
		memchr(finding->name.data, '/', finding->name.len) != NULL) {
		error_set(&op->flow.err, ERR_USAGE, "'%.*s' is not NAME, NAME/VERSION or NAME@ALIAS",
			STR_ARGS(finding->what));
		return next_fail(&op->flow, NULL);
	}
	if (kind == '\0' || str_eq_nocase(finding->mark, STR("latest")))
		return find_newest(finding);
	if (kind == '@')
		return operation_await(
			op, alias_get(op->client, op->arena, finding->name, finding->mark, finding->ret), on_found);
	if (str_is_digits(finding->mark))
		return operation_await(op,
			client_version_get(op->client, op->arena, finding->name, finding->mark, finding->ret),
			on_found);
	return find_stage(finding);
}

static struct next find_newest(struct finding *finding)
{
	struct operation *op = &finding->op;

	return operation_await(
		op, client_versions_of(op->client, op->arena, finding->name, 1, &finding->newest), on_newest);
}

static struct next on_newest(void *self)
{
	struct finding *finding = self;
	struct flow *flow = &finding->op.flow;

	if (finding->newest.count > 0) {
		*finding->ret = finding->newest.items[0];
		return next_done();
	}
	error_set(&flow->err, ERR_NOT_FOUND, "model '%.*s' has no versions", STR_ARGS(finding->name));
	return next_fail(flow, NULL);
}

static struct next find_stage(struct finding *finding)
{
	struct operation *op = &finding->op;
	struct client_call call = {.method = "POST",
		.path = registry_path(op->client, op->arena, "registered-models/get-latest-versions"),
		.effect = CALL_READS};
	struct json stages = json_array();

	if (client_is_unity(op->client)) {
		error_set(&op->flow.err, ERR_NOT_IMPLEMENTED,
			"Unity Catalog has no stages: '%.*s' is neither a version's number nor 'latest' (an alias is NAME@ALIAS)",
			STR_ARGS(finding->mark));
		return next_fail(&op->flow, NULL);
	}
	json_append(op->arena, &stages, json_string(finding->mark));
	args_text(op->arena, &call.body, "name", finding->name);
	json_set(op->arena, &call.body, STR("stages"), stages);
	return operation_await(op, client_call(op->client, op->arena, &call, &finding->answer), on_stage);
}

static struct next on_stage(void *self)
{
	struct finding *finding = self;
	struct flow *flow = &finding->op.flow;
	const struct json *list = json_get(&finding->answer, STR("model_versions"));

	if (json_type(list) != JSON_ARRAY || list->size == 0) {
		error_set(&flow->err, ERR_NOT_FOUND, "model '%.*s' has no version in stage '%.*s'",
			STR_ARGS(finding->name), STR_ARGS(finding->mark));
		return next_fail(flow, NULL);
	}
	if (!version_of(finding->op.arena, &list->items[0], finding->ret, &flow->err))
		return next_fail(flow, "registered-models/get-latest-versions");
	return next_done();
}

static struct next on_found(void *self)
{
	return next_done();
}
