/* What is wanted: served entities as requests have them. */
#include "cli/deployment.h"

/* What requests may hold of an entity; the rest of what answers show is the server's. */
static const char *const SENT[] = {"name", "entity_name", "entity_version", "external_model", "workload_size",
	"workload_type", "scale_to_zero_enabled", "environment_vars", "instance_profile_arn",
	"min_provisioned_concurrency", "max_provisioned_concurrency", "min_provisioned_throughput",
	"max_provisioned_throughput", "provisioned_model_units", "burst_scaling_enabled", NULL};

static void set(struct arena *arena, struct json *object, const char *key, struct json value)
{
	json_set(arena, object, str_of(key), value);
}

static struct json sent_entity(struct arena *arena, const struct json *entity)
{
	struct json sent = json_object();

	for (size_t i = 0; SENT[i] != NULL; i++) {
		const struct json *value = json_get(entity, str_of(SENT[i]));

		if (value == NULL && strcmp(SENT[i], "entity_name") == 0)
			value = json_get(entity, STR("model_name"));
		if (value == NULL && strcmp(SENT[i], "entity_version") == 0)
			value = json_get(entity, STR("model_version"));
		if (value != NULL)
			set(arena, &sent, SENT[i], json_copy(arena, value));
	}
	return sent;
}

struct json deployment_config_of(struct arena *arena, const struct json *config)
{
	const struct json *listed = endpoint_entities(config), *traffic = json_get(config, STR("traffic_config"));
	const struct json *capture = json_get(config, STR("auto_capture_config"));
	struct json out = json_object(), entities = json_array();

	for (size_t i = 0; listed != NULL && i < listed->size; i++)
		json_append(arena, &entities, sent_entity(arena, &listed->items[i]));
	set(arena, &out, "served_entities", entities);
	if (json_type(traffic) == JSON_OBJECT)
		set(arena, &out, "traffic_config", json_copy(arena, traffic));
	if (json_type(capture) == JSON_OBJECT)
		set(arena, &out, "auto_capture_config", json_copy(arena, capture));
	return out;
}

void deployment_set_traffic(struct arena *arena, struct json *config, const struct json *traffic)
{
	const struct json *before = json_get(config, STR("traffic_config"));
	const struct json *old = json_get(before, STR("routes"));
	struct json after = json_type(before) == JSON_OBJECT ? json_copy(arena, before) : json_object();
	struct json routes = json_array();

	for (size_t i = 0; i < traffic->size; i++) {
		const struct str name = json_str(&traffic->members[i].key);
		struct json route = json_object();

		set(arena, &route, "served_entity_name", json_string(name));
		set(arena, &route, "traffic_percentage", traffic->members[i].value);
		/* A shadow stays one. */
		for (size_t j = 0; json_type(old) == JSON_ARRAY && j < old->size; j++) {
			const struct json *shadow = json_get(&old->items[j], STR("shadow_percentage"));
			if (shadow != NULL &&
				str_eq(json_str(json_get(&old->items[j], STR("served_entity_name"))), name))
				set(arena, &route, "shadow_percentage", *shadow);
		}
		json_append(arena, &routes, route);
	}
	set(arena, &after, "routes", routes);
	set(arena, config, "traffic_config", after);
}

/* ---- one entity ---- */

/* "slides-4" of "main.agents.slides" and 4. */
static struct str default_name(struct arena *arena, const struct deployment_model *model)
{
	const char *dot = memrchr(model->model.data, '.', model->model.len);
	const struct str last =
		dot != NULL ? (struct str){dot + 1, (size_t)(model->model.data + model->model.len - dot - 1)}
			    : model->model;
	const size_t skipped = str_starts(model->version, STR("@"));
	char *name = arena_printf(
		arena, "%.*s-%.*s", STR_ARGS(last), (int)(model->version.len - skipped), model->version.data + skipped);

	for (char *at = name; *at != '\0'; at++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *at) == NULL)
			*at = '-';
	return str_of(name);
}

static struct str text_of(const struct json *entity, const char *key)
{
	return json_str(json_get(entity, str_of(key)));
}

/* Served now under another name, the same version keeps it. */
static struct str name_of(struct arena *arena, const struct json *served, const struct deployment_model *model)
{
	for (size_t i = 0; i < served->size && model->name.len == 0; i++)
		if (str_eq(text_of(&served->items[i], "entity_name"), model->model) &&
			str_eq(text_of(&served->items[i], "entity_version"), model->version))
			return text_of(&served->items[i], "name");
	return model->name.len > 0 ? model->name : default_name(arena, model);
}

