#include "control/served_config_fields.h"

#include "control/fields.h"
#include "control/served_config.h"

#define TEXT(type_, name_, help_)    {#name_, DECODE_STRING, .offset = offsetof(struct type_, name_), .help = help_}
#define NUMBER(type_, name_, max_, help_)                                                                            \
	{#name_, DECODE_INTEGER, .offset = offsetof(struct type_, name_), .min = 0, .max = max_, .help = help_}

/* A number is no text, but whoever counts versions sends one. */
static void take_version(struct decoder *decoder, const struct json *value, void *ret)
{
	struct str *version = ret;

	if (json_type(value) == JSON_STRING)
		*version = json_str(value);
	else if (json_type(value) == JSON_INTEGER)
		*version = str_of(arena_printf(decoder->arena, "%lld", (long long)value->integer));
	else if (json_type(value) != JSON_NULL)
		decode_problem(decoder, value, "expected a version as text, \"3\", got %s", json_type_name(value));
}

#define VERSION(name_, help_)                                                                                        \
	{#name_, DECODE_CUSTOM, .offset = offsetof(struct served_config_fields_entity, name_), .custom = take_version,        \
		.help = help_}

static const struct decode_field ENTITY[] = {
	TEXT(served_config_fields_entity, name, "the served entity's name in the endpoint; default: model-version"),
	TEXT(served_config_fields_entity, entity_name, "the registered model; `model@alias` follows an alias"),
	VERSION(entity_version, "its version, or `@alias` to follow an alias"),
	TEXT(served_config_fields_entity, model_name, "the older name of entity_name"),
	VERSION(model_version, "the older name of entity_version"),
	TEXT(served_config_fields_entity, workload_size, "Small: 4 requests at once, Medium: 16, Large: 64; default Small"),
	TEXT(served_config_fields_entity, workload_type, "CPU"),
	{"scale_to_zero_enabled", DECODE_BOOL, .offset = offsetof(struct served_config_fields_entity, scale_to_zero_enabled),
		.help = "gives the bundle's memory back after a while without requests"},
	NUMBER(served_config_fields_entity, min_provisioned_concurrency, CONFIG_SLOTS_MAX, "taken; nothing is kept warm by it"),
	NUMBER(served_config_fields_entity, max_provisioned_concurrency, CONFIG_SLOTS_MAX,
		"requests at once, instead of a workload_size"),
	{"environment_vars", DECODE_JSON, .offset = offsetof(struct served_config_fields_entity, environment_vars),
		.json_type = JSON_OBJECT, .help = "for ${env:NAME} in config.yaml; values may be {{secrets/scope/key}}"},
	TEXT(served_config_fields_entity, creator, "of answers; kept"),
	NUMBER(served_config_fields_entity, creation_timestamp, 9e15, "of answers; kept"),
	FIELD_OUTPUT("state"),
	FIELD_OUTPUT("foundation_model"),
	FIELD_OUTPUT("resolved_entity_version"),
	FIELD_OUTPUT("digest"),
	FIELD_REFUSED("instance_profile_arn", "cloud roles; give credentials in environment_vars"),
	FIELD_REFUSED("min_provisioned_throughput", "models with weights; use max_provisioned_concurrency"),
	FIELD_REFUSED("max_provisioned_throughput", "models with weights; use max_provisioned_concurrency"),
	FIELD_REFUSED("provisioned_model_units", "models with weights; use max_provisioned_concurrency"),
	FIELD_REFUSED("burst_scaling_enabled", "concurrency is exact; use max_provisioned_concurrency"),
	FIELD_REFUSED("external_model", "external models; a bundle whose llm step calls it serves one"),
	{0},
};

static const struct decode_field ROUTE[] = {
	TEXT(served_config_fields_route, served_entity_name, "the served entity"),
	TEXT(served_config_fields_route, served_model_name, "the older name of served_entity_name"),
	{"traffic_percentage", DECODE_INTEGER, .offset = offsetof(struct served_config_fields_route, traffic_percentage),
		.is_required = true, .min = 0, .max = 100, .help = "of the requests; all routes together 100"},
	NUMBER(served_config_fields_route, shadow_percentage, 100,
		"of the requests that others answer are run here as well, and answered to nobody"),
	{0},
};

static const struct decode_field STICKY[] = {
	TEXT(served_config_fields_sticky, header, "requests with the same value of this header go to the same entity"),
	TEXT(served_config_fields_sticky, column, "the same by the value in the first row"),
	{0},
};

static const struct decode_field TRAFFIC[] = {
	{"routes", DECODE_LIST, .offset = offsetof(struct served_config_fields_traffic, routes), .fields = ROUTE,
		.size = sizeof(struct served_config_fields_route), .help = "how entities share the traffic"},
	{"sticky", DECODE_OBJECT, .offset = offsetof(struct served_config_fields_traffic, sticky), .fields = STICKY,
		.help = "what a request is kept to its entity by; default: nothing, every request takes its turn"},
	{0},
};

const struct decode_field served_config_fields[] = {
	TEXT(served_config_fields, name, "the endpoint's name, once more"),
	{"served_entities", DECODE_LIST, .offset = offsetof(struct served_config_fields, served_entities), .fields = ENTITY,
		.size = sizeof(struct served_config_fields_entity), .help = "what is served"},
	{"served_models", DECODE_LIST, .offset = offsetof(struct served_config_fields, served_models), .fields = ENTITY,
		.size = sizeof(struct served_config_fields_entity), .help = "the older name of served_entities"},
	{"traffic_config", DECODE_OBJECT, .offset = offsetof(struct served_config_fields, traffic_config), .fields = TRAFFIC,
		.help = "routes; without it one entity gets everything"},
	{"auto_capture_config", DECODE_CUSTOM, .custom = field_refuse_enabled,
		.help = FIELD_NOT_DONE "inference tables; every answer is in the log"},
	FIELD_OUTPUT("config_version"),
	FIELD_OUTPUT("start_time"),
	{0},
};
