/* A config as JSON: what is stored, and what answers show. */
#include "control/served_config.h"

static void set(struct arena *arena, struct json *object, const char *name, struct json value)
{
	json_set(arena, object, str_of(name), value);
}

static void set_text(struct arena *arena, struct json *object, const char *name, struct str text)
{
	if (text.len > 0)
		set(arena, object, name, json_string(text));
}

static struct str version_text(struct arena *arena, const struct served_config_entity *entity)
{
	return entity->alias.len > 0 ? str_of(arena_printf(arena, "@%.*s", STR_ARGS(entity->alias))) : entity->version;
}

struct json served_config_entity_json(struct arena *arena, const struct served_config_entity *entity, bool is_model)
{
	struct json out = json_object();

	set_text(arena, &out, "name", entity->name);
	set_text(arena, &out, is_model ? "model_name" : "entity_name", entity->model);
	set_text(arena, &out, is_model ? "model_version" : "entity_version", version_text(arena, entity));
	set_text(arena, &out, "workload_size", entity->workload_size);
	set_text(arena, &out, "workload_type", entity->workload_type);
	set(arena, &out, "scale_to_zero_enabled", json_bool(entity->is_scaling_to_zero));
	if (entity->concurrency_max > 0) {
		set(arena, &out, "min_provisioned_concurrency", json_integer(entity->concurrency_min));
		set(arena, &out, "max_provisioned_concurrency", json_integer(entity->concurrency_max));
	}
	if (entity->variables.type == JSON_OBJECT && entity->variables.size > 0)
		set(arena, &out, "environment_vars", entity->variables);
	set_text(arena, &out, "creator", entity->creator);
	set(arena, &out, "creation_timestamp", json_integer(entity->created_ms));
	return out;
}

static struct json sticky_json(struct arena *arena, const struct served_config *config)
{
	struct json sticky = json_object();

	set_text(arena, &sticky, "header", config->sticky_header);
	set_text(arena, &sticky, "column", config->sticky_column);
	return sticky;
}

struct json served_config_traffic(struct arena *arena, const struct served_config *config)
{
	struct json traffic = json_object(), routes = json_array();

	for (size_t i = 0; i < config->count; i++) {
		const struct served_config_entity *entity = &config->entities[i];
		struct json route = json_object();

		set_text(arena, &route, "served_entity_name", entity->name);
		set_text(arena, &route, "served_model_name", entity->name);
		set(arena, &route, "traffic_percentage", json_integer(entity->percent));
		if (entity->shadow_percent > 0)
			set(arena, &route, "shadow_percentage", json_integer(entity->shadow_percent));
		json_append(arena, &routes, route);
	}
	set(arena, &traffic, "routes", routes);
	if (config->sticky_header.len + config->sticky_column.len > 0)
		set(arena, &traffic, "sticky", sticky_json(arena, config));
	return traffic;
}

struct json served_config_stored(struct arena *arena, const struct served_config *config)
{
	struct json stored = json_object(), entities = json_array();

	for (size_t i = 0; i < config->count; i++)
		json_append(arena, &entities, served_config_entity_json(arena, &config->entities[i], false));
	set(arena, &stored, "served_entities", entities);
	set(arena, &stored, "traffic_config", served_config_traffic(arena, config));
	return stored;
}
