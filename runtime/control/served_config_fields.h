#pragma once
/* The fields of a config as they are sent: the tables that served_config.c decodes by. Private to control/. */
#include "base/decode.h"

struct served_config_fields_entity {
	struct str name, entity_name, entity_version, model_name, model_version, workload_size, workload_type, creator;
	bool scale_to_zero_enabled;
	int64_t min_provisioned_concurrency, max_provisioned_concurrency, creation_timestamp;
	struct json environment_vars;
};

struct served_config_fields_route {
	struct str served_entity_name, served_model_name;
	int64_t traffic_percentage, shadow_percentage;
};

struct served_config_fields_sticky {
	struct str header, column;
};

struct served_config_fields_traffic {
	struct decode_list routes;
	struct served_config_fields_sticky sticky;
};

struct served_config_fields {
	struct str name;
	struct decode_list served_entities, served_models;
	struct served_config_fields_traffic traffic_config;
};

extern const struct decode_field served_config_fields[];
