/* What happened to an endpoint: events, build logs. */
#include "control/control.h"

enum { EVENTS_MAX = 200 };

static bool run_events(struct control_call *call, struct error *err)
{
	struct endpoint_row row;
	struct json list;

	if (!control_endpoint(call, &row, err) || !rows_events(call->db, call->arena, row.id, EVENTS_MAX, &list, err))
		return false;
	json_set(call->arena, &call->out, STR("events"), list);
	return true;
}

static bool run_build_logs(struct control_call *call, struct error *err)
{
	struct endpoint_row row;
	struct str log;

	if (!control_endpoint(call, &row, err))
		return false;
	const int found = rows_log_read(call->db, call->arena, row.id, 0, call->ids[1], &log, err);
	if (found == 0)
		return error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no build logs of a served entity '%.*s'",
			STR_ARGS(row.name), STR_ARGS(call->ids[1]));
	if (found > 0)
		json_set(call->arena, &call->out, STR("logs"), json_string(log));
	return found > 0;
}

const struct control_rpc control_logs[] = {
	CONTROL_RPC("GET", "serving-endpoints/{name}/events", PERMISSION_VIEW, run_events, DB_READ, "what happened to it, newest first"),
	CONTROL_RPC("GET", "serving-endpoints/{name}/served-models/{served}/build-logs", PERMISSION_VIEW, run_build_logs, DB_READ,
		"how the last deployment of a served entity went"),
	{0},
};
