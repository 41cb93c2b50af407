#include "cli/released.h"

#include <inttypes.h>

enum { FOLLOW_WAIT_MS = 60000 };

struct going_along {
	struct str model, follows, version;
	int64_t pending; /* the newest config version before the alias moved */
};

static struct str text_of(const struct json *object, const char *key)
{
	return json_str(json_get(object, str_of(key)));
}

/* The served entity that follows the alias. */
static const struct json *follower(const struct json *endpoint, struct str model, struct str follows)
{
	const struct json *entities = endpoint_entities(json_get(endpoint, STR("config")));

	for (size_t i = 0; entities != NULL && follows.len > 1 && i < entities->size; i++)
		if (str_eq(text_of(&entities->items[i], "entity_name"), model) &&
			str_eq(text_of(&entities->items[i], "entity_version"), follows))
			return &entities->items[i];
	return NULL;
}

static struct str follows_of(const struct released *released)
{
	return str_of(
		arena_printf(released->deployment.remote->arena, "@%.*s", STR_ARGS(released->environment->alias)));
}

bool released_open(struct released *released, struct remote *remote, const struct environment *environment,
	bool is_plan, struct error *err)
{
	*released = (struct released){.environment = environment};
	if (!deployment_open(&released->deployment, remote, environment->endpoint_name, false, is_plan, err)) {
		if (err->code == ERR_NOT_IMPLEMENTED)
			return error_set(err, ERR_USAGE,
				"environment '%.*s' has an endpoint, and %s has none: name where they are (serving in %s, or "
				"--serving URI)",
				STR_ARGS(environment->name), remote->target.serving.url, remote->project.path);
		return false;
	}
	released->is_following =
		follower(&released->deployment.before, environment->model_name, follows_of(released)) != NULL;
	return true;
}

static bool read_variables(
	struct arena *arena, const struct environment *environment, struct client_tags *ret, struct error *err)
{
	const struct json *variables = &environment->env;
	const size_t count = json_type(variables) == JSON_OBJECT ? variables->size : 0;
	struct client_tag *items = arena_array(arena, count, sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		items[i] = (struct client_tag){
			json_str(&variables->members[i].key), json_str(&variables->members[i].value)};
		if (json_type(&variables->members[i].value) != JSON_STRING)
			return error_set(err, ERR_USAGE, "environment '%.*s': env.%.*s: expected a string, got %s",
				STR_ARGS(environment->name), STR_ARGS(items[i].key),
				json_type_name(&variables->members[i].value));
	}
	*ret = (struct client_tags){items, count};
	return true;
}

static bool choose(struct released *released, struct str version, struct error *err)
{
	const struct environment *environment = released->environment;
	const struct deployment_model model = {.model = environment->model_name, .version = version, .percent = 100};
	struct deployment_wish wish = {
		.models = &model,
		.model_count = 1,
		.workload_size = project_workload_sizes[environment->workload_size],
		.scaling = environment->scale_to_zero ? SCALING_TO_ZERO : SCALING_OFF,
	};

	if (!read_variables(released->deployment.remote->arena, environment, &wish.variables, err) ||
		!deployment_serve(&released->deployment, &wish, err))
		return false;
	deployment_compare(&released->deployment);
	return true;
}

static const char *in_one_line(struct released *released)
{
	const struct json *changes = &released->deployment.changes;
	struct buf out = {0};

	for (size_t i = 0; i < changes->size; i++) {
		const struct json *row = &changes->items[i];
		const struct str change = text_of(row, "change"), entity = text_of(row, "entity");

		buf_printf(&out, "%s%s %.*s %.*s", i > 0 ? "; " : "",
			str_is(change, "add")      ? "+"
			: str_is(change, "remove") ? "-"
						   : "~",
			STR_ARGS(entity.len > 0 ? entity : STR("traffic")), STR_ARGS(text_of(row, "text")));
	}
	const char *text = arena_memdup(released->deployment.remote->arena, out.data, out.len);
	buf_done(&out);
	return text;
}

bool released_plan(struct released *released, struct str version, const char **ret, struct error *err)
{
	const struct environment *environment = released->environment;
	struct arena *arena = released->deployment.remote->arena;

	if (released->is_following) {
		*ret = arena_printf(arena, "endpoint %.*s follows %.*s@%.*s and goes along",
			STR_ARGS(environment->endpoint_name), STR_ARGS(environment->model_name),
			STR_ARGS(environment->alias));
		return true;
	}
	if (!choose(released, version, err))
		return false;
	const char *action = deployment_action(&released->deployment);
	*ret = strcmp(action, "none") == 0
		       ? arena_printf(arena, "endpoint %.*s serves that already", STR_ARGS(environment->endpoint_name))
		       : arena_printf(arena, "%s endpoint %.*s: %s", action, STR_ARGS(environment->endpoint_name),
				 in_one_line(released));
	return true;
}

/* What failed before is no answer to what the alias was moved for. */
static bool has_gone_along(void *data, const struct json *endpoint)
{
	const struct going_along *going = data;
	const struct json *pending = json_at(endpoint, STR("pending_config.config_version"));
	const struct json *entity = follower(endpoint, going->model, going->follows);

	if (endpoint_is_failed(endpoint) && json_type(pending) == JSON_INTEGER && pending->integer > going->pending)
		return true;
	return !endpoint_is_updating(endpoint) && str_eq(text_of(entity, "resolved_entity_version"), going->version);
}

static int64_t newest_config(const struct json *endpoint)
{
	const struct json *pending = json_at(endpoint, STR("pending_config.config_version"));

	return json_type(pending) == JSON_INTEGER ? pending->integer : endpoint_config_version(endpoint);
}

static bool wait_for_follower(struct released *released, struct str version, struct error *err)
{
	struct going_along going = {released->environment->model_name, follows_of(released), version,
		newest_config(&released->deployment.before)};

	released->deployment.timeout_ms = FOLLOW_WAIT_MS;
	released->deployment.is_done = has_gone_along;
	released->deployment.is_done_data = &going;
	return deployment_wait(&released->deployment, err);
}

bool released_run(struct released *released, struct str version, const char **ret, struct error *err)
{
	const struct environment *environment = released->environment;
	struct remote *remote = released->deployment.remote;
	bool is_fine = released_plan(released, version, ret, err);

	if (is_fine && !released->is_following)
		is_fine = deployment_run(&released->deployment, err);
	else if (is_fine && !remote->is_dry_run)
		is_fine = wait_for_follower(released, version, err);
	if (!is_fine)
		return error_wrap(err, "%.*s/%.*s is registered, but not deployed", STR_ARGS(environment->model_name),
			STR_ARGS(version));
	*ret = arena_printf(remote->arena, "%s, config version %" PRId64, *ret,
		endpoint_config_version(&released->deployment.after));
	return true;
}
