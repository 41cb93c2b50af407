/* Model versions: what takes one call. */
#include "client/models_internal.h"

static struct json alias_names(struct arena *arena, const struct json *aliases)
{
	struct json names = json_array();

	for (size_t i = 0; json_type(aliases) == JSON_ARRAY && i < aliases->size; i++) {
		const struct json *alias = &aliases->items[i];
		const struct json *name = json_type(alias) == JSON_OBJECT ? json_get(alias, STR("alias")) : alias;

		if (json_type(name) == JSON_STRING)
			json_append(arena, &names, *name);
	}
	return names;
}

bool version_of(struct arena *arena, const struct json *tree, struct client_version *ret, struct error *err)
{
	if (!answer_text(arena, tree, "name", &ret->name, err) ||
		!answer_text(arena, tree, "version", &ret->version, err))
		return false;
	ret->status = json_str(json_get(tree, STR("status")));
	ret->stage = json_str(json_get(tree, STR("current_stage")));
	ret->source = json_str(json_get(tree, STR("source")));
	ret->run_id = json_str(json_get(tree, STR("run_id")));
	ret->description = json_str(json_get(tree, STR("description")));
	ret->tree = json_copy(arena, tree);
	if (json_get(tree, STR("aliases")) != NULL)
		json_set(arena, &ret->tree, STR("aliases"), alias_names(arena, json_get(tree, STR("aliases"))));
	return true;
}

bool version_read(struct arena *arena, const struct json *answer, void *ret, struct error *err)
{
	return version_of(arena, json_get(answer, STR("model_version")), ret, err);
}

/* "" for a version makes it the model's own call. */
static void name_it(struct arena *arena, struct json *args, struct str name, struct str version)
{
	args_text(arena, args, "name", name);
	args_text(arena, args, "version", version);
}

struct operation *client_version_get(
	struct client *client, struct arena *arena, struct str name, struct str version, struct client_version *ret)
{
	struct client_call call = {
		.method = "GET", .path = registry_path(client, arena, "model-versions/get"), .effect = CALL_READS};

	name_it(arena, &call.query, name, version);
	return ask(client, arena, &call, version_read, ret);
}

struct operation *client_version_delete(struct client *client, struct arena *arena, struct str name, struct str version)
{
	struct client_call call = {.method = "DELETE",
		.path = registry_path(client, arena, "model-versions/delete"),
		.effect = CALL_CHANGES};

	name_it(arena, &call.body, name, version);
	return client_call(client, arena, &call, NULL);
}

struct operation *client_version_describe(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str description)
{
	struct client_call call = {.method = "PATCH",
		.path = registry_path(client, arena, "model-versions/update"),
		.effect = CALL_CHANGES};

	name_it(arena, &call.body, name, version);
	json_set(arena, &call.body, STR("description"), json_string(description));
	return client_call(client, arena, &call, NULL);
}

struct operation *client_version_stage(struct client *client, struct arena *arena, struct str name, struct str version,
	struct str stage, bool is_archiving, struct client_version *ret)
{
	struct client_call call = {
		.method = "POST",
		.path = registry_path(client, arena, "model-versions/transition-stage"),
		.effect = CALL_CHANGES,
		.planned = "{\"model_version\":{\"name\":\"$NAME\",\"version\":\"$VERSION\"}}",
	};

	if (client_is_unity(client))
		return ask_refused(client, arena, ERR_NOT_IMPLEMENTED,
			"Unity Catalog has no stages: give version '%.*s' of '%.*s' an alias instead",
			STR_ARGS(version), STR_ARGS(name));
	name_it(arena, &call.body, name, version);
	args_text(arena, &call.body, "stage", stage);
	json_set(arena, &call.body, STR("archive_existing_versions"), json_bool(is_archiving));
	return ask(client, arena, &call, version_read, ret);
}

struct operation *client_tag_set(
	struct client *client, struct arena *arena, struct str name, struct str version, struct client_tag tag)
{
	const char *rpc = version.len > 0 ? "model-versions/set-tag" : "registered-models/set-tag";
	struct client_call call = {.method = "POST", .path = registry_path(client, arena, rpc), .effect = CALL_CHANGES};

	name_it(arena, &call.body, name, version);
	args_text(arena, &call.body, "key", tag.key);
	json_set(arena, &call.body, STR("value"), json_string(tag.value));
	return client_call(client, arena, &call, NULL);
}

struct operation *client_tag_delete(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str key)
{
	const char *rpc = version.len > 0 ? "model-versions/delete-tag" : "registered-models/delete-tag";
	struct client_call call = {
		.method = "DELETE", .path = registry_path(client, arena, rpc), .effect = CALL_CHANGES};

	name_it(arena, &call.body, name, version);
	args_text(arena, &call.body, "key", key);
	return client_call(client, arena, &call, NULL);
}
