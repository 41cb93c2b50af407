/* runs/log-metric, log-parameter, set-tag, delete-tag: one value of a run. Many at once: rest_run_batch.c. */
#include "rest/rest_metric.h"
#include "rest/rest_param.h"
#include "rest/rest_run.h"
#include "rest/rest_run_tag.h"
#include "rest/rest_tables.h"

static bool log_metric(struct rest_call *call, struct error *err)
{
	const struct rest_metric metric = rest_metric_read(&call->in);
	struct rest_run run;

	return rest_metric_check(&metric, "", err) && rest_run_find_active(call, rest_run_id(call), &run, err) &&
	       rest_metric_insert(call, run.run_id, &metric, err);
}

static bool log_param(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key");
	struct str value = rest_str_or_empty(call, "value"), old;
	enum rest_param_fate fate;
	struct rest_run run;

	if (!rest_param_check("", key, &value, err) || !rest_run_find_active(call, rest_run_id(call), &run, err) ||
		!rest_param_compare(call, run.run_id, key, value, &fate, &old, err))
		return false;
	if (fate == REST_PARAM_OTHER)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Changing param values is not allowed. Param with key='%.*s' was already logged with value='%.*s' for run "
			"ID='%.*s'. Attempted logging new value '%.*s'.",
			STR_ARGS(key), STR_ARGS(old), STR_ARGS(run.run_id), STR_ARGS(value));
	return fate == REST_PARAM_SAME || rest_param_insert(call, run.run_id, key, value, err);
}

static bool set_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key");
	struct str value = rest_str_or_empty(call, "value");
	struct rest_run run;

	return rest_run_tag_check("", key, &value, err) && rest_run_find_active(call, rest_run_id(call), &run, err) &&
	       rest_run_tag_set(call, run.run_id, key, value, err);
}

static bool delete_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key");
	struct rest_run run;

	if (!rest_run_find_active(call, rest_str(call, "run_id"), &run, err) ||
		!db_run(call->db, err, "DELETE FROM run_tags WHERE run_id = ? AND key = ?", "ss", run.run_id, key))
		return false;
	return db_changes(call->db) > 0 || error_set(err, ERR_NOT_FOUND, "No tag with name: %.*s in run with id %.*s",
						   STR_ARGS(key), STR_ARGS(run.run_id));
}

static const struct rest_field METRIC[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_DOUBLE, REST_REQUIRED, 0, NULL, NULL},
	{"timestamp", REST_INT, REST_REQUIRED, 0, NULL, NULL},
	{"step", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"model_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"dataset_name", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"dataset_digest", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};
static const struct rest_field PAIR[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};
static const struct rest_field DELETE[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_run_data[] = {
	REST_RPC("POST", "runs/log-metric", PERMISSION_MANAGE, METRIC, log_metric, DB_WRITE, "a value of a metric, also of a logged model"),
	REST_RPC("POST", "runs/log-parameter", PERMISSION_MANAGE, PAIR, log_param, DB_WRITE, "a param, which keeps its value"),
	REST_RPC("POST", "runs/set-tag", PERMISSION_MANAGE, PAIR, set_tag, DB_WRITE, "set a tag of a run"),
	REST_RPC("POST", "runs/delete-tag", PERMISSION_MANAGE, DELETE, delete_tag, DB_WRITE, "delete a tag of a run"),
	{0},
};
