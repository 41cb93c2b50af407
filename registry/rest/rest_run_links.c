/* runs/log-inputs, outputs, log-model: what a run read and made. */
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_run.h"
#include "rest/rest_run_tag.h"
#include "rest/rest_tables.h"

/* MLflow 2's record of the models of a run. */
#define HISTORY_TAG "mlflow.log-model.history"

struct limit {
	const char *name;
	size_t max;
};

static bool check_lengths(const struct json *message, const struct limit *limits, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!rest_check_length(rest_element_str(message, limits[i].name), limits[i].name, limits[i].max, err))
			return false;
	return true;
}

static bool check_input(const struct json *input, struct error *err)
{
	static const struct limit DATASET[] = {
		{"name", 500}, {"digest", 36}, {"source", 65535}, {"schema", 1048575}, {"profile", 16777215}};
	static const struct limit TAG[] = {{"key", 255}, {"value", 500}};
	const struct json *tags = json_get(input, STR("tags"));

	if (!check_lengths(json_get(input, STR("dataset")), DATASET, sizeof(DATASET) / sizeof(*DATASET), err))
		return false;
	for (size_t i = 0; i < rest_element_count(tags); i++)
		if (!check_lengths(&tags->items[i], TAG, sizeof(TAG) / sizeof(*TAG), err))
			return false;
	return true;
}

/* One of that name and digest is the same dataset, whatever else is said about it. */
static bool put_dataset(
	struct rest_call *call, int64_t experiment_id, const struct json *dataset, int64_t *ret_id, struct error *err)
{
	const struct str name = rest_element_str(dataset, "name"), digest = rest_element_str(dataset, "digest");
	const int is_there = db_find(call->db, err, ret_id,
		"SELECT dataset_id FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?", "iss", experiment_id,
		name, digest);

	if (is_there != 0)
		return is_there > 0;
	if (!db_run(call->db, err,
		    "INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile) "
		    "VALUES (?, ?, ?, ?, ?, ?, ?)",
		    "issssss", experiment_id, name, digest, rest_element_str(dataset, "source_type"),
		    rest_element_str(dataset, "source"), rest_element_optional(dataset, "schema"),
		    rest_element_optional(dataset, "profile")))
		return false;
	*ret_id = db_last_id(call->db);
	return true;
}

/* The tags are those of the first time. */
static bool put_input(struct rest_call *call, const struct rest_run *run, const struct json *input, struct error *err)
{
	const struct json *tags = json_get(input, STR("tags"));
	int64_t dataset_id;

	if (!put_dataset(call, run->experiment_id, json_get(input, STR("dataset")), &dataset_id, err) ||
		!db_run(call->db, err, "INSERT INTO dataset_inputs VALUES (?, ?) ON CONFLICT DO NOTHING", "si", run->run_id,
			dataset_id))
		return false;
	if (db_changes(call->db) == 0)
		return true;
	for (size_t i = 0; i < rest_element_count(tags); i++)
		if (!db_run(call->db, err, "INSERT INTO dataset_input_tags VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", "siss",
			    run->run_id, dataset_id, rest_element_str(&tags->items[i], "key"),
			    rest_element_str(&tags->items[i], "value")))
			return false;
	return true;
}

static bool log_inputs(struct rest_call *call, struct error *err)
{
	const struct json *datasets = rest_list(call, "datasets"), *models = rest_list(call, "models");
	const struct str run_id = rest_str(call, "run_id");
	struct rest_run run;

	if (!rest_check_run_id(run_id, err))
		return false;
	for (size_t i = 0; i < rest_element_count(datasets); i++)
		if (!check_input(&datasets->items[i], err))
			return false;
	if (!rest_run_find_active(call, run_id, &run, err))
		return false;
	for (size_t i = 0; i < rest_element_count(datasets); i++)
		if (!put_input(call, &run, &datasets->items[i], err))
			return false;
	for (size_t i = 0; i < rest_element_count(models); i++)
		if (!db_run(call->db, err, "INSERT INTO run_models VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING", "ss", run_id,
			    rest_element_str(&models->items[i], "model_id")))
			return false;
	return true;
}

/* A model is an output once, whatever the step. */
static bool put_output(struct rest_call *call, struct str run_id, const struct json *model, struct error *err)
{
	const struct str model_id = rest_element_str(model, "model_id");
	const int is_there = db_find(call->db, err, NULL,
		"SELECT 1 FROM run_models WHERE run_id = ? AND model_id = ? AND is_output = 1", "ss", run_id, model_id);

	if (is_there != 0)
		return is_there > 0 && error_set(err, ERR_BAD_REQUEST,
					       "UNIQUE constraint failed: model '%.*s' is an output of run '%.*s' already",
					       STR_ARGS(model_id), STR_ARGS(run_id));
	return db_run(call->db, err, "INSERT INTO run_models VALUES (?, ?, 1, ?)", "ssi", run_id, model_id,
		rest_element_int(model, "step"));
}

static bool log_outputs(struct rest_call *call, struct error *err)
{
	const struct json *models = rest_list(call, "models");
	struct rest_run run;

	if (!rest_run_find_active(call, rest_str(call, "run_id"), &run, err))
		return false;
	for (size_t i = 0; i < rest_element_count(models); i++)
		if (!put_output(call, run.run_id, &models->items[i], err))
			return false;
	return true;
}

