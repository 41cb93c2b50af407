/*
 * runs/create-promptlab-run: a prompt that somebody tried out on a web page becomes a run with a table of its results and a
 * model to load.
 *
 *	transaction { run, params, tags } → its files, one by one → transaction { FINISHED or FAILED } → the run
 *
 * The files are those of MLflow without its environments, which name the server's Python. Source: MLflow 3.17.2
 * utils/promptlab_utils.py, prompt/promptlab_model.py.
 */
#include "rest/rest_element.h"
#include "rest/rest_tables.h"
#include "store/artifact_upload.h"
#include "store/registry.h"

#include <time.h>

#define MLFLOW_VERSION "3.17.2"
#define RESULTS        "eval_results_table.json"

struct promptlab {
	struct json prompt, model, output; /* parameters: [{"key", "value"}], all text */
	struct str run_id, artifact_uri, model_uuid, time_created;
};

/* ---- what was sent ---- */

/* As Python's str(). */
static struct str text_of(struct rest_call *call, const struct json *value)
{
	struct buf text = {0};

	if (json_type(value) == JSON_STRING)
		return value->size > 0 ? json_str(value) : STR("");
	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return STR("None");
	if (json_type(value) == JSON_BOOL)
		return value->boolean ? STR("True") : STR("False");
	json_write(&text, value);
	const struct str copy = {arena_memdup(call->arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static bool read_parameters(struct rest_call *call, const char *name, struct json *ret, struct error *err)
{
	const struct json *list = json_get(&call->in, str_of(name));

	*ret = json_array();
	if (json_type(list) == JSON_ABSENT || json_type(list) == JSON_NULL)
		return true;
	if (json_type(list) != JSON_ARRAY)
		return error_set(err, ERR_INVALID_PARAMETER, "CreatePromptlabRun: %s must be a list.", name);
	for (size_t i = 0; i < list->size; i++) {
		struct json pair = json_object();

		if (json_type(&list->items[i]) != JSON_OBJECT)
			return error_set(err, ERR_INVALID_PARAMETER, "CreatePromptlabRun: %s must be a list of objects.", name);
		rest_set_str(call, &pair, "key", text_of(call, json_get(&list->items[i], STR("key"))));
		rest_set_str(call, &pair, "value", text_of(call, json_get(&list->items[i], STR("value"))));
		json_append(call->arena, ret, pair);
	}
	return true;
}

static bool check_there(struct rest_call *call, const char *name, struct error *err)
{
	const struct json *value = json_get(&call->in, str_of(name));
	const enum json_type type = json_type(value);
	const bool is_sized = type == JSON_STRING || type == JSON_ARRAY || type == JSON_OBJECT;

	return (type != JSON_ABSENT && type != JSON_NULL && !(is_sized && value->size == 0)) ||
	       error_set(err, ERR_INVALID_PARAMETER, "CreatePromptlabRun request must specify %s.", name);
}

static bool read_request(struct rest_call *call, struct promptlab *lab, struct error *err)
{
	return check_there(call, "experiment_id", err) && check_there(call, "prompt_template", err) &&
	       check_there(call, "prompt_parameters", err) && check_there(call, "model_route", err) &&
	       check_there(call, "model_input", err) && check_there(call, "mlflow_version", err) &&
	       read_parameters(call, "prompt_parameters", &lab->prompt, err) &&
	       read_parameters(call, "model_parameters", &lab->model, err) &&
	       read_parameters(call, "model_output_parameters", &lab->output, err);
}

/* ---- the run ---- */

static void add_pair(struct rest_call *call, struct json *list, const char *key, struct str value)
{
	struct json pair = json_object();

	rest_set_str(call, &pair, "key", str_of(key));
	rest_set_str(call, &pair, "value", value);
	json_append(call->arena, list, pair);
}

static struct str history_of(struct rest_call *call, const struct promptlab *lab)
{
	return str_of(arena_printf(call->arena,
		"[{\"run_id\": \"%.*s\", \"artifact_path\": \"model\", \"utc_time_created\": \"%.*s\", \"model_uuid\": \"%.*s\", "
		"\"flavors\": {}}]",
		STR_ARGS(lab->run_id), STR_ARGS(lab->time_created), STR_ARGS(lab->model_uuid)));
}

static bool create_run(struct rest_call *call, struct promptlab *lab, struct error *err)
{
	struct json in = json_object(), out;

	rest_set_str(call, &in, "experiment_id", rest_str(call, "experiment_id"));
	rest_set_str(call, &in, "user_id", rest_has(call, "user_id") ? rest_str(call, "user_id") : STR("unknown"));
	rest_set_str(call, &in, "run_name", rest_str(call, "run_name"));
	rest_set_int(call, &in, "start_time", rest_int(call, "start_time", call->now_ms));
	if (rest_list(call, "tags") != NULL)
		json_set(call->arena, &in, STR("tags"), *rest_list(call, "tags"));
	if (!rest_inner(call, DB_WRITE, "runs/create", in, &out, err))
		return false;
	lab->run_id = json_str(json_at(&out, STR("run.info.run_id")));
	lab->artifact_uri = json_str(json_at(&out, STR("run.info.artifact_uri")));
	return true;
}

static bool log_data(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	struct json in = json_object(), out, params = json_array(), tags = json_array();

	for (size_t i = 0; i < lab->model.size; i++)
		json_append(call->arena, &params, lab->model.items[i]);
	add_pair(call, &params, "model_route", rest_str_or_empty(call, "model_route"));
	add_pair(call, &params, "prompt_template", rest_str_or_empty(call, "prompt_template"));
	add_pair(call, &tags, "mlflow.loggedArtifacts", STR("[{\"path\": \"" RESULTS "\", \"type\": \"table\"}]"));
	add_pair(call, &tags, "mlflow.runSourceType", STR("PROMPT_ENGINEERING"));
	add_pair(call, &tags, "mlflow.log-model.history", history_of(call, lab));
	rest_set_str(call, &in, "run_id", lab->run_id);
	rest_set(call, &in, "params", params);
	rest_set(call, &in, "tags", tags);
	return rest_inner(call, DB_WRITE, "runs/log-batch", in, &out, err);
}

/* ---- its files ---- */

static bool store(struct rest_call *call, const struct promptlab *lab, const char *name, struct str bytes, struct error *err)
{
	struct artifact_upload file;
	struct str path;

	if (!artifact_path_of_uri(call->arena, lab->artifact_uri, str_of(name), &path, err) ||
		!artifact_upload_start(&file, call->registry, err))
		return false;
	const bool is_stored =
		artifact_upload_add(&file, bytes, err) && artifact_upload_end(&file, path, call->now_ms, err);
	artifact_upload_done(&file);
	return is_stored;
}

static bool store_json(
	struct rest_call *call, const struct promptlab *lab, const char *name, const struct json *value, struct error *err)
{
	struct buf text = {0};

	json_write(&text, value);
	const bool is_stored = store(call, lab, name, buf_str(&text), err);
	buf_done(&text);
	return is_stored;
}

static void add_column(struct rest_call *call, struct json *columns, struct json *row, struct str name, struct str value)
{
	json_append(call->arena, columns, json_string(name));
	json_append(call->arena, row, json_string(value));
}

static void add_columns(struct rest_call *call, struct json *columns, struct json *row, const struct json *parameters)
{
	for (size_t i = 0; i < parameters->size; i++)
		add_column(call, columns, row, rest_element_str(&parameters->items[i], "key"),
			rest_element_str(&parameters->items[i], "value"));
}

static bool store_results(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	struct json table = json_object(), columns = json_array(), row = json_array(), rows = json_array();

	add_columns(call, &columns, &row, &lab->prompt);
	add_column(call, &columns, &row, STR("prompt"), rest_str_or_empty(call, "model_input"));
	add_column(call, &columns, &row, STR("output"), rest_str_or_empty(call, "model_output"));
	add_columns(call, &columns, &row, &lab->output);
	json_append(call->arena, &rows, row);
	json_set(call->arena, &table, STR("columns"), columns);
	json_set(call->arena, &table, STR("data"), rows);
	return store_json(call, lab, RESULTS, &table, err);
}

static bool store_example(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	struct json example = json_object(), names = json_array(), row = json_array();

	add_columns(call, &names, &row, &lab->prompt);
	json_set(call->arena, &example, STR("inputs"), row);
	return store_json(call, lab, "model/input_example.json", &example, err);
}

/* JSON's strings are YAML's. */
static void add_yaml(struct buf *out, const char *key, struct str value)
{
	buf_printf(out, "%s: ", key);
	json_write_string(out, value);
	buf_add_char(out, '\n');
}

static void add_yaml_pairs(struct buf *out, const char *key, const struct json *parameters)
{
	buf_printf(out, "%s:%s\n", key, parameters->size == 0 ? " {}" : "");
	for (size_t i = 0; i < parameters->size; i++) {
		buf_add_text(out, "  ");
		json_write_string(out, rest_element_str(&parameters->items[i], "key"));
		buf_add_text(out, ": ");
		json_write_string(out, rest_element_str(&parameters->items[i], "value"));
		buf_add_char(out, '\n');
	}
}

static bool store_parameters(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	struct buf text = {0};

	add_yaml_pairs(&text, "model_parameters", &lab->model);
	add_yaml(&text, "model_route", rest_str_or_empty(call, "model_route"));
	add_yaml_pairs(&text, "prompt_parameters", &lab->prompt);
	add_yaml(&text, "prompt_template", rest_str_or_empty(call, "prompt_template"));
	const bool is_stored = store(call, lab, "model/parameters.yaml", buf_str(&text), err);
	buf_done(&text);
	return is_stored;
}

static struct json column_spec(struct rest_call *call, struct str name)
{
	struct json spec = json_object();

	rest_set_str(call, &spec, "type", STR("string"));
	rest_set_str(call, &spec, "name", name);
	rest_set(call, &spec, "required", json_bool(true));
	return spec;
}

static void add_schema(struct rest_call *call, struct buf *out, const char *key, const struct json *specs)
{
	struct buf text = {0};

	json_write(&text, specs);
	add_yaml(out, key, (struct str){arena_memdup(call->arena, text.data, text.len), text.len});
	buf_done(&text);
}

static bool store_mlmodel(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	struct json inputs = json_array(), outputs = json_array();
	struct buf text = {0};

	for (size_t i = 0; i < lab->prompt.size; i++)
		json_append(call->arena, &inputs, column_spec(call, rest_element_str(&lab->prompt.items[i], "key")));
	json_append(call->arena, &outputs, column_spec(call, STR("output")));
	buf_add_text(&text, "artifact_path: model\nflavors:\n  python_function:\n"
			    "    loader_module: mlflow.prompt.promptlab_model\n    parameters_path: parameters.yaml\n"
			    "mlflow_version: " MLFLOW_VERSION "\n");
	add_yaml(&text, "model_uuid", lab->model_uuid);
	add_yaml(&text, "run_id", lab->run_id);
	buf_add_text(&text, "saved_input_example_info:\n  artifact_path: input_example.json\n  type: json_object\nsignature:\n");
	add_schema(call, &text, "  inputs", &inputs);
	add_schema(call, &text, "  outputs", &outputs);
	buf_add_text(&text, "  params: null\n");
	add_yaml(&text, "utc_time_created", lab->time_created);
	const bool is_stored = store(call, lab, "model/MLmodel", buf_str(&text), err);
	buf_done(&text);
	return is_stored;
}

static bool store_all(struct rest_call *call, const struct promptlab *lab, struct error *err)
{
	return store_results(call, lab, err) && store_parameters(call, lab, err) && store_example(call, lab, err) &&
	       store(call, lab, "model/requirements.txt", STR("mlflow[gateway]==" MLFLOW_VERSION "\n"), err) &&
	       store_mlmodel(call, lab, err);
}

/* ---- the call ---- */

typedef bool step(struct rest_call *call, struct promptlab *lab, struct error *err);

static bool in_transaction(struct rest_call *call, struct promptlab *lab, step *act, struct error *err)
{
	call->db = db_begin(call->registry->db, DB_WRITE, err);
	if (call->db == NULL)
		return false;
	const bool is_done = act(call, lab, err);
	if (is_done)
		return db_commit(call->db, err);
	db_rollback(call->db);
	return false;
}

static bool start(struct rest_call *call, struct promptlab *lab, struct error *err)
{
	return create_run(call, lab, err) && log_data(call, lab, err);
}

static bool end_as(struct rest_call *call, struct promptlab *lab, const char *status, struct error *err)
{
	struct json in = json_object(), by_id = json_object(), ignored;

	rest_set_str(call, &in, "run_id", lab->run_id);
	rest_set_str(call, &in, "status", str_of(status));
	rest_set_int(call, &in, "end_time", call->now_ms);
	rest_set_str(call, &by_id, "run_id", lab->run_id);
	return rest_inner(call, DB_WRITE, "runs/update", in, &ignored, err) &&
	       rest_inner(call, DB_READ, "runs/get", by_id, &call->out, err);
}

static bool finish(struct rest_call *call, struct promptlab *lab, struct error *err)
{
	return end_as(call, lab, "FINISHED", err);
}

static bool give_up(struct rest_call *call, struct promptlab *lab, struct error *err)
{
	return end_as(call, lab, "FAILED", err);
}

static struct str utc_of(struct rest_call *call)
{
	const time_t seconds = (time_t)(call->now_ms / 1000);
	char room[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(room, sizeof(room), "%Y-%m-%d %H:%M:%S", &tm);
	return str_of(arena_printf(call->arena, "%s.%06lld", room, (long long)(call->now_ms % 1000 * 1000)));
}

/* As MLflow: a run whose files could not be stored is there, and failed. */
static bool create(struct rest_call *call, struct error *err)
{
	struct promptlab lab = {.model_uuid = rest_new_id(call, ""), .time_created = utc_of(call)};
	struct error ignored;

	if (!read_request(call, &lab, err) || !in_transaction(call, &lab, start, err))
		return false;
	const bool is_stored = store_all(call, &lab, &ignored);
	return in_transaction(call, &lab, is_stored ? finish : give_up, err);
}

static const struct rest_field CREATE[] = {
	{"experiment_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"run_name", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{"prompt_template", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"prompt_parameters", REST_ANY, 0, 0, NULL, NULL},
	{"model_route", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"model_parameters", REST_ANY, 0, 0, NULL, NULL},
	{"model_input", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"model_output", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"model_output_parameters", REST_ANY, 0, 0, NULL, NULL},
	{"mlflow_version", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"user_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"start_time", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_promptlab[] = {
	REST_RPC("POST", "runs/create-promptlab-run", PERMISSION_MANAGE, CREATE, create, DB_NONE,
		"keep a prompt that was tried out, as a run and a model"),
	{0},
};
