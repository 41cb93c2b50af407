#include "rest/rest_run.h"

#include "rest/rest_experiment.h"
#include "rest/rest_metric.h"

struct rest_run rest_run_read(const struct db_rows *rows, struct arena *arena)
{
	return (struct rest_run){
		.run_id = db_text(rows, 0, arena),
		.experiment_id = db_integer(rows, 1),
		.name = db_text(rows, 2, arena),
		.user_id = db_text(rows, 3, arena),
		.status = db_text(rows, 4, arena),
		.artifact_uri = db_text(rows, 5, arena),
		.lifecycle_stage = db_text(rows, 6, arena),
		.start_time = db_integer(rows, 7),
		.end_time = db_integer(rows, 8),
	};
}

struct str rest_run_id(const struct rest_call *call)
{
	const struct str run_id = rest_str(call, "run_id");

	return run_id.len > 0 ? run_id : rest_str(call, "run_uuid");
}

bool rest_run_find(struct rest_call *call, struct str run_id, struct rest_run *ret, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, call->db, err, "SELECT " REST_RUN_COLUMNS " FROM runs AS e WHERE e.run_id = ?", "s", run_id))
		return false;
	const bool is_found = db_next(&rows);
	if (is_found)
		*ret = rest_run_read(&rows, call->arena);
	if (!db_end(&rows))
		return false;
	return is_found || error_set(err, ERR_NOT_FOUND, "Run with id=%.*s not found", STR_ARGS(run_id));
}

bool rest_run_find_active(struct rest_call *call, struct str run_id, struct rest_run *ret, struct error *err)
{
	if (!rest_run_find(call, run_id, ret, err))
		return false;
	return str_is(ret->lifecycle_stage, "active") ||
	       error_set(err, ERR_INVALID_PARAMETER,
		       "The run %.*s must be in the 'active' state. Current state is %.*s.", STR_ARGS(run_id),
		       STR_ARGS(ret->lifecycle_stage));
}

struct json rest_run_info(struct rest_call *call, const struct rest_run *run)
{
	struct json info = json_object();

	rest_set_str(call, &info, "run_uuid", run->run_id);
	rest_set_str(call, &info, "experiment_id", rest_number_text(call, run->experiment_id));
	rest_set_str(call, &info, "run_name", run->name);
	rest_set_str(call, &info, "user_id", run->user_id);
	rest_set_str(call, &info, "status", run->status);
	rest_set_int(call, &info, "start_time", run->start_time);
	if (run->end_time != 0)
		rest_set_int(call, &info, "end_time", run->end_time);
	rest_set_str(call, &info, "artifact_uri", run->artifact_uri);
	rest_set_str(call, &info, "lifecycle_stage", run->lifecycle_stage);
	rest_set_str(call, &info, "run_id", run->run_id);
	return info;
}

static bool read_metrics(struct rest_call *call, struct str run_id, struct json *ret_list, struct error *err)
{
	struct db_rows rows;

	*ret_list = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_id = ? ORDER BY key", "s",
		    run_id))
		return false;
	while (db_next(&rows))
		json_append(call->arena, ret_list,
			rest_metric_json(call, db_text(&rows, 0, call->arena), db_double(&rows, 1), db_integer(&rows, 4) != 0,
				db_integer(&rows, 2), db_integer(&rows, 3)));
	return db_end(&rows);
}

static bool read_data(struct rest_call *call, struct str run_id, struct json *ret, struct error *err)
{
	struct json metrics, params, tags;
	struct db_rows rows;

	if (!read_metrics(call, run_id, &metrics, err) ||
		!db_start(&rows, call->db, err, "SELECT key, value FROM params WHERE run_id = ? ORDER BY key", "s", run_id) ||
		!rest_read_pairs(call, &rows, &params) ||
		!db_start(&rows, call->db, err, "SELECT key, value FROM run_tags WHERE run_id = ? ORDER BY key", "s", run_id) ||
		!rest_read_pairs(call, &rows, &tags))
		return false;
	*ret = json_object();
	rest_set(call, ret, "metrics", metrics);
	rest_set(call, ret, "params", params);
	rest_set(call, ret, "tags", tags);
	return true;
}

