#include "rest/rest_logged_model.h"

#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_metric.h"

struct rest_logged_model rest_logged_model_read(const struct db_rows *rows, struct arena *arena)
{
	return (struct rest_logged_model){
		.model_id = db_text(rows, 0, arena),
		.experiment_id = db_integer(rows, 1),
		.name = db_text(rows, 2, arena),
		.artifact_uri = db_text(rows, 3, arena),
		.status = db_text(rows, 4, arena),
		.lifecycle_stage = db_text(rows, 5, arena),
		.model_type = db_text(rows, 6, arena),
		.source_run_id = db_text(rows, 7, arena),
		.status_message = db_text(rows, 8, arena),
		.creation_timestamp_ms = db_integer(rows, 9),
		.last_updated_timestamp_ms = db_integer(rows, 10),
	};
}

bool rest_logged_model_find(
	struct rest_call *call, struct str model_id, bool is_deleted_fine, struct rest_logged_model *ret, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT " REST_LOGGED_MODEL_COLUMNS " FROM logged_models AS e WHERE e.model_id = ?", "s", model_id))
		return false;
	bool is_found = db_next(&rows);
	if (is_found)
		*ret = rest_logged_model_read(&rows, call->arena);
	if (!db_end(&rows))
		return false;
	is_found = is_found && (is_deleted_fine || !str_is(ret->lifecycle_stage, "deleted"));
	return is_found || error_set(err, ERR_NOT_FOUND, "Logged model with ID '%.*s' not found.", STR_ARGS(model_id));
}

static bool read_metrics(struct rest_call *call, struct str model_id, struct json *ret_list, struct error *err)
{
	struct db_rows rows;

	*ret_list = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT key, value, timestamp, step, dataset_name, dataset_digest, run_id FROM logged_model_metrics "
		    "WHERE model_id = ? ORDER BY key, timestamp, step, run_id",
		    "s", model_id))
		return false;
	while (db_next(&rows)) {
		struct json metric = rest_metric_json(call, db_text(&rows, 0, call->arena), db_double(&rows, 1), false,
			db_integer(&rows, 2), db_integer(&rows, 3));

		rest_set_str(call, &metric, "dataset_name", db_text(&rows, 4, call->arena));
		rest_set_str(call, &metric, "dataset_digest", db_text(&rows, 5, call->arena));
		rest_set_str(call, &metric, "model_id", model_id);
		rest_set_str(call, &metric, "run_id", db_text(&rows, 6, call->arena));
		json_append(call->arena, ret_list, metric);
	}
	return db_end(&rows);
}

static struct json info_of(struct rest_call *call, const struct rest_logged_model *model, struct json tags)
{
	struct json info = json_object();

	rest_set_str(call, &info, "model_id", model->model_id);
	rest_set_str(call, &info, "experiment_id", rest_number_text(call, model->experiment_id));
	rest_set_str(call, &info, "name", model->name);
	rest_set_int(call, &info, "creation_timestamp_ms", model->creation_timestamp_ms);
	rest_set_int(call, &info, "last_updated_timestamp_ms", model->last_updated_timestamp_ms);
	rest_set_str(call, &info, "artifact_uri", model->artifact_uri);
	rest_set_str(call, &info, "status", model->status);
	rest_set_str(call, &info, "model_type", model->model_type);
	rest_set_str(call, &info, "source_run_id", model->source_run_id);
	rest_set_str(call, &info, "status_message", model->status_message);
	rest_set(call, &info, "tags", tags);
	return info;
}

bool rest_logged_model_json(
	struct rest_call *call, const struct rest_logged_model *model, struct json *ret, struct error *err)
{
	struct json tags, params, metrics, data = json_object();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err, "SELECT key, value FROM logged_model_tags WHERE model_id = ? ORDER BY key", "s",
		    model->model_id) ||
		!rest_read_pairs(call, &rows, &tags) ||
		!db_start(&rows, call->db, err, "SELECT key, value FROM logged_model_params WHERE model_id = ? ORDER BY key",
			"s", model->model_id) ||
		!rest_read_pairs(call, &rows, &params) || !read_metrics(call, model->model_id, &metrics, err))
		return false;
	rest_set(call, &data, "params", params);
	rest_set(call, &data, "metrics", metrics);
	*ret = json_object();
	rest_set(call, ret, "info", info_of(call, model, tags));
	/* A message that is there, though it may be empty. */
	json_set(call->arena, ret, STR("data"), data);
	return true;
}

bool rest_logged_model_add_params(
	struct rest_call *call, struct str model_id, const struct json *params, struct error *err)
{
	for (size_t i = 0; i < rest_element_count(params); i++) {
		const struct str key = rest_element_str(&params->items[i], "key");

		if (!db_run(call->db, err, "INSERT INTO logged_model_params VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "sss",
			    model_id, key, rest_element_str(&params->items[i], "value")))
			return false;
		if (db_changes(call->db) == 0)
			return error_set(err, ERR_BAD_REQUEST,
				"UNIQUE constraint failed: logged_model_params.model_id, logged_model_params.param_key: '%.*s'",
				STR_ARGS(key));
	}
	return true;
}

bool rest_logged_model_put_tag(
	struct rest_call *call, struct str model_id, struct str key, struct str value, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO logged_model_tags VALUES (?, ?, ?) ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value",
		"sss", model_id, key, value);
}
