/* logged-models, logged-models/{model_id}: a model's life from pending to ready. */
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_logged_model.h"
#include "rest/rest_name.h"
#include "rest/rest_tables.h"

static bool check_name(struct str name, struct error *err)
{
	struct buf shown = {0};
	bool is_fine = true;

	for (size_t i = 0; is_fine && i < name.len; i++)
		is_fine = name.data[i] == '\0' || strchr("/:.%\"'", name.data[i]) == NULL;
	if (!is_fine) {
		rest_add_repr(&shown, name);
		error_set(err, ERR_INVALID_PARAMETER,
			"Invalid model name (%s) provided. Model name must be a non-empty string and cannot contain the following "
			"characters: ('/', ':', '.', '%%', '\"', \"'\")",
			buf_text(&shown));
	}
	buf_done(&shown);
	return is_fine;
}

static bool insert(struct rest_call *call, const struct rest_logged_model *model, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO logged_models (model_id, experiment_id, name, artifact_uri, creation_timestamp_ms, "
		"last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"sissiissss", model->model_id, model->experiment_id, model->name, model->artifact_uri,
		model->creation_timestamp_ms, model->last_updated_timestamp_ms, model->status, model->lifecycle_stage,
		model->model_type, model->source_run_id);
}

static bool insert_tags(struct rest_call *call, struct str model_id, const struct json *tags, struct error *err)
{
	for (size_t i = 0; i < rest_element_count(tags); i++)
		if (!rest_logged_model_put_tag(call, model_id, rest_element_str(&tags->items[i], "key"),
			    rest_element_str(&tags->items[i], "value"), err))
			return false;
	return true;
}

static bool answer(struct rest_call *call, const struct rest_logged_model *model, struct error *err)
{
	struct json message;

	if (!rest_logged_model_json(call, model, &message, err))
		return false;
	rest_set(call, &call->out, "model", message);
	return true;
}

static bool create(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	struct rest_experiment experiment;

	if (!check_name(name, err) ||
		!rest_experiment_find(call, rest_str(call, "experiment_id"), NULL, &experiment, err) ||
		!rest_experiment_check_active(&experiment, err))
		return false;
	const struct str model_id = rest_new_id(call, "m-");
	const struct rest_logged_model model = {
		.model_id = model_id,
		.experiment_id = experiment.experiment_id,
		.name = name.len > 0 ? name : rest_new_name(call),
		.artifact_uri = rest_experiment_artifacts(call, &experiment, STR("models"), model_id),
		.status = STR("LOGGED_MODEL_PENDING"),
		.lifecycle_stage = STR("active"),
		.model_type = rest_str_or_empty(call, "model_type"),
		.source_run_id = rest_str_or_empty(call, "source_run_id"),
		.creation_timestamp_ms = call->now_ms,
		.last_updated_timestamp_ms = call->now_ms,
	};
	return insert(call, &model, err) &&
	       rest_logged_model_add_params(call, model_id, rest_list(call, "params"), err) &&
	       insert_tags(call, model_id, rest_list(call, "tags"), err) && answer(call, &model, err);
}

static bool get(struct rest_call *call, struct error *err)
{
	const bool is_deleted_fine = str_eq_nocase(rest_str(call, "allow_deleted"), STR("true"));
	struct rest_logged_model model;

	return rest_logged_model_find(call, call->ids[0], is_deleted_fine, &model, err) && answer(call, &model, err);
}

/* Deleted ones, too. */
static bool finalize(struct rest_call *call, struct error *err)
{
	struct rest_logged_model model;

	if (!rest_logged_model_find(call, rest_str(call, "model_id"), true, &model, err))
		return false;
	model.status = rest_str(call, "status");
	model.last_updated_timestamp_ms = call->now_ms;
	return db_run(call->db, err,
		       "UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ? WHERE model_id = ?", "sis",
		       model.status, model.last_updated_timestamp_ms, model.model_id) &&
	       answer(call, &model, err);
}

static bool delete(struct rest_call *call, struct error *err)
{
	struct rest_logged_model model;

	return rest_logged_model_find(call, call->ids[0], true, &model, err) &&
	       db_run(call->db, err,
		       "UPDATE logged_models SET lifecycle_stage = 'deleted', last_updated_timestamp_ms = ? WHERE model_id = ?",
		       "is", call->now_ms, model.model_id);
}

static const char *const STATUSES[] = {
	"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", NULL};

static const struct rest_field CREATE[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"name", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"model_type", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"source_run_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"params", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{0},
};
static const struct rest_field GET[] = {{"allow_deleted", REST_STRING, 0, 0, NULL, NULL}, {0}};
static const struct rest_field FINALIZE[] = {
	{"model_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"status", REST_ENUM, REST_REQUIRED, 0, NULL, STATUSES},
	{0},
};

const struct rest_rpc rest_logged_models[] = {
	REST_RPC("POST", "logged-models", PERMISSION_MANAGE, CREATE, create, DB_WRITE, "announce a logged model"),
	REST_RPC("GET", "logged-models/{model_id}", PERMISSION_VIEW, GET, get, DB_READ, "a logged model"),
	REST_RPC("PATCH", "logged-models/{model_id}", PERMISSION_MANAGE, FINALIZE, finalize, DB_WRITE, "say that a logged model is ready, or failed"),
	REST_RPC("DELETE", "logged-models/{model_id}", PERMISSION_MANAGE, NULL, delete, DB_WRITE, "delete a logged model"),
	{0},
};
