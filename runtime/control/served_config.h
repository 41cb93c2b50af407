#pragma once
/*
 * Config: what an endpoint serves, as clients send it (EndpointCoreConfigInput of Databricks' serving API), checked and
 * put into one form: what is stored as a config version, and what answers show.
 *
 * What is not done here is refused by name; what answers hold and clients send back when they read, change and write a
 * config (creator, state, config_version, …) is taken and left out. `served_models` is the older spelling of
 * `served_entities`; answers have both.
 *
 * Beyond Databricks: entity_version "@champion" follows an alias of the registry; a route has `shadow_percentage`; the
 * traffic has `sticky`. Source: docs/protocol/DATABRICKS.md 1.3.
 */
#include "base/decode.h"

enum { CONFIG_ENTITIES_MAX = 15, CONFIG_VARIABLES_MAX = 30, CONFIG_NAME_MAX = 63, CONFIG_SLOTS_MAX = 4096 };

struct served_config_entity {
	struct str name;
	struct str model;   /* entity_name: a registered model */
	struct str version; /* "3"; empty where it follows an alias */
	struct str alias;   /* "champion"; empty where it is a version */
	struct str workload_size, workload_type; /* size is empty where provisioned concurrency stands instead */
	int64_t concurrency_min, concurrency_max; /* as sent, 0: not sent */
	bool is_scaling_to_zero;
	struct json variables; /* object of strings; values may be {{secrets/scope/key}} */
	struct str creator;
	int64_t created_ms;
	int64_t percent, shadow_percent;
	unsigned slots; /* requests at once */
};

struct served_config {
	struct served_config_entity *entities;
	size_t count;
	struct str sticky_header, sticky_column; /* at most one is not empty */
};

/* Who sends it, for what is not in it. */
struct served_config_context {
	struct str endpoint; /* its name */
	struct str creator;
	int64_t now_ms;
};

/* The first mistake is ERR_INVALID_PARAMETER "served_entities[0].workload_size: …". */
bool served_config_read(struct arena *arena, const struct json *body, const struct served_config_context *context, struct served_config *ret,
	struct error *err);
/* Of what served_config_stored() made. */
bool served_config_restore(struct arena *arena, struct str text, struct served_config *ret, struct error *err);
/* {"served_entities": […], "traffic_config": {…}}: everything that served_config_restore() needs. */
struct json served_config_stored(struct arena *arena, const struct served_config *config);
/* The traffic as answers have it: routes by both names. */
struct json served_config_traffic(struct arena *arena, const struct served_config *config);
/* One entity as answers have it, without its state. `is_model`: with the names of served_models. */
struct json served_config_entity_json(struct arena *arena, const struct served_config_entity *entity, bool is_model);
const struct served_config_entity *served_config_find(const struct served_config *config, struct str name);

/* A name of an endpoint or a served entity. ERR_INVALID_PARAMETER. */
bool served_config_check_name(const char *what, struct str name, struct error *err);
