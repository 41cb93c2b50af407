/*
 * deployment_open: get → { wait for the update in progress → get }
 * deployment_run: create or update → wait → { served | why not, build log }
 */
#include "cli/deployment.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOG_LINES_SHOWN = 20 };

struct watching {
	struct remote *remote;
	struct str endpoint;
	struct str told; /* the last thing said: once is enough */
	uint64_t began_ns;
};

/* What there is to say: the first entity that is not ready, and what it says. */
static void on_look(void *data, const struct json *endpoint)
{
	struct watching *watching = data;
	struct remote *remote = watching->remote;
	const struct json *entities = endpoint_entities(json_get(endpoint, STR("pending_config")));
	const uint64_t elapsed_s = (loop_now_ns(remote->loop) - watching->began_ns) / 1000000000;
	struct str name = STR(""), message = STR("");

	if (!endpoint_is_updating(endpoint))
		return;
	for (size_t i = 0; entities != NULL && i < entities->size && message.len == 0; i++) {
		name = json_str(json_get(&entities->items[i], STR("name")));
		message = json_str(json_at(&entities->items[i], STR("state.deployment_state_message")));
	}
	const struct str text = str_of(arena_printf(remote->arena, "deploying %.*s: %.*s%s%.*s",
		STR_ARGS(watching->endpoint), STR_ARGS(name), message.len > 0 ? ": " : "", STR_ARGS(message)));
	if (remote->console->is_err_terminal)
		console_progress_text(
			remote->console, arena_printf(remote->arena, "%.*s  %" PRIu64 " s", STR_ARGS(text), elapsed_s));
	else if (!str_eq(watching->told, text) && !remote->console->is_json)
		console_notice(remote->console, "%.*s", STR_ARGS(text));
	watching->told = text;
}

/* `is_first`: for what others began. */
static bool wait_for(struct deployment *deployment, bool is_first, struct json *ret, struct error *err)
{
	struct remote *remote = deployment->remote;
	struct watching watching = {
		.remote = remote, .endpoint = deployment->endpoint, .began_ns = loop_now_ns(remote->loop)};
	const struct client_endpoint_wait wait = {
		.name = deployment->endpoint,
		.timeout_ms = deployment->timeout_ms > 0 ? deployment->timeout_ms : DEPLOYMENT_WAIT_S * 1000,
		.on_look = on_look,
		.data = &watching,
		.is_done = is_first ? NULL : deployment->is_done,
		.done_data = deployment->is_done_data,
	};

	return remote_wait(remote, client_endpoint_wait(remote->client, remote->arena, &wait, ret), err);
}

bool deployment_open(struct deployment *deployment, struct remote *remote, struct str endpoint, bool is_there,
	bool is_looking, struct error *err)
{
	struct error why;

	deployment->remote = remote;
	deployment->endpoint = endpoint;
	deployment->before = (struct json){0};
	if (is_there) {
		if (!endpoint_find(remote, endpoint, &deployment->before, err))
			return false;
	} else if (!remote_wait(remote,
			   client_endpoint_get(remote->client, remote->arena, endpoint, &deployment->before), &why)) {
		deployment->before = (struct json){0};
		if (why.code != ERR_NOT_FOUND)
			*err = why;
		return why.code == ERR_NOT_FOUND;
	}
	if (!endpoint_is_updating(&deployment->before) || is_looking || remote->is_dry_run)
		return true;
	console_notice(remote->console, "endpoint '%.*s' is being updated: waiting for that first", STR_ARGS(endpoint));
	return wait_for(deployment, true, &deployment->before, err);
}

/* ---- run ---- */

static void show_log(struct deployment *deployment, struct str entity)
{
	struct remote *remote = deployment->remote;
	struct error ignored;
	struct str log, line;

	if (entity.len == 0 || remote->console->is_json ||
		!remote_wait(remote,
			client_endpoint_logs(remote->client, remote->arena, deployment->endpoint, entity, true, &log),
			&ignored))
		return;
	log = str_trim_space(log);
	const size_t lines = str_count(log, '\n') + 1;
	if (log.len > 0)
		console_notice(remote->console, "the build log of %.*s ends:", STR_ARGS(entity));
	for (size_t i = 0; log.len > 0; i++) {
		str_cut(&log, '\n', &line);
		if (i + LOG_LINES_SHOWN >= lines)
			console_notice(remote->console, "  %.*s", STR_ARGS(line));
	}
}

static bool check(struct deployment *deployment, struct error *err)
{
	const struct json *after = &deployment->after;
	const int64_t version = endpoint_config_version(after);
	struct str entity;

	if (!endpoint_is_failed(after))
		return true;
	const struct str why = endpoint_failure(after, &entity);
	char stays[64] = "nothing is served";
	if (version > 0)
		snprintf(stays, sizeof(stays), "config version %" PRId64 " goes on serving", version);
	show_log(deployment, entity);
	return error_set(err, ERR_INVALID_STATE, "endpoint '%.*s' was not updated: %.*s; %s",
		STR_ARGS(deployment->endpoint), STR_ARGS(why.len > 0 ? why : STR("the server does not say why")),
		stays);
}

bool deployment_wait(struct deployment *deployment, struct error *err)
{
	return wait_for(deployment, false, &deployment->after, err) && check(deployment, err);
}

bool deployment_settle(struct deployment *deployment, struct error *err)
{
	static const struct str PENDING = {"pending_config.config_version", 29};
	const struct json *before = &deployment->before;

	if (!wait_for(deployment, false, &deployment->after, err))
		return false;
	return (endpoint_is_failed(before) &&
		       json_equal(json_at(before, PENDING), json_at(&deployment->after, PENDING))) ||
	       check(deployment, err);
}

static bool send_config(struct deployment *deployment, struct error *err)
{
	struct remote *remote = deployment->remote;
	struct arena *arena = remote->arena;
	struct json body = json_object(), answer;

	if (json_type(&deployment->before) != JSON_ABSENT)
		return remote_wait(remote,
			client_endpoint_update(
				remote->client, arena, deployment->endpoint, &deployment->config, &answer),
			err);
	json_set(arena, &body, STR("name"), json_string(deployment->endpoint));
	json_set(arena, &body, STR("config"), deployment->config);
	return remote_wait(remote, client_endpoint_create(remote->client, arena, &body, &answer), err);
}

bool deployment_run(struct deployment *deployment, struct error *err)
{
	deployment->after = deployment->before;
	if (strcmp(deployment_action(deployment), "none") == 0)
		return true;
	return send_config(deployment, err) && (deployment->remote->is_dry_run || deployment_wait(deployment, err));
}