/* Whose settings go over: the entity of that name, else the one of that model with the most traffic. */
static const struct json *base_of(
	struct arena *arena, const struct json *config, const struct json *served, struct str model, struct str name)
{
	const struct json traffic = endpoint_traffic(arena, config);
	const struct json *base = NULL;
	int64_t most = -1;

	for (size_t i = 0; i < served->size; i++) {
		const struct json *entity = &served->items[i];
		const struct json *percent = json_get(&traffic, text_of(entity, "name"));

		if (!str_eq(text_of(entity, "entity_name"), model))
			continue;
		if (str_eq(text_of(entity, "name"), name))
			return entity;
		if (percent != NULL && percent->integer > most) {
			most = percent->integer;
			base = entity;
		}
	}
	return base;
}

static bool is_unset(const struct deployment_wish *wish, struct str key)
{
	const char *const *names = wish->unset != NULL ? wish->unset->items : NULL;

	for (size_t i = 0; names != NULL && i < wish->unset->count; i++)
		if (str_is(key, names[i]))
			return true;
	return false;
}

static void set_variables(struct arena *arena, const struct deployment_wish *wish, struct json *entity)
{
	const struct json *before = json_get(entity, STR("environment_vars"));
	struct json after = json_object();

	for (size_t i = 0; json_type(before) == JSON_OBJECT && i < before->size; i++)
		if (!is_unset(wish, json_str(&before->members[i].key)))
			json_set(arena, &after, json_str(&before->members[i].key), before->members[i].value);
	for (size_t i = 0; i < wish->variables.count; i++)
		json_set(arena, &after, wish->variables.items[i].key, json_string(wish->variables.items[i].value));
	if (before != NULL || after.size > 0)
		set(arena, entity, "environment_vars", after);
}

/* A size and a provisioned concurrency exclude each other. */
static struct json without_concurrency(struct arena *arena, const struct json *entity)
{
	struct json out = json_object();

	for (size_t i = 0; i < entity->size; i++) {
		const struct str key = json_str(&entity->members[i].key);

		if (!str_is(key, "min_provisioned_concurrency") && !str_is(key, "max_provisioned_concurrency"))
			json_set(arena, &out, key, entity->members[i].value);
	}
	return out;
}

static struct json wished_entity(struct arena *arena, const struct deployment_wish *wish,
	const struct deployment_model *model, struct str name, const struct json *base)
{
	struct json entity = base != NULL ? json_copy(arena, base) : json_object();

	if (wish->workload_size != NULL)
		entity = without_concurrency(arena, &entity);
	const bool is_sized = json_get(&entity, STR("max_provisioned_concurrency")) != NULL;
	set(arena, &entity, "name", json_string(name));
	set(arena, &entity, "entity_name", json_string(model->model));
	set(arena, &entity, "entity_version", json_string(model->version));
	if (wish->workload_size != NULL)
		set(arena, &entity, "workload_size", json_string(str_of(wish->workload_size)));
	else if (!is_sized && json_get(&entity, STR("workload_size")) == NULL)
		set(arena, &entity, "workload_size", json_string(STR("Small")));
	/* Databricks wants to be told. */
	if (wish->scaling != SCALING_AS_IT_IS || json_get(&entity, STR("scale_to_zero_enabled")) == NULL)
		set(arena, &entity, "scale_to_zero_enabled", json_bool(wish->scaling == SCALING_TO_ZERO));
	set_variables(arena, wish, &entity);
	return entity;
}

bool deployment_serve(struct deployment *deployment, const struct deployment_wish *wish, struct error *err)
{
	struct arena *arena = deployment->remote->arena;
	const struct json *config = json_get(&deployment->before, STR("config"));
	struct json entities = json_array(), traffic = json_object();

	if (endpoint_entities(config) == NULL)
		config = json_get(&deployment->before, STR("pending_config"));
	deployment->config = deployment_config_of(arena, config);
	const struct json served = *json_get(&deployment->config, STR("served_entities"));
	for (size_t i = 0; i < wish->model_count; i++) {
		const struct deployment_model *model = &wish->models[i];
		const struct str name = name_of(arena, &served, model);

		if (json_get(&traffic, name) != NULL)
			return error_set(err, ERR_USAGE,
				"two served entities would be called '%.*s': give them names (--name)", STR_ARGS(name));
		json_append(arena, &entities,
			wished_entity(arena, wish, model, name, base_of(arena, config, &served, model->model, name)));
		json_set(arena, &traffic, name, json_integer(model->percent));
	}
	set(arena, &deployment->config, "served_entities", entities);
	deployment_set_traffic(arena, &deployment->config, &traffic);
	return true;
}
