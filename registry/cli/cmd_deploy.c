/* words → versions → what the endpoint has → what differs → deploy, wait → where it is served, and how to ask it */
#include "cli/command.h"
#include "cli/deployment.h"
#include "cli/named.h"
#include "cli/pairs.h"
#include "cli/sample.h"
#include "cli/shares.h"

#include <inttypes.h>

struct deploy_options {
	struct remote_options remote;
	const char *endpoint, *traffic;
	int size; /* of SIZES */
	struct decode_list variables, unset, names;
	int64_t timeout_s;
	bool is_scaling, is_always_on, is_following, is_plan, is_json;
};

static const char *const SIZES[] = {"unchanged", "Small", "Medium", "Large", NULL};

struct deploying {
	struct remote *remote;
	const struct deploy_options *options;
	struct deployment_model *models;
	size_t count;
	struct deployment deployment;
	struct client_version first; /* for the example */
	uint64_t began_ns;
};

static void tell_alias(struct deploying *deploying, const struct named *named)
{
	const bool is_databricks = deploying->remote->target.serving.is_databricks;

	console_notice(deploying->remote->console, "%.*s@%.*s is version %.*s now%s", STR_ARGS(named->version.name),
		STR_ARGS(named->alias), STR_ARGS(named->version.version),
		is_databricks ? "; Databricks' serving knows no aliases: who moves it deploys again"
			      : "; with --follow the endpoint goes along when it moves");
}

static bool read_model(struct deploying *deploying, const char *what, struct deployment_model *ret, struct error *err)
{
	const struct deploy_options *options = deploying->options;
	struct arena *arena = deploying->remote->arena;
	struct named named;

	if (!named_find(deploying->remote, what, &named, err))
		return false;
	*ret = (struct deployment_model){.model = named.version.name, .version = named.version.version, .percent = 100};
	if (deploying->first.name.len == 0)
		deploying->first = named.version;
	if (named.alias.len == 0)
		return true;
	if (options->is_following)
		ret->version = str_of(arena_printf(arena, "@%.*s", STR_ARGS(named.alias)));
	else if (!deploying->remote->console->is_json && !deploying->remote->is_dry_run)
		tell_alias(deploying, &named);
	return true;
}

static bool check_options(const struct deploying *deploying, const struct options_result *arguments, struct error *err)
{
	const struct deploy_options *options = deploying->options;
	bool has_alias = false;

	for (unsigned i = 0; i < arguments->argument_count; i++)
		has_alias |= strchr(arguments->arguments[i], '@') != NULL;
	if (options->is_following && deploying->remote->target.serving.is_databricks)
		return error_set(err, ERR_USAGE,
			"--follow: Databricks' serving knows no aliases; without it MODEL@ALIAS is the version that it "
			"is now");
	if (options->is_following && !has_alias)
		return error_set(err, ERR_USAGE, "--follow: an endpoint follows an alias: MODEL@ALIAS");
	if (options->is_scaling && options->is_always_on)
		return error_set(err, ERR_USAGE, "--scale-to-zero and --always-on exclude each other");
	if (options->names.count > 0 && options->names.count != deploying->count)
		return error_set(err, ERR_USAGE, "--name: expected one for each of the %zu models, got %zu",
			deploying->count, options->names.count);
	if (options->traffic == NULL && deploying->count > 1)
		return error_set(err, ERR_USAGE, "--traffic is missing: %zu models share the traffic, for example %s",
			deploying->count, deploying->count == 2 ? "--traffic 90,10" : "--traffic 80,10,10");
	return true;
}

static bool read_traffic(struct deploying *deploying, const struct options_result *arguments, struct error *err)
{
	struct arena *arena = deploying->remote->arena;
	const char *text = deploying->options->traffic;
	struct json places = json_array(), shares;

	if (text == NULL)
		return true;
	/* By place: two versions of one model have one name until entities are named. */
	for (size_t i = 0; i < deploying->count; i++)
		json_append(arena, &places, json_string(str_of(arena_printf(arena, "%s", arguments->arguments[i]))));
	if (strchr(text, '=') != NULL)
		return error_set(
			err, ERR_USAGE, "--traffic '%s': expected percents in the order of the models, as 90,10", text);
	if (!shares_read(arena, &places, &text, 1, &shares, err))
		return error_wrap(err, "--traffic");
	for (size_t i = 0; i < shares.size; i++)
		deploying->models[i].percent = shares.members[i].value.integer;
	return true;
}

static bool read_models(struct deploying *deploying, const struct options_result *arguments, struct error *err)
{
	const char *const *names = deploying->options->names.items;

	deploying->count = arguments->argument_count;
	deploying->models = arena_array(deploying->remote->arena, deploying->count, sizeof(*deploying->models));
	if (!check_options(deploying, arguments, err))
		return false;
	for (size_t i = 0; i < deploying->count; i++) {
		for (size_t j = 0; j < i; j++)
			if (strcmp(arguments->arguments[i], arguments->arguments[j]) == 0)
				return error_set(err, ERR_USAGE, "'%s' is there twice", arguments->arguments[i]);
		if (!read_model(deploying, arguments->arguments[i], &deploying->models[i], err))
			return false;
		if (deploying->options->names.count > 0)
			deploying->models[i].name = str_of(names[i]);
	}
	return read_traffic(deploying, arguments, err);
}

