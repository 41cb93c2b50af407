/* runs/create, get, update, delete, restore: what a run is. What is logged to it is in rest_run_data.c and rest_run_links.c. */
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_name.h"
#include "rest/rest_run.h"
#include "rest/rest_run_tag.h"
#include "rest/rest_tables.h"

/* The name is told twice: as run_name and as a tag. */
static bool choose_name(struct rest_call *call, struct str *ret_name, bool *ret_has_tag, struct error *err)
{
	const struct json *tags = rest_list(call, "tags");
	struct str tag = {NULL, 0};

	*ret_name = rest_str(call, "run_name");
	for (size_t i = 0; i < rest_element_count(tags) && tag.len == 0; i++)
		if (str_is(rest_element_str(&tags->items[i], "key"), REST_RUN_NAME_TAG))
			tag = rest_element_str(&tags->items[i], "value");
	if (ret_name->len > 0 && tag.len > 0 && !str_eq(*ret_name, tag))
		return error_set(err, ERR_INVALID_PARAMETER,
			"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
			"(run_name='%.*s', mlflow.runName='%.*s').",
			STR_ARGS(*ret_name), STR_ARGS(tag));
	*ret_has_tag = tag.len > 0;
	if (ret_name->len == 0)
		*ret_name = tag.len > 0 ? tag : rest_new_name(call);
	return true;
}

/* As they come, whatever their names and lengths. */
static bool insert_tags(struct rest_call *call, const struct rest_run *run, bool has_name_tag, struct error *err)
{
	const struct json *tags = rest_list(call, "tags");

	for (size_t i = 0; i < rest_element_count(tags); i++) {
		const struct str key = rest_element_str(&tags->items[i], "key");

		if (!db_run(call->db, err, "INSERT INTO run_tags VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "sss", run->run_id,
			    key, rest_element_str(&tags->items[i], "value")))
			return false;
		if (db_changes(call->db) == 0)
			return error_set(err, ERR_BAD_REQUEST, "UNIQUE constraint failed: tags.key, tags.run_uuid: '%.*s'",
				STR_ARGS(key));
	}
	return has_name_tag || rest_run_tag_put(call, run->run_id, STR(REST_RUN_NAME_TAG), run->name, err);
}

static bool insert(struct rest_call *call, const struct rest_run *run, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_time, lifecycle_stage, artifact_uri) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		"sisssiss", run->run_id, run->experiment_id, run->name, run->user_id, run->status, run->start_time,
		run->lifecycle_stage, run->artifact_uri);
}

static bool create(struct rest_call *call, struct error *err)
{
	const struct str experiment_id = rest_str(call, "experiment_id");
	struct rest_experiment experiment;
	struct json message;
	struct str name;
	bool has_tag = false;

	if (!rest_experiment_find(call, experiment_id, NULL, &experiment, err) ||
		!rest_experiment_check_active(&experiment, err) || !choose_name(call, &name, &has_tag, err))
		return false;
	/* MLflow looks for "Default", too, and then fails to insert an experiment_id of ''. */
	if (experiment_id.len == 0)
		return error_set(err, ERR_BAD_REQUEST, "FOREIGN KEY constraint failed: a run needs an experiment_id");
	const struct str run_id = rest_new_id(call, "");
	const struct rest_run run = {
		.run_id = run_id,
		.experiment_id = experiment.experiment_id,
		.name = name,
		.user_id = rest_str_or_empty(call, "user_id"),
		.status = STR("RUNNING"),
		.artifact_uri = rest_experiment_artifacts(call, &experiment, STR(""), run_id),
		.lifecycle_stage = STR("active"),
		.start_time = rest_int(call, "start_time", 0),
	};
	if (!insert(call, &run, err) || !insert_tags(call, &run, has_tag, err) ||
		!rest_run_json(call, &run, true, &message, err))
		return false;
	rest_set(call, &call->out, "run", message);
	return true;
}

static bool get(struct rest_call *call, struct error *err)
{
	struct rest_run run;
	struct json message;

	if (!rest_run_find(call, rest_run_id(call), &run, err) || !rest_run_json(call, &run, false, &message, err))
		return false;
	rest_set(call, &call->out, "run", message);
	return true;
}

static bool update(struct rest_call *call, struct error *err)
{
	const struct str status = rest_str(call, "status"), name = rest_str(call, "run_name");
	struct rest_run run;

	if (!rest_run_find_active(call, rest_run_id(call), &run, err))
		return false;
	if (status.len > 0)
		run.status = status;
	run.end_time = rest_int(call, "end_time", run.end_time);
	if (!db_run(call->db, err, "UPDATE runs SET status = ?, end_time = ? WHERE run_id = ?", "sis", run.status, run.end_time,
		    run.run_id))
		return false;
	if (name.len > 0) {
		if (!rest_run_rename(call, run.run_id, name, err))
			return false;
		run.name = name;
	}
	rest_set(call, &call->out, "run_info", rest_run_info(call, &run));
	return true;
}

static bool delete(struct rest_call *call, struct error *err)
{
	struct rest_run run;

	return rest_run_find(call, rest_str(call, "run_id"), &run, err) &&
	       db_run(call->db, err, "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ? WHERE run_id = ?", "is",
		       call->now_ms, run.run_id);
}

static bool restore(struct rest_call *call, struct error *err)
{
	struct rest_run run;

	return rest_run_find(call, rest_str(call, "run_id"), &run, err) &&
	       db_run(call->db, err, "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL WHERE run_id = ?", "s",
		       run.run_id);
}

static const char *const STATUSES[] = {"", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", NULL};

static const struct rest_field CREATE[] = {
	{"experiment_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"user_id", REST_STRING, 0, 0, NULL, NULL},
	{"run_name", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"start_time", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED, 0, rest_tag_fields, NULL},
	{0},
};
static const struct rest_field BY_ID[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{0},
};
/* A status of an unknown name is not complained about. */
static const struct rest_field UPDATE[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{"status", REST_ENUM, REST_CHECKED, 0, NULL, STATUSES},
	{"end_time", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"run_name", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_runs[] = {
	REST_RPC("POST", "runs/create", PERMISSION_MANAGE, CREATE, create, DB_WRITE, "start a run"),
	REST_RPC("GET", "runs/get", PERMISSION_VIEW, BY_ID, get, DB_READ, "a run with its data"),
	REST_RPC("POST", "runs/update", PERMISSION_MANAGE, UPDATE, update, DB_WRITE, "set a run's status, end and name"),
	REST_RPC("POST", "runs/delete", PERMISSION_MANAGE, BY_ID, delete, DB_WRITE, "delete a run, until restored"),
	REST_RPC("POST", "runs/restore", PERMISSION_MANAGE, BY_ID, restore, DB_WRITE, "bring back a run"),
	{0},
};
