/*
 * sluiced: { --to VERSION: its history → the config that served it last } → roll back → wait
 * Databricks, which keeps no configs: the config with another entity_version → update → wait
 */
#include "cli/command.h"
#include "cli/deployment.h"
#include "cli/moved.h"

#include <inttypes.h>
#include <stdlib.h>

struct rollback_options {
	struct remote_options remote;
	const char *to;
	int64_t timeout_s;
	bool is_json;
};

enum { HISTORY_MAX = 1000 };

static const struct str CONFIG = {"config:", 7};

static bool read_number(struct str text, int64_t *ret)
{
	*ret = 0;
	if (!str_is_digits(text) || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++)
		*ret = *ret * 10 + (text.data[i] - '0');
	return true;
}

/* ---- sluiced ---- */

static struct str version_of(const struct json *entity)
{
	const struct str resolved = json_str(json_get(entity, STR("resolved_entity_version")));

	return resolved.len > 0 ? resolved : json_str(json_get(entity, STR("entity_version")));
}

/* 2: all of the traffic, 1: some of it, 0 */
static int serves(struct arena *arena, const struct json *config, struct str version)
{
	const struct json *entities = endpoint_entities(config), traffic = endpoint_traffic(arena, config);
	bool is_served = false, is_alone = true;

	for (size_t i = 0; entities != NULL && i < entities->size; i++) {
		const struct json *percent = json_get(&traffic, json_str(json_get(&entities->items[i], STR("name"))));
		const bool is_it = str_eq(version_of(&entities->items[i]), version);

		is_served |= is_it;
		is_alone &= is_it || percent == NULL || percent->integer == 0;
	}
	return is_served ? 1 + is_alone : 0;
}

/* "4 (config:7), 3 (config:5)": what there is to go back to. */
static const char *served_before(struct arena *arena, const struct json *history, int64_t current)
{
	struct buf out = {0};

	for (size_t i = 0; i < history->size && out.len < 200; i++) {
		const struct json *config = &history->items[i], *entities = endpoint_entities(config);
		const struct json *number = json_get(config, STR("config_version"));

		if (json_get(config, STR("served_timestamp")) == NULL || json_type(number) != JSON_INTEGER ||
			number->integer == current || entities == NULL)
			continue;
		buf_add_text(&out, out.len > 0 ? ", " : "");
		for (size_t j = 0; j < entities->size; j++)
			buf_printf(&out, "%s%.*s", j > 0 ? "+" : "", STR_ARGS(version_of(&entities->items[j])));
		buf_printf(&out, " (config:%" PRId64 ")", number->integer);
	}
	const char *text = out.len > 0 ? arena_memdup(arena, out.data, out.len) : "none";
	buf_done(&out);
	return text;
}

/* The config that served the version last, before what is served now; rather one that served nothing beside it. */
static bool find_config(struct deployment *deployment, struct str version, int64_t *ret, struct error *err)
{
	struct remote *remote = deployment->remote;
	const int64_t current = endpoint_config_version(&deployment->before);
	struct json history;
	int best = 0;

	if (!remote_wait(remote,
		    client_endpoint_history(remote->client, remote->arena, deployment->endpoint, HISTORY_MAX, &history),
		    err))
		return false;
	for (size_t i = 0; i < history.size; i++) {
		const struct json *config = &history.items[i], *number = json_get(config, STR("config_version"));

		if (json_get(config, STR("served_timestamp")) == NULL || json_type(number) != JSON_INTEGER ||
			number->integer == current || serves(remote->arena, config, version) <= best)
			continue;
		best = serves(remote->arena, config, version);
		*ret = number->integer;
	}
	return best > 0 ||
	       error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has served no version %.*s before; it served %s",
		       STR_ARGS(deployment->endpoint), STR_ARGS(version),
		       served_before(remote->arena, &history, current));
}

static bool read_to(struct deployment *deployment, const char *to, int64_t *ret, struct error *err)
{
	struct str text = str_of(to);
	int64_t number;

	*ret = 0;
	if (to == NULL)
		return true;
	if (str_starts(text, CONFIG) && read_number((struct str){text.data + CONFIG.len, text.len - CONFIG.len}, ret))
		return true;
	if (!read_number(text, &number))
		return error_set(
			err, ERR_USAGE, "--to '%s': expected a model's version, as 3, or a config, as config:7", to);
	return find_config(deployment, text, ret, err);
}