static struct json read_dataset(struct rest_call *call, const struct db_rows *rows)
{
	static const char *const NAMES[] = {"name", "digest", "source_type", "source", "schema", "profile"};
	struct json dataset = json_object();

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		rest_set_str(call, &dataset, NAMES[i], db_text(rows, 1 + (int)i, call->arena));
	return dataset;
}

static bool read_dataset_input(
	struct rest_call *call, struct str run_id, const struct db_rows *rows, struct json *ret, struct error *err)
{
	struct db_rows tag_rows;
	struct json tags;

	if (!db_start(&tag_rows, call->db, err,
		    "SELECT key, value FROM dataset_input_tags WHERE run_id = ? AND dataset_id = ? ORDER BY key", "si", run_id,
		    db_integer(rows, 0)) ||
		!rest_read_pairs(call, &tag_rows, &tags))
		return false;
	*ret = json_object();
	rest_set(call, ret, "tags", tags);
	rest_set(call, ret, "dataset", read_dataset(call, rows));
	return true;
}

static bool read_datasets(struct rest_call *call, struct str run_id, struct json *ret_list, struct error *err)
{
	struct db_rows rows;
	bool is_read = true;

	*ret_list = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT d.dataset_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile FROM dataset_inputs "
		    "AS i JOIN datasets AS d ON d.dataset_id = i.dataset_id WHERE i.run_id = ? ORDER BY d.dataset_id",
		    "s", run_id))
		return false;
	while (is_read && db_next(&rows)) {
		struct json input;

		is_read = read_dataset_input(call, run_id, &rows, &input, err);
		if (is_read)
			json_append(call->arena, ret_list, input);
	}
	return db_end(&rows) && is_read;
}

static bool read_models(
	struct rest_call *call, struct str run_id, bool is_output, struct json *ret_list, struct error *err)
{
	struct db_rows rows;

	*ret_list = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT model_id, step FROM run_models WHERE run_id = ? AND is_output = ? ORDER BY step, model_id", "sb",
		    run_id, is_output))
		return false;
	while (db_next(&rows)) {
		struct json model = json_object();

		rest_set_str(call, &model, "model_id", db_text(&rows, 0, call->arena));
		if (is_output)
			rest_set_int(call, &model, "step", db_integer(&rows, 1));
		json_append(call->arena, ret_list, model);
	}
	return db_end(&rows);
}

static bool read_inputs(struct rest_call *call, struct str run_id, struct json *ret, struct error *err)
{
	struct json datasets, models;

	if (!read_datasets(call, run_id, &datasets, err) || !read_models(call, run_id, false, &models, err))
		return false;
	*ret = json_object();
	rest_set(call, ret, "dataset_inputs", datasets);
	rest_set(call, ret, "model_inputs", models);
	return true;
}

static bool read_outputs(struct rest_call *call, struct str run_id, struct json *ret, struct error *err)
{
	struct json models;

	if (!read_models(call, run_id, true, &models, err))
		return false;
	*ret = json_object();
	rest_set(call, ret, "model_outputs", models);
	return true;
}

/* Set even where it is empty: a message that is there. */
static void set_message(struct rest_call *call, struct json *object, const char *name, struct json message)
{
	json_set(call->arena, object, str_of(name), message);
}

bool rest_run_json(struct rest_call *call, const struct rest_run *run, bool is_new, struct json *ret, struct error *err)
{
	struct json data, inputs, outputs;

	if (!read_data(call, run->run_id, &data, err) || !read_inputs(call, run->run_id, &inputs, err) ||
		!read_outputs(call, run->run_id, &outputs, err))
		return false;
	*ret = json_object();
	rest_set(call, ret, "info", rest_run_info(call, run));
	set_message(call, ret, "data", data);
	set_message(call, ret, "inputs", inputs);
	if (!is_new)
		set_message(call, ret, "outputs", outputs);
	return true;
}