/* Whoever mistyped a name gets an endpoint of that name, but is told of the one that was meant. */
static bool tell_new(struct deploying *deploying, struct error *err)
{
	struct remote *remote = deploying->remote;
	const char *nearest;

	if (remote->is_dry_run || remote->console->is_json)
		return true;
	if (!endpoint_nearest(remote, deploying->deployment.endpoint, NULL, &nearest, err))
		return false;
	if (nearest != NULL)
		console_notice(remote->console, "'%s' is a new endpoint; there is '%s', too",
			deploying->options->endpoint, nearest);
	return true;
}

static bool plan(struct deploying *deploying, struct error *err)
{
	const struct deploy_options *options = deploying->options;
	struct deployment_wish wish = {
		.models = deploying->models,
		.model_count = deploying->count,
		.workload_size = options->size > 0 ? SIZES[options->size] : NULL,
		.scaling = options->is_scaling     ? SCALING_TO_ZERO
			   : options->is_always_on ? SCALING_OFF
						   : SCALING_AS_IT_IS,
		.unset = &options->unset,
	};

	if (!pairs_read(deploying->remote->arena, "--env", options->variables.items, options->variables.count,
		    &wish.variables, err) ||
		!deployment_open(&deploying->deployment, deploying->remote, str_of(options->endpoint), false,
			options->is_plan, err) ||
		!deployment_serve(&deploying->deployment, &wish, err))
		return false;
	deployment_compare(&deploying->deployment);
	return json_type(&deploying->deployment.before) != JSON_ABSENT || tell_new(deploying, err);
}

/* ---- answers ---- */

static void write_plan(struct deploying *deploying, struct buf *out)
{
	const struct deployment *deployment = &deploying->deployment;
	const char *action = deployment_action(deployment), *uri = deploying->remote->target.serving.url;
	const bool is_none = strcmp(action, "none") == 0;

	console_style(out, deploying->remote->console->has_out_color, STYLE_BOLD,
		is_none ? "nothing to do:" : arena_printf(deploying->remote->arena, "would %s", action));
	buf_printf(out, " endpoint %s of %s%s\n", deploying->options->endpoint, uri,
		is_none ? " serves that already" : ":");
	deployment_write_changes(out, deployment);
}

/* Of variables: they may be secrets, but for what only names one. */
static struct json without_values(struct arena *arena, const struct json *config)
{
	struct json shown = json_copy(arena, config);
	const struct json *entities = json_get(&shown, STR("served_entities"));

	for (size_t i = 0; i < entities->size; i++) {
		const struct json *variables = json_get(&entities->items[i], STR("environment_vars"));
		for (size_t j = 0; json_type(variables) == JSON_OBJECT && j < variables->size; j++)
			if (!str_starts(json_str(&variables->members[j].value), STR("{{secrets/")))
				variables->members[j].value = json_string(STR("***"));
	}
	return shown;
}

