#include "cli/command.h"
#include "cli/deployment.h"
#include "cli/moved.h"
#include "cli/shares.h"

struct traffic_options {
	struct remote_options remote;
	bool is_plan, is_json;
};

static bool answer_plan(struct deployment *deployment, struct error *err)
{
	struct remote *remote = deployment->remote;
	struct json record = json_object();
	struct buf out = {0};

	json_set(remote->arena, &record, STR("endpoint"), json_string(deployment->endpoint));
	json_set(remote->arena, &record, STR("action"), json_string(str_of(deployment_action(deployment))));
	json_set(remote->arena, &record, STR("changes"), deployment->changes);
	buf_add_text(
		&out, deployment->changes.size > 0 ? "would change:\n" : "nothing to do: it is shared so already\n");
	deployment_write_changes(&out, deployment);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool choose(struct deployment *deployment, const struct options_result *arguments, struct error *err)
{
	struct arena *arena = deployment->remote->arena;
	const struct json *config = json_get(&deployment->before, STR("config"));
	const struct json before = endpoint_traffic(arena, config);
	struct json names = json_array(), shares;

	if (before.size == 0)
		return error_set(err, ERR_INVALID_STATE, "endpoint '%.*s' serves nothing yet: sluice deploy",
			STR_ARGS(deployment->endpoint));
	for (size_t i = 0; i < before.size; i++)
		json_append(arena, &names, before.members[i].key);
	if (!shares_read(arena, &names, arguments->arguments + 1, arguments->argument_count - 1, &shares, err))
		return error_wrap(err, "endpoint '%.*s'", STR_ARGS(deployment->endpoint));
	deployment->config = deployment_config_of(arena, config);
	deployment_set_traffic(arena, &deployment->config, &shares);
	deployment_compare(deployment);
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct traffic_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct deployment deployment = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!deployment_open(&deployment, remote, str_of(arguments->arguments[0]), true, options->is_plan, err) ||
		!choose(&deployment, arguments, err))
		return false;
	if (options->is_plan)
		return answer_plan(&deployment, err);
	const bool is_none = deployment.changes.size == 0;
	return deployment_run(&deployment, err) &&
	       moved_answer(remote, is_none ? "nothing to do:" : "shared the traffic of", &deployment.after, err);
}

static const struct option OPTIONS[] = {
	{"plan", 0, OPTION_FLAG, offsetof(struct traffic_options, is_plan), .is_argument_only = true,
		.help = "show what would change, and change nothing"},
	OPTION_WHY(struct traffic_options),
	OPTIONS_SERVING(struct traffic_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice traffic slides 90,10", "sluice traffic slides slides-4=25 --why 'no errors at 10 %'", NULL};

static const struct options_spec SPEC = {
	.program = "sluice traffic",
	.summary = "shares an endpoint's traffic between its served entities",
	.about =
		"Percents in the order in which sluice status shows the entities, or by name; of two, naming one is enough.",
	.arguments = "ENDPOINT P,P…|ENTITY=P …",
	.arguments_min = 2,
	.arguments_max = 16,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_traffic = {
	.name = "traffic",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct traffic_options),
	.json_offset = offsetof(struct traffic_options, is_json),
	.run = run,
};
