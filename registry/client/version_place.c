/*
 * Where a version's files are (MLFLOW_REST A.3).
 *
 * ask_uri → { mlflow-artifacts: done | models:/m-X → the logged model's |
 *             runs:/R/p → ask_run → list → { files: done | none: the logged model p of that run } }
 *
 * What a run logs with log_model(name="p") has lain in a logged model's folder since MLflow 3, and at the run's own
 * path p before, but its source is called runs:/R/p in both.
 */
#include "client/models_internal.h"
#include "client/place.h"
#include "client/tracking.h"

struct placing {
	struct operation op;
	struct str name, version;
	struct str *ret;

	struct json answer;
	struct str uri, run_id, path;
	struct client_run run;
	struct client_logged_model model;
	struct file_list files;
};

static struct next begin(void *self);
static struct next on_uri(void *self);
static struct next on_model(void *self);
static struct next on_run(void *self);
static struct next on_files(void *self);
static struct next on_search(void *self);

struct operation *client_version_place(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str *ret)
{
	struct placing *placing = operation_new(client, arena, sizeof(*placing));

	placing->name = name;
	placing->version = version;
	placing->ret = ret;
	return operation_start(&placing->op, begin);
}

static struct next begin(void *self)
{
	struct placing *placing = self;
	struct operation *op = &placing->op;
	struct client_call call = {.method = "GET",
		.path = registry_path(op->client, op->arena, "model-versions/get-download-uri"),
		.effect = CALL_READS};

	if (client_is_unity(op->client)) {
		if (!place_of_unity(op->arena, placing->name, placing->version, placing->ret, &op->flow.err))
			return next_fail(&op->flow, NULL);
		return next_done();
	}
	args_text(op->arena, &call.query, "name", placing->name);
	args_text(op->arena, &call.query, "version", placing->version);
	return operation_await(op, client_call(op->client, op->arena, &call, &placing->answer), on_uri);
}

static struct str behind(struct str text, size_t len)
{
	return (struct str){text.data + len, text.len - len};
}

static struct next on_uri(void *self)
{
	struct placing *placing = self;
	struct operation *op = &placing->op;

	if (!answer_text(op->arena, &placing->answer, "artifact_uri", &placing->uri, &op->flow.err))
		return next_fail(&op->flow, "model-versions/get-download-uri");
	if (str_starts(placing->uri, STR("models:/m-")))
		return operation_await(op,
			client_logged_model_get(op->client, op->arena, behind(placing->uri, 8), &placing->model),
			on_model);
	if (!str_starts(placing->uri, STR("runs:/"))) {
		*placing->ret = placing->uri;
		return next_done();
	}
	placing->path = behind(placing->uri, 6);
	str_cut(&placing->path, '/', &placing->run_id);
	return operation_await(op, client_run_get(op->client, op->arena, placing->run_id, &placing->run), on_run);
}

static struct next on_model(void *self)
{
	struct placing *placing = self;

	*placing->ret = placing->model.artifact_uri;
	return next_done();
}

static struct next on_run(void *self)
{
	struct placing *placing = self;
	struct operation *op = &placing->op;

	*placing->ret = path_join(op->arena, placing->run.artifact_uri, placing->path);
	if (placing->path.len == 0)
		return next_done();
	return operation_await(op,
		client_files_list(op->client, op->arena, placing->run.artifact_uri, placing->path, &placing->files),
		on_files);
}

static struct next on_files(void *self)
{
	struct placing *placing = self;
	struct operation *op = &placing->op;
	struct json experiments = json_array();
	struct client_call call = {.method = "POST",
		.path = tracking_path(op->arena, "logged-models/search"),
		.effect = CALL_READS,
		.is_tracking = true};

	if (placing->files.count > 0)
		return next_done();
	json_append(op->arena, &experiments, json_string(placing->run.experiment_id));
	call.body = json_object();
	json_set(op->arena, &call.body, STR("experiment_ids"), experiments);
	args_text(op->arena, &call.body, "filter", filter_name(op->arena, placing->path));
	return operation_await(op, client_call(op->client, op->arena, &call, &placing->answer), on_search);
}

static struct next on_search(void *self)
{
	struct placing *placing = self;
	const struct json *models = json_get(&placing->answer, STR("models"));

	for (size_t i = 0; json_type(models) == JSON_ARRAY && i < models->size; i++) {
		const struct json *info = json_get(&models->items[i], STR("info"));

		if (!str_eq(json_str(json_get(info, STR("source_run_id"))), placing->run_id))
			continue;
		*placing->ret = json_str(json_get(info, STR("artifact_uri")));
		return next_done();
	}
	/* The empty folder, so that whoever looks there says that there is nothing. */
	return next_done();
}