/* Who wants to get rid of an update that failed has done so: what serves is what served before it. */
static bool check_served(const struct deployment *deployment, const char *to, struct error *err)
{
	if (to != NULL || !endpoint_is_failed(&deployment->before))
		return true;
	return error_set(err, ERR_INVALID_STATE,
		"the last update of '%.*s' failed, so config version %" PRId64 " serves still: nothing to roll back; "
		"to go back further, say --to",
		STR_ARGS(deployment->endpoint), endpoint_config_version(&deployment->before));
}

static bool roll_back(struct deployment *deployment, const char *to, struct error *err)
{
	struct remote *remote = deployment->remote;
	int64_t config_version;
	struct json answer;

	return check_served(deployment, to, err) && read_to(deployment, to, &config_version, err) &&
	       remote_wait(remote,
		       client_endpoint_rollback(
			       remote->client, remote->arena, deployment->endpoint, config_version, &answer),
		       err) &&
	       (remote->is_dry_run || deployment_wait(deployment, err));
}

/* ---- Databricks ---- */

static bool check_plain(
	const struct deployment *deployment, const struct json *entities, const char *to, struct error *err)
{
	int64_t number;

	if (to == NULL)
		return error_set(err, ERR_USAGE,
			"--to VERSION is missing: Databricks keeps no earlier configs, so say the model's version");
	if (!read_number(str_of(to), &number))
		return error_set(err, ERR_USAGE,
			"--to '%s': expected a model's version: Databricks keeps no earlier configs", to);
	if (entities->size == 1 && json_str(json_get(&entities->items[0], STR("entity_name"))).len > 0)
		return true;
	return error_set(err, ERR_INVALID_STATE,
		"endpoint '%.*s' serves %zu entities, and Databricks keeps no earlier configs: say what is served with "
		"sluice deploy, or move its traffic with sluice traffic",
		STR_ARGS(deployment->endpoint), (size_t)entities->size);
}

static bool set_version(struct deployment *deployment, const char *to, struct error *err)
{
	struct arena *arena = deployment->remote->arena;
	const struct json config = deployment_config_of(arena, json_get(&deployment->before, STR("config")));
	const struct json *entities = json_get(&config, STR("served_entities"));

	if (!check_plain(deployment, entities, to, err))
		return false;
	const struct deployment_model model = {.model = json_str(json_get(&entities->items[0], STR("entity_name"))),
		.version = str_of(to),
		.percent = 100};
	const struct deployment_wish wish = {.models = &model, .model_count = 1};
	if (!deployment_serve(deployment, &wish, err))
		return false;
	deployment_compare(deployment);
	return deployment_run(deployment, err);
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct rollback_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct deployment deployment = {.timeout_ms = (uint32_t)options->timeout_s * 1000};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!deployment_open(&deployment, remote, str_of(arguments->arguments[0]), true, false, err))
		return false;
	const bool is_fine = remote->target.serving.is_databricks ? set_version(&deployment, options->to, err)
								  : roll_back(&deployment, options->to, err);
	return is_fine && moved_answer(remote, "rolled back", &deployment.after, err);
}

#define AT(field_) offsetof(struct rollback_options, field_)

static const struct option OPTIONS[] = {
	{"to", 't', OPTION_STRING, AT(to), .value = "VERSION|config:N", .is_argument_only = true,
		.help = "a model's version that served before, or a config version of sluice history; without it what served "
			"before what serves now. Databricks needs a VERSION"},
	{"timeout-s", 0, OPTION_INTEGER, AT(timeout_s), .value = "N", .fallback = "1800", .min = 1, .max = 86400,
		.help = "how long to wait until it serves"},
	OPTION_WHY(struct rollback_options),
	OPTIONS_SERVING(struct rollback_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice rollback slides --why 'wrong figures'", "sluice rollback slides --to 3",
	"sluice rollback slides --to config:7", "sluice rollback slides --to 3 --target databricks", NULL};

static const struct options_spec SPEC = {
	.program = "sluice rollback",
	.summary = "makes an endpoint serve what it served before, without losing a request",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_rollback = {
	.name = "rollback",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct rollback_options),
	.json_offset = offsetof(struct rollback_options, is_json),
	.run = run,
};
