#include "cli/command.h"
#include "cli/endpoint.h"

struct undeploy_options {
	struct remote_options remote;
	bool is_sure, is_json;
};

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct undeploy_options *options = data;
	const struct str name = str_of(arguments->arguments[0]);
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json endpoint, record = json_object();
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) || !endpoint_find(remote, name, &endpoint, err))
		return false;
	if (!options->is_sure && !remote->is_dry_run)
		return error_set(err, ERR_USAGE,
			"--yes is missing: endpoint '%.*s' of %s would be deleted (sluice stop keeps its config)",
			STR_ARGS(name), remote->target.serving.url);
	if (!remote_wait(remote, client_endpoint_delete(remote->client, arena, name), err))
		return false;
	json_set(arena, &record, STR("name"), json_string(name));
	json_set(arena, &record, STR("deleted"), json_bool(true));
	console_style(&out, console->has_out_color, STYLE_GOOD, "deleted");
	buf_add_text(&out, " endpoint ");
	buf_add_visible(&out, name);
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	{"yes", 'y', OPTION_FLAG, offsetof(struct undeploy_options, is_sure), .is_argument_only = true,
		.help = "do it"},
	OPTION_WHY(struct undeploy_options),
	OPTIONS_SERVING(struct undeploy_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice undeploy slides-dev --yes", NULL};

static const struct options_spec SPEC = {
	.program = "sluice undeploy",
	.summary = "deletes an endpoint; its models stay in the registry",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_undeploy = {
	.name = "undeploy",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct undeploy_options),
	.json_offset = offsetof(struct undeploy_options, is_json),
	.run = run,
};
