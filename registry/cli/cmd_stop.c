/* stop and start: what serves, without a change of what. */
#include "cli/command.h"
#include "cli/deployment.h"
#include "cli/moved.h"

struct stop_options {
	struct remote_options remote;
	bool is_json;
};

typedef struct operation *stop_call(struct client *client, struct arena *arena, struct str name, struct json *ret);

static bool move(struct console *console, struct arena *arena, const struct stop_options *options, const char *name,
	stop_call *call, const char *verb, struct error *err)
{
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct deployment deployment = {0};
	struct json answer;

	return remote_open(remote, console, arena, &options->remote, err) &&
	       deployment_open(&deployment, remote, str_of(name), true, false, err) &&
	       remote_wait(remote, call(remote->client, arena, deployment.endpoint, &answer), err) &&
	       (remote->is_dry_run || deployment_settle(&deployment, err)) &&
	       moved_answer(remote, verb, &deployment.after, err);
}

static bool run_stop(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	return move(console, arena, data, arguments->arguments[0], client_endpoint_stop, "stopped", err);
}

static bool run_start(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	return move(console, arena, data, arguments->arguments[0], client_endpoint_start, "started", err);
}

static const struct option OPTIONS[] = {
	OPTION_WHY(struct stop_options),
	OPTIONS_SERVING(struct stop_options),
	{0},
};

static const char *const STOP_EXAMPLES[] = {"sluice stop slides-dev --why 'nobody needs it at night'", NULL};

static const struct options_spec STOP_SPEC = {
	.program = "sluice stop",
	.summary = "stops an endpoint: requests are refused, the config stays",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = STOP_EXAMPLES,
};

const struct command cmd_stop = {
	.name = "stop",
	.area = AREA_SERVING,
	.spec = &STOP_SPEC,
	.options_size = sizeof(struct stop_options),
	.json_offset = offsetof(struct stop_options, is_json),
	.run = run_stop,
};

static const char *const START_EXAMPLES[] = {"sluice start slides-dev", NULL};

static const struct options_spec START_SPEC = {
	.program = "sluice start",
	.summary = "starts a stopped endpoint with the config that it had",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = START_EXAMPLES,
};

const struct command cmd_start = {
	.name = "start",
	.area = AREA_SERVING,
	.spec = &START_SPEC,
	.options_size = sizeof(struct stop_options),
	.json_offset = offsetof(struct stop_options, is_json),
	.run = run_start,
};