static bool read_model(struct rest_call *call, struct str text, struct json *ret, struct error *err)
{
	static const char *const NEEDED[] = {"artifact_path", "flavors", "utc_time_created", "run_id"};
	struct buf missing = {0};
	struct error ignored;

	if (!json_read(call->arena, text, ret, &ignored) || json_type(ret) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "Malformed model info. \n %.*s \n is not a valid JSON.",
			STR_ARGS(text));
	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(*NEEDED); i++)
		if (json_get(ret, str_of(NEEDED[i])) == NULL)
			buf_printf(&missing, "%s'%s'", missing.len > 0 ? ", " : "", NEEDED[i]);
	const bool is_whole = missing.len == 0;
	if (!is_whole)
		error_set(err, ERR_INVALID_PARAMETER, "Model json is missing mandatory fields: {%s}", buf_text(&missing));
	buf_done(&missing);
	return is_whole;
}

/* Without their `config`. */
static struct json flavors_of(struct rest_call *call, const struct json *flavors)
{
	struct json kept = json_object();

	for (size_t i = 0; json_type(flavors) == JSON_OBJECT && i < flavors->size; i++) {
		const struct json_member *flavor = &flavors->members[i];
		struct json copy = json_object();

		if (json_type(&flavor->value) != JSON_OBJECT)
			copy = flavor->value;
		else
			for (size_t m = 0; m < flavor->value.size; m++)
				if (!str_is(json_str(&flavor->value.members[m].key), "config"))
					json_set(call->arena, &copy, json_str(&flavor->value.members[m].key),
						flavor->value.members[m].value);
		json_set(call->arena, &kept, json_str(&flavor->key), copy);
	}
	return kept;
}

static struct json entry_of(struct rest_call *call, const struct json *model)
{
	static const char *const KEPT[] = {"artifact_path", "run_id", "utc_time_created", "model_uuid"};
	struct json entry = json_object();

	for (size_t i = 0; i < sizeof(KEPT) / sizeof(*KEPT); i++) {
		const struct json *value = json_get(model, str_of(KEPT[i]));

		json_set(call->arena, &entry, str_of(KEPT[i]), value != NULL ? *value : json_null());
	}
	json_set(call->arena, &entry, STR("flavors"), flavors_of(call, json_get(model, STR("flavors"))));
	return entry;
}

/* What stands in the tag; an empty list where it is none. */
static bool read_history(struct rest_call *call, struct str run_id, struct json *ret, struct error *err)
{
	struct error ignored;
	struct str text;
	const int is_there = db_find_text(call->db, err, call->arena, &text,
		"SELECT value FROM run_tags WHERE run_id = ? AND key = '" HISTORY_TAG "'", "s", run_id);

	if (is_there < 0)
		return false;
	*ret = json_array();
	struct json read;
	if (is_there == 1 && json_read(call->arena, text, &read, &ignored) && json_type(&read) == JSON_ARRAY)
		*ret = read;
	return true;
}

static bool log_model(struct rest_call *call, struct error *err)
{
	struct json model, history;
	struct rest_run run;
	struct buf text = {0};

	if (!read_model(call, rest_str(call, "model_json"), &model, err) ||
		!rest_run_find_active(call, rest_str(call, "run_id"), &run, err) ||
		!read_history(call, run.run_id, &history, err))
		return false;
	json_append(call->arena, &history, entry_of(call, &model));
	json_write(&text, &history);
	const bool is_put = rest_run_tag_put(call, run.run_id, STR(HISTORY_TAG), buf_str(&text), err);
	buf_done(&text);
	return is_put;
}

static const struct rest_field DATASET[] = {
	{"name", REST_STRING, 0, 0, NULL, NULL},
	{"digest", REST_STRING, 0, 0, NULL, NULL},
	{"source_type", REST_STRING, 0, 0, NULL, NULL},
	{"source", REST_STRING, 0, 0, NULL, NULL},
	{"schema", REST_STRING, 0, 0, NULL, NULL},
	{"profile", REST_STRING, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field DATASET_INPUT[] = {
	{"tags", REST_MESSAGE, REST_REPEATED, 0, rest_tag_fields, NULL},
	{"dataset", REST_MESSAGE, 0, 0, DATASET, NULL},
	{0},
};
static const struct rest_field MODEL_INPUT[] = {{"model_id", REST_STRING, 0, 0, NULL, NULL}, {0}};
static const struct rest_field MODEL_OUTPUT[] = {
	{"model_id", REST_STRING, 0, 0, NULL, NULL},
	{"step", REST_INT, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field INPUTS[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"datasets", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, DATASET_INPUT, NULL},
	{"models", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, MODEL_INPUT, NULL},
	{0},
};
static const struct rest_field OUTPUTS[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"models", REST_MESSAGE, REST_REPEATED | REST_REQUIRED, 0, MODEL_OUTPUT, NULL},
	{0},
};
static const struct rest_field MODEL[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"model_json", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_run_links[] = {
	REST_RPC("POST", "runs/log-inputs", PERMISSION_MANAGE, INPUTS, log_inputs, DB_WRITE, "datasets and models that a run used"),
	REST_RPC("POST", "runs/outputs", PERMISSION_MANAGE, OUTPUTS, log_outputs, DB_WRITE, "models that a run made"),
	REST_RPC("POST", "runs/log-model", PERMISSION_MANAGE, MODEL, log_model, DB_WRITE, "a model as MLflow 2 logged it, in a tag of the run"),
	{0},
};
