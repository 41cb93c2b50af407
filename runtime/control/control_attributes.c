/* What an endpoint has besides its config: tags, rate limits, AI gateway, notifications, telemetry; and the calls of
 * endpoints that are no bundles. */
#include "control/control_view.h"

#include "control/attributes.h"

static struct attributes attributes_of(struct control_call *call, struct endpoint_row *row)
{
	return (struct attributes){.arena = call->arena, .object = &row->attributes, .can_mail = call->control->can_mail};
}

bool control_attributes_take(struct control_call *call, struct endpoint_row *row, struct error *err)
{
	struct attributes attributes = attributes_of(call, row);

	return attributes_read_new(&attributes, &call->in, &row->description, err);
}

static bool change(struct control_call *call, struct endpoint_row *row,
	bool (*change_it)(struct attributes *attributes, const struct json *body, struct error *err), const char *event,
	struct error *err)
{
	if (!control_endpoint(call, row, err))
		return false;
	struct attributes attributes = attributes_of(call, row);
	if (!change_it(&attributes, &call->in, err))
		return false;
	row->updated_ms = call->now_ms;
	return rows_change(call->db, call->arena, row, err) &&
	       rows_event(call->db, row->id, row->config_version, event, call->who, call->why, call->now_ms, err);
}

static void answer_member(struct control_call *call, const struct endpoint_row *row, const char *name, struct json nothing)
{
	const struct json *value = json_get(&row->attributes, str_of(name));

	json_set(call->arena, &call->out, str_of(name), value != NULL ? *value : nothing);
}

static bool run_tags(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!change(call, &row, attributes_patch_tags, "TAGS_CHANGED", err))
		return false;
	answer_member(call, &row, "tags", json_array());
	return true;
}

static bool run_rate_limits(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!change(call, &row, attributes_put_rate_limits, "RATE_LIMITS_CHANGED", err))
		return false;
	answer_member(call, &row, "rate_limits", json_array());
	/* What limits requests stands in the table. */
	call->refreshes = row.id;
	return true;
}

static bool run_gateway(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!change(call, &row, attributes_put_gateway, "AI_GATEWAY_CHANGED", err))
		return false;
	const struct json *gateway = json_get(&row.attributes, STR("ai_gateway"));
	if (gateway != NULL)
		call->out = *gateway;
	call->refreshes = row.id;
	return true;
}

static bool run_notifications(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!change(call, &row, attributes_patch_notifications, "NOTIFICATIONS_CHANGED", err))
		return false;
	json_set(call->arena, &call->out, STR("name"), json_string(row.name));
	answer_member(call, &row, "email_notifications", json_object());
	return true;
}

/* There is none to remove. */
static bool run_telemetry(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err))
		return false;
	struct attributes attributes = attributes_of(call, &row);
	return attributes_patch_telemetry(&attributes, &call->in, err) && control_answer_endpoint(call, &row, err);
}

/* Whatever they send, they hear the same. */
static const struct decode_field ANYTHING[] = {{0}};

static bool refuse_throughput(struct control_call *call, struct error *err)
{
	return error_set(err, ERR_NOT_IMPLEMENTED,
		"provisioned throughput is for models with weights, and bundles have none: use POST serving-endpoints and PUT "
		"serving-endpoints/{name}/config with workload_size or max_provisioned_concurrency");
}

const struct control_rpc control_attributes[] = {
	CONTROL_RPC("PATCH", "serving-endpoints/{name}/tags", PERMISSION_MANAGE, run_tags, DB_WRITE, "adds, changes and deletes tags",
		attributes_tags_fields),
	CONTROL_RPC("PUT", "serving-endpoints/{name}/rate-limits", PERMISSION_MANAGE, run_rate_limits, DB_WRITE,
		"replaces the rate limits; the older call, beside those of the AI gateway", attributes_rate_limits_fields),
	CONTROL_RPC("PUT", "serving-endpoints/{name}/ai-gateway", PERMISSION_MANAGE, run_gateway, DB_WRITE, "replaces the AI gateway's block",
		attributes_gateway_fields),
	CONTROL_RPC("PATCH", "serving-endpoints/{name}/notifications", PERMISSION_MANAGE, run_notifications, DB_WRITE, "changes who gets mail",
		attributes_notifications_fields),
	CONTROL_RPC("PATCH", "serving-endpoints/{name}/telemetry-config", PERMISSION_MANAGE, run_telemetry, DB_WRITE,
		"removes the telemetry config", attributes_telemetry_fields),
	CONTROL_RPC("POST", "serving-endpoints/pt", PERMISSION_MANAGE, refuse_throughput, DB_READ,
		"not done: provisioned throughput", ANYTHING),
	CONTROL_RPC("PUT", "serving-endpoints/pt/{name}/config", PERMISSION_MANAGE, refuse_throughput, DB_READ,
		"not done: provisioned throughput", ANYTHING),
	{0},
};