static bool answer_plan(struct deploying *deploying, struct error *err)
{
	struct arena *arena = deploying->remote->arena;
	struct json record = json_object();
	struct buf out = {0};

	json_set(arena, &record, STR("endpoint"), json_string(deploying->deployment.endpoint));
	json_set(arena, &record, STR("serving"), json_string(str_of(deploying->remote->target.serving.url)));
	json_set(arena, &record, STR("action"), json_string(str_of(deployment_action(&deploying->deployment))));
	json_set(arena, &record, STR("changes"), deploying->deployment.changes);
	json_set(arena, &record, STR("config"), without_values(arena, &deploying->deployment.config));
	write_plan(deploying, &out);
	const bool is_written = remote_answer(deploying->remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static void write_head(struct deploying *deploying, bool is_none, struct buf *out)
{
	const struct remote *remote = deploying->remote;
	const uint64_t elapsed_ms = (loop_now_ns(remote->loop) - deploying->began_ns) / 1000000;

	console_style(out, remote->console->has_out_color, STYLE_GOOD, is_none ? "nothing to do:" : "deployed");
	buf_printf(out, " %s at %s", deploying->options->endpoint, remote->target.serving.url);
	buf_printf(out, ", config version %" PRId64, endpoint_config_version(&deploying->deployment.after));
	if (is_none)
		buf_add_text(out, ", serves that already\n");
	else
		buf_printf(out, ", in %" PRIu64 ".%" PRIu64 " s\n", elapsed_ms / 1000, elapsed_ms % 1000 / 100);
}

static bool answer(struct deploying *deploying, struct error *err)
{
	struct remote *remote = deploying->remote;
	const bool is_none = strcmp(deployment_action(&deploying->deployment), "none") == 0;
	struct json record = json_object();
	struct buf out = {0}, curl = {0};
	struct sample sample;

	if (remote->is_dry_run)
		return remote_answer(remote, &record, &out, err);
	record = endpoint_record(remote, &deploying->deployment.after);
	sample_read(remote, deploying->first.name, deploying->first.version, SAMPLE_CURL_MAX, &sample);
	json_set(remote->arena, &record, STR("changed"), json_bool(!is_none));
	write_head(deploying, is_none, &out);
	endpoint_write_entities(&out, remote, &record);
	if (endpoint_is_stopped(&deploying->deployment.after))
		buf_printf(&out, "it is stopped: sluice start %s\n", deploying->options->endpoint);
	buf_printf(&out, "url  %s\n", endpoint_url(remote, deploying->deployment.endpoint));
	if (json_type(&sample.body) != JSON_ABSENT) {
		sample_write_curl(&curl, remote, endpoint_url(remote, deploying->deployment.endpoint), &sample.body);
		json_set(remote->arena, &record, STR("curl"), json_string(buf_str(&curl)));
		buf_printf(&out, "try  ");
		buf_add_str(&out, buf_str(&curl));
		buf_add_char(&out, '\n');
	}
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&curl);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct deploy_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct deploying deploying = {.remote = remote, .options = options};

	if (!remote_open(remote, console, arena, &options->remote, err))
		return false;
	deploying.deployment.timeout_ms = (uint32_t)options->timeout_s * 1000;
	deploying.began_ns = loop_now_ns(remote->loop);
	if (!read_models(&deploying, arguments, err) || !plan(&deploying, err))
		return false;
	if (options->is_plan)
		return answer_plan(&deploying, err);
	return deployment_run(&deploying.deployment, err) && answer(&deploying, err);
}

#define AT(field_) offsetof(struct deploy_options, field_)

static const struct option OPTIONS[] = {
	{"endpoint", 'e', OPTION_STRING, AT(endpoint), .value = "NAME", .is_required = true,
		.help = "made where it is not there yet"},
	{"traffic", 't', OPTION_STRING, AT(traffic), .value = "P,P…", .is_argument_only = true,
		.help = "percents of several models, in their order: 90,10"},
	{"size", 's', OPTION_CHOICE, AT(size), .value = "SIZE", .fallback = "unchanged", .choices = SIZES,
		.help = "workload size: 4, 16 or 64 requests at once; of a new entity Small"},
	{"scale-to-zero", 0, OPTION_FLAG, AT(is_scaling), .help = "gives memory or machines back while nobody asks"},
	{"always-on", 0, OPTION_FLAG, AT(is_always_on), .is_argument_only = true, .help = "no scale to zero any more"},
	{"env", 0, OPTION_STRINGS, AT(variables), .value = "K=V", .is_argument_only = true,
		.help = "a variable for ${env:K} of config.yaml, beside those there are; V may be {{secrets/scope/key}}"},
	{"unset-env", 0, OPTION_STRINGS, AT(unset), .value = "K", .is_argument_only = true,
		.help = "removes a variable"},
	{"name", 0, OPTION_STRINGS, AT(names), .value = "ENTITY", .is_argument_only = true,
		.help = "of the served entity; without it model-version"},
	{"follow", 'f', OPTION_FLAG, AT(is_following), .is_argument_only = true,
		.help = "follow the alias: whoever moves it deploys (sluiced only); without it MODEL@ALIAS is the "
			"version that it is now"},
	{"plan", 0, OPTION_FLAG, AT(is_plan), .is_argument_only = true,
		.help = "show what would change, and change nothing"},
	{"timeout-s", 0, OPTION_INTEGER, AT(timeout_s), .value = "N", .fallback = "1800", .min = 1, .max = 86400,
		.help = "how long to wait until it serves"},
	OPTION_WHY(struct deploy_options),
	OPTIONS_SERVING(struct deploy_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice deploy slides/3 --endpoint slides --why 'shorter prompts'",
	"sluice deploy slides@champion --endpoint slides --follow",
	"sluice deploy slides/3 slides/4 --endpoint slides --traffic 90,10",
	"sluice deploy main.agents.slides@champion --endpoint slides --target databricks --plan", NULL};

static const struct options_spec SPEC = {
	.program = "sluice deploy",
	.summary = "makes an endpoint serve these versions, and waits until it does",
	.about =
		"The endpoint is made or updated; where it serves that already, nothing is done. What no option says stays "
		"as it is: the new version of a model gets the workload, the scaling and the variables of the one that is "
		"served. Where it fails, what was served goes on, and the reason and the end of the build log are told.",
	.arguments = "MODEL/VERSION|MODEL@ALIAS …",
	.arguments_min = 1,
	.arguments_max = 15,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_deploy = {
	.name = "deploy",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct deploy_options),
	.json_offset = offsetof(struct deploy_options, is_json),
	.run = run,
};
