/* Logged models: create → params, 100 a call → done; get; finish. */
#include "client/ask.h"
#include "client/tracking.h"

enum { PARAMS_MAX = 100 };

struct creating {
	struct operation op;
	struct client_logged_model_spec spec;
	struct client_tags params_left;
	struct client_logged_model *ret;
};

static struct next create(void *self);
static struct next add_params(void *self);

static bool read_model(struct arena *arena, const struct json *answer, void *data, struct error *err)
{
	struct client_logged_model *ret = data;
	const struct json *info = json_at(answer, STR("model.info"));

	if (!answer_text(arena, answer, "model.info.model_id", &ret->id, err))
		return false;
	ret->name = json_str(json_get(info, STR("name")));
	ret->experiment_id = json_text(arena, json_get(info, STR("experiment_id")));
	ret->status = json_text(arena, json_get(info, STR("status")));
	ret->artifact_uri = json_str(json_get(info, STR("artifact_uri")));
	ret->source_run_id = json_str(json_get(info, STR("source_run_id")));
	ret->tree = *json_get(answer, STR("model"));
	return true;
}

struct operation *client_logged_model_create(struct client *client, struct arena *arena,
	const struct client_logged_model_spec *spec, struct client_logged_model *ret)
{
	struct creating *creating = operation_new(client, arena, sizeof(*creating));

	creating->spec = *spec;
	creating->params_left = spec->params;
	creating->ret = ret;
	return operation_start(&creating->op, create);
}

static struct client_tags take_params(struct client_tags *left)
{
	const struct client_tags taken = {left->items, left->count < PARAMS_MAX ? left->count : PARAMS_MAX};

	left->items += taken.count;
	left->count -= taken.count;
	return taken;
}

static struct next create(void *self)
{
	struct creating *creating = self;
	const struct client_logged_model_spec *spec = &creating->spec;
	struct operation *op = &creating->op;
	struct client_call call = {
		.method = "POST",
		.path = tracking_path(op->arena, "logged-models"),
		.effect = CALL_CREATES,
		.is_tracking = true,
		.planned = "{\"model\":{\"info\":{\"model_id\":\"$MODEL_ID\",\"status\":\"LOGGED_MODEL_PENDING\","
			   "\"artifact_uri\":\"mlflow-artifacts:/$EXPERIMENT_ID/models/$MODEL_ID/artifacts\"}}}",
	};

	args_text(op->arena, &call.body, "experiment_id", spec->experiment_id);
	args_text(op->arena, &call.body, "name", spec->name);
	args_text(op->arena, &call.body, "model_type", spec->model_type);
	args_text(op->arena, &call.body, "source_run_id", spec->run_id);
	args_tags(op->arena, &call.body, "params", take_params(&creating->params_left));
	args_tags(op->arena, &call.body, "tags", spec->tags);
	return operation_await(op, ask(op->client, op->arena, &call, read_model, creating->ret), add_params);
}

static const char *model_path(struct arena *arena, struct str id, const char *rest)
{
	struct buf path = {0};

	buf_add_text(&path, "/api/2.0/mlflow/logged-models/");
	url_encode(&path, id, false);
	buf_add_text(&path, rest);
	const char *text = arena_memdup(arena, path.data, path.len);
	buf_done(&path);
	return text;
}

static struct next add_params(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;

	if (creating->params_left.count == 0)
		return next_done();
	struct client_call call = {
		.method = "POST",
		.path = model_path(op->arena, creating->ret->id, "/params"),
		.effect = CALL_CHANGES,
		.is_tracking = true,
	};
	args_text(op->arena, &call.body, "model_id", creating->ret->id);
	args_tags(op->arena, &call.body, "params", take_params(&creating->params_left));
	return operation_await(op, client_call(op->client, op->arena, &call, NULL), add_params);
}

struct operation *client_logged_model_get(
	struct client *client, struct arena *arena, struct str id, struct client_logged_model *ret)
{
	const struct client_call call = {
		.method = "GET", .path = model_path(arena, id, ""), .effect = CALL_READS, .is_tracking = true};

	return ask(client, arena, &call, read_model, ret);
}

struct operation *client_logged_model_finish(
	struct client *client, struct arena *arena, struct str id, bool is_ready, struct client_logged_model *ret)
{
	const char *status = is_ready ? "LOGGED_MODEL_READY" : "LOGGED_MODEL_UPLOAD_FAILED";
	struct client_call call = {
		.method = "PATCH",
		.path = model_path(arena, id, ""),
		.effect = CALL_CHANGES,
		.is_tracking = true,
		.planned = arena_printf(
			arena, "{\"model\":{\"info\":{\"model_id\":\"$MODEL_ID\",\"status\":\"%s\"}}}", status),
	};

	args_text(arena, &call.body, "model_id", id);
	args_text(arena, &call.body, "status", str_of(status));
	return ask(client, arena, &call, read_model, ret);
}
