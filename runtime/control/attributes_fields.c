/* The tables of what is sent: what is done, what is refused and why. */
#include "control/attributes_fields.h"

#include "control/fields.h"

#define TEXT(type_, name_, help_) {#name_, DECODE_STRING, .offset = offsetof(struct type_, name_), .help = help_}

static const struct decode_field TAG[] = {
	{"key", DECODE_STRING, .offset = offsetof(struct sent_tag, key), .is_required = true, .help = "1 to 127 bytes"},
	TEXT(sent_tag, value, "up to 255 bytes; may be left out"),
	{0},
};

#define LIMITS(type_)                                                                                                  \
	{"rate_limits", DECODE_LIST, .offset = offsetof(struct type_, rate_limits), .fields = LIMIT,                   \
		.size = sizeof(struct sent_limit), .help = "calls and tokens a minute; more are answered 429"}

static const struct decode_field LIMIT[] = {
	TEXT(sent_limit, key, "`endpoint`: all requests together, `user`: each user, or `principal` alone; "
		"`service_principal`: `principal`; default endpoint"),
	TEXT(sent_limit, principal, "whom it limits, by name"),
	TEXT(sent_limit, renewal_period, "`minute`"),
	{"calls", DECODE_INTEGER, .offset = offsetof(struct sent_limit, calls), .min = 1, .max = 1e12,
		.help = "requests a minute"},
	{"tokens", DECODE_INTEGER, .offset = offsetof(struct sent_limit, tokens), .min = 1, .max = 1e12,
		.help = "tokens that models report, a minute"},
	{0},
};

/* {"enabled": true}: nothing else has a meaning here. */
static void take_switch(struct decoder *decoder, const struct json *value, void *ret)
{
	const struct json *enabled = json_get(value, STR("enabled"));

	if (json_type(value) == JSON_NULL)
		return;
	if (json_type(value) != JSON_OBJECT || (enabled != NULL && json_type(enabled) != JSON_BOOL) ||
		value->size > (enabled != NULL))
		decode_problem(decoder, value, "expected {\"enabled\": true} or {\"enabled\": false}");
	else
		*(struct json *)ret = *value;
}

static const struct decode_field ADDRESSES[] = {
	{"on_update_success", DECODE_STRINGS, .offset = offsetof(struct sent_addresses, on_update_success),
		.help = "who gets a mail when a config serves; needs --smtp"},
	{"on_update_failure", DECODE_STRINGS, .offset = offsetof(struct sent_addresses, on_update_failure),
		.help = "who gets a mail when an update failed; needs --smtp"},
	{0},
};

#define TELEMETRY_HELP "tables of traces and logs; metrics are at /metrics, logs in the server's log"

static void keep(struct decoder *decoder, const struct json *value, void *ret)
{
	*(struct json *)ret = *value;
}

static void take_route_optimized(struct decoder *decoder, const struct json *value, void *ret)
{
	const bool is_true = str_is(json_str(value), "true");

	if (json_type(value) == JSON_BOOL)
		*(struct json *)ret = *value;
	else if (is_true || str_is(json_str(value), "false"))
		*(struct json *)ret = json_bool(is_true);
	else if (json_type(value) != JSON_NULL)
		decode_problem(decoder, value, "expected true or false, got %s", json_type_name(value));
}

const struct decode_field attributes_gateway_fields[] = {
	LIMITS(sent_gateway),
	{"usage_tracking_config", DECODE_CUSTOM, .offset = offsetof(struct sent_gateway, usage_tracking_config),
		.custom = take_switch, .help = "`{enabled}`: taken; usage is always counted, in the endpoint's metrics"},
	{"inference_table_config", DECODE_CUSTOM, .offset = offsetof(struct sent_gateway, inference_table_config),
		.custom = field_keep_off, .help = FIELD_NOT_DONE "inference tables; every request is a record of the server's log"},
	FIELD_REFUSED("guardrails", "guardrails of the gateway; a bundle's steps check what goes in and out"),
	{"fallback_config", DECODE_CUSTOM, .offset = offsetof(struct sent_gateway, fallback_config),
		.custom = field_keep_off, .help = FIELD_NOT_DONE "fallback between entities; a bundle's llm step names its `fallback` model"},
	{0},
};

const struct decode_field attributes_new_fields[] = {
	{"name", DECODE_STRING, .offset = offsetof(struct sent_new, name), .is_required = true,
		.help = "1 to 63 letters, digits, `-`, `_` and `.`"},
	{"config", DECODE_CUSTOM, .offset = offsetof(struct sent_new, config), .custom = keep,
		.help = "what is served, as for PUT …/config; without one the endpoint waits for its first config"},
	TEXT(sent_new, description, "free text"),
	{"tags", DECODE_LIST, .offset = offsetof(struct sent_new, tags), .fields = TAG, .size = sizeof(struct sent_tag),
		.help = "key and value"},
	LIMITS(sent_new),
	{"ai_gateway", DECODE_OBJECT, .offset = offsetof(struct sent_new, ai_gateway), .fields = attributes_gateway_fields,
		.help = "limits and usage"},
	{"email_notifications", DECODE_OBJECT, .offset = offsetof(struct sent_new, email_notifications),
		.fields = ADDRESSES, .help = "mail about updates"},
	{"route_optimized", DECODE_CUSTOM, .offset = offsetof(struct sent_new, route_optimized),
		.custom = take_route_optimized, .help = "taken and shown: every endpoint here is on the short path"},
	TEXT(sent_new, budget_policy_id, "a label: taken and shown"),
	FIELD_REFUSED("telemetry_config", TELEMETRY_HELP),
	FIELD_OUTPUT("id"),
	FIELD_OUTPUT("creator"),
	FIELD_OUTPUT("creator_display_name"),
	FIELD_OUTPUT("creator_kind"),
	FIELD_OUTPUT("creation_timestamp"),
	FIELD_OUTPUT("last_updated_timestamp"),
	FIELD_OUTPUT("state"),
	FIELD_OUTPUT("pending_config"),
	FIELD_OUTPUT("permission_level"),
	FIELD_OUTPUT("endpoint_url"),
	FIELD_OUTPUT("endpoint_type"),
	FIELD_OUTPUT("data_plane_info"),
	FIELD_OUTPUT("task"),
	{0},
};

const struct decode_field attributes_tags_fields[] = {
	{"add_tags", DECODE_LIST, .offset = offsetof(struct sent_tags, add_tags), .fields = TAG,
		.size = sizeof(struct sent_tag), .help = "new ones, or new values"},
	{"delete_tags", DECODE_STRINGS, .offset = offsetof(struct sent_tags, delete_tags), .help = "keys to delete"},
	{0},
};

const struct decode_field attributes_rate_limits_fields[] = {
	LIMITS(sent_limits),
	{0},
};

const struct decode_field attributes_notifications_fields[] = {
	{"email_notifications", DECODE_OBJECT, .offset = offsetof(struct sent_notifications, email_notifications),
		.fields = ADDRESSES, .help = "mail about updates; a list that is not sent stays"},
	FIELD_OUTPUT("name"),
	{0},
};

const struct decode_field attributes_telemetry_fields[] = {
	FIELD_REFUSED("telemetry_config", TELEMETRY_HELP),
	{0},
};
