/* secret list and secret rm */
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/secret_name.h"
#include "cli/table.h"

struct secret_options {
	struct remote_options remote;
	bool is_sure, is_json;
};

/* ---- list ---- */

static bool ask_list(struct remote *remote, const char *path, struct str scope, struct json *ret, struct error *err)
{
	struct client_call call = {.method = "GET", .path = path, .query = json_object(), .effect = CALL_READS};

	if (scope.len > 0)
		json_set(remote->arena, &call.query, STR("scope"), json_string(scope));
	return remote_wait(remote, client_call(remote->client, remote->arena, &call, ret), err);
}

static bool add_scope(struct remote *remote, struct str scope, struct table *table, struct json *list,
	struct error *err)
{
	struct arena *arena = remote->arena;
	struct json answer;

	if (!ask_list(remote, "/api/2.0/secrets/list", scope, &answer, err))
		return false;
	const struct json *secrets = json_get(&answer, STR("secrets"));
	for (size_t i = 0; json_type(secrets) == JSON_ARRAY && i < secrets->size; i++) {
		const struct json *one = &secrets->items[i], *time = json_get(one, STR("last_updated_timestamp"));
		const struct str key = json_str(json_get(one, STR("key")));
		const struct str cells[] = {
			scope, key, table_time(arena, json_type(time) == JSON_INTEGER ? time->integer : 0)};
		struct json row = json_object();

		table_add(table, cells);
		json_set(arena, &row, STR("scope"), json_string(scope));
		json_set(arena, &row, STR("key"), json_string(key));
		if (time != NULL)
			json_set(arena, &row, STR("last_updated_timestamp"), *time);
		json_append(arena, list, row);
	}
	return true;
}

static bool add_all(struct remote *remote, struct table *table, struct json *list, struct error *err)
{
	struct json answer;

	if (!ask_list(remote, "/api/2.0/secrets/scopes/list", (struct str){NULL, 0}, &answer, err))
		return false;
	const struct json *scopes = json_get(&answer, STR("scopes"));
	for (size_t i = 0; json_type(scopes) == JSON_ARRAY && i < scopes->size; i++)
		if (!add_scope(remote, json_str(json_get(&scopes->items[i], STR("name"))), table, list, err))
			return false;
	return true;
}

static bool run_list(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	static const char *const HEADERS[] = {"SCOPE", "KEY", "CHANGED", NULL};
	const struct secret_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json answer = json_object(), list = json_array();
	struct table table;
	struct buf out = {0};

	table_init(&table, arena, HEADERS);
	if (!remote_open(remote, console, arena, &options->remote, err))
		return false;
	const bool is_listed = arguments->argument_count > 0
				       ? add_scope(remote, str_of(arguments->arguments[0]), &table, &list, err)
				       : add_all(remote, &table, &list, err);
	if (!is_listed)
		return false;
	json_set(arena, &answer, STR("secrets"), list);
	table_write(&out, &table, console->has_out_color);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

/* ---- rm ---- */

static bool run_rm(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct secret_options *options = data;
	struct client_call call = {.method = "POST", .body = json_object(), .effect = CALL_CHANGES};
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct secret_name name;
	struct json ignored;
	struct buf out = {0};

	if (!secret_name_read(arguments->arguments[0], false, &name, err) ||
		!remote_open(remote, console, arena, &options->remote, err))
		return false;
	if (name.key.len == 0 && !options->is_sure && !remote->is_dry_run)
		return error_set(err, ERR_USAGE, "--yes is missing: scope '%s' would be removed with all its secrets",
			arguments->arguments[0]);
	call.path = name.key.len > 0 ? "/api/2.0/secrets/delete" : "/api/2.0/secrets/scopes/delete";
	json_set(arena, &call.body, STR("scope"), json_string(name.scope));
	if (name.key.len > 0)
		json_set(arena, &call.body, STR("key"), json_string(name.key));
	if (!remote_wait(remote, client_call(remote->client, arena, &call, &ignored), err))
		return false;
	console_style(&out, console->has_out_color, STYLE_GOOD, "removed");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(arguments->arguments[0]));
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &call.body, &out, err);
	buf_done(&out);
	return is_written;
}

/* ---- the commands ---- */

static const struct option LIST_OPTIONS[] = {
	OPTION_REGISTRY(struct secret_options),
	OPTION_PROJECT(struct secret_options),
	OPTION_DRY_RUN(struct secret_options),
	OPTION_JSON(struct secret_options),
	{0},
};

static const char *const LIST_EXAMPLES[] = {"sluice secret list", "sluice secret list openai", NULL};

static const struct options_spec LIST_SPEC = {
	.program = "sluice secret list",
	.summary = "lists the names of secrets; nobody gets a value back",
	.arguments = "[SCOPE]",
	.arguments_max = 1,
	.options = LIST_OPTIONS,
	.examples = LIST_EXAMPLES,
};

const struct command cmd_secret_list = {
	.name = "secret list",
	.area = AREA_SERVING,
	.spec = &LIST_SPEC,
	.options_size = sizeof(struct secret_options),
	.json_offset = offsetof(struct secret_options, is_json),
	.run = run_list,
};

static const struct option RM_OPTIONS[] = {
	{"yes", 'y', OPTION_FLAG, offsetof(struct secret_options, is_sure), .help = "also a whole scope",
		.is_argument_only = true},
	OPTION_REGISTRY(struct secret_options),
	OPTION_PROJECT(struct secret_options),
	OPTION_DRY_RUN(struct secret_options),
	OPTION_JSON(struct secret_options),
	{0},
};

static const char *const RM_EXAMPLES[] = {"sluice secret rm openai/key", "sluice secret rm openai --yes", NULL};

static const struct options_spec RM_SPEC = {
	.program = "sluice secret rm",
	.summary = "removes a secret, or a scope with all of its",
	.arguments = "SCOPE/KEY|SCOPE",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = RM_OPTIONS,
	.examples = RM_EXAMPLES,
};

const struct command cmd_secret_rm = {
	.name = "secret rm",
	.area = AREA_SERVING,
	.spec = &RM_SPEC,
	.options_size = sizeof(struct secret_options),
	.json_offset = offsetof(struct secret_options, is_json),
	.run = run_rm,
};
