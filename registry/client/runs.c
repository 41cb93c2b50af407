/* Runs: create, get, log (in pages), end, outputs. */
#include "base/clock.h"
#include "client/ask.h"
#include "client/tracking.h"

#include <math.h>

/* Of one log-batch call (MLflow 3.17.2, utils/validation.py). */
enum { PARAMS_MAX = 100, TAGS_MAX = 100, BATCH_MAX = 1000, TAGS_OWN = 3 };

static struct next log_page(void *self);

static bool read_run(struct arena *arena, const struct json *answer, void *data, struct error *err)
{
	struct client_run *ret = data;
	const struct json *info = json_at(answer, STR("run.info"));

	if (!answer_text(arena, answer, "run.info.run_id", &ret->id, err))
		return false;
	ret->name = json_str(json_get(info, STR("run_name")));
	ret->experiment_id = json_text(arena, json_get(info, STR("experiment_id")));
	ret->status = json_str(json_get(info, STR("status")));
	ret->artifact_uri = json_str(json_get(info, STR("artifact_uri")));
	ret->tree = *json_get(answer, STR("run"));
	return true;
}

/* The caller's tags win over ours of the same name: a server takes a key once. */
static void add_own_tags(struct client *client, struct arena *arena, struct client_tags given, struct client_tags *ret)
{
	const struct client_tag own[TAGS_OWN] = {
		{STR("mlflow.user"), str_of(client->options.user)},
		{STR("mlflow.source.name"), STR("sluice")},
		{STR("mlflow.source.type"), STR("LOCAL")},
	};
	struct client_tag *tags = arena_array(arena, given.count + TAGS_OWN, sizeof(*tags));
	size_t count = given.count;

	if (given.count > 0)
		memcpy(tags, given.items, given.count * sizeof(*tags));
	for (size_t i = 0; i < TAGS_OWN; i++) {
		bool is_given = own[i].value.len == 0;

		for (size_t k = 0; k < given.count; k++)
			is_given |= str_eq(given.items[k].key, own[i].key);
		if (!is_given)
			tags[count++] = own[i];
	}
	*ret = (struct client_tags){tags, count};
}

struct operation *client_run_create(
	struct client *client, struct arena *arena, const struct client_run_spec *spec, struct client_run *ret)
{
	struct client_call call = {
		.method = "POST",
		.path = tracking_path(arena, "runs/create"),
		.effect = CALL_CREATES,
		.is_tracking = true,
		.planned = "{\"run\":{\"info\":{\"run_id\":\"$RUN_ID\",\"status\":\"RUNNING\","
			   "\"artifact_uri\":\"mlflow-artifacts:/$EXPERIMENT_ID/$RUN_ID/artifacts\"}}}",
	};
	struct client_tags tags;

	add_own_tags(client, arena, spec->tags, &tags);
	args_text(arena, &call.body, "experiment_id", spec->experiment_id);
	args_text(arena, &call.body, "run_name", spec->name);
	json_set(arena, &call.body, STR("start_time"), json_integer(clock_wall_ms()));
	args_tags(arena, &call.body, "tags", tags);
	return ask(client, arena, &call, read_run, ret);
}

struct operation *client_run_get(struct client *client, struct arena *arena, struct str id, struct client_run *ret)
{
	struct client_call call = {
		.method = "GET", .path = tracking_path(arena, "runs/get"), .effect = CALL_READS, .is_tracking = true};

	args_text(arena, &call.query, "run_id", id);
	return ask(client, arena, &call, read_run, ret);
}

struct operation *client_run_end(struct client *client, struct arena *arena, struct str id, const char *status)
{
	struct client_call call = {.method = "POST",
		.path = tracking_path(arena, "runs/update"),
		.effect = CALL_CHANGES,
		.is_tracking = true};

	args_text(arena, &call.body, "run_id", id);
	args_text(arena, &call.body, "status", str_of(status));
	json_set(arena, &call.body, STR("end_time"), json_integer(clock_wall_ms()));
	return client_call(client, arena, &call, NULL);
}

struct operation *client_run_output(struct client *client, struct arena *arena, struct str run_id, struct str model_id)
{
	struct client_call call = {.method = "POST",
		.path = tracking_path(arena, "runs/outputs"),
		.effect = CALL_CHANGES,
		.is_tracking = true};
	struct json model = json_object(), models = json_array();

	args_text(arena, &model, "model_id", model_id);
	json_set(arena, &model, STR("step"), json_integer(0));
	json_append(arena, &models, model);
	args_text(arena, &call.body, "run_id", run_id);
	json_set(arena, &call.body, STR("models"), models);
	return client_call(client, arena, &call, NULL);
}

struct logging {
	struct operation op;
	struct str id;
	struct client_batch left;
};

struct operation *client_run_log(
	struct client *client, struct arena *arena, struct str id, const struct client_batch *batch)
{
	struct logging *logging = operation_new(client, arena, sizeof(*logging));

	logging->id = id;
	logging->left = *batch;
	return operation_start(&logging->op, log_page);
}

static struct client_tags take_tags(struct client_tags *left, size_t max)
{
	const struct client_tags taken = {left->items, left->count < max ? left->count : max};

	left->items += taken.count;
	left->count -= taken.count;
	return taken;
}

/* Proto3's JSON spells as text what JSON has no number for. */
static struct json metric_value(double value)
{
	if (isnan(value))
		return json_string(STR("NaN"));
	if (isinf(value))
		return json_string(value > 0 ? STR("Infinity") : STR("-Infinity"));
	return json_double(value);
}

static struct json take_metrics(struct arena *arena, struct client_batch *left, size_t max)
{
	struct json list = json_array();

	for (; left->metric_count > 0 && list.size < max; left->metrics++, left->metric_count--) {
		struct json metric = json_object();

		args_text(arena, &metric, "key", left->metrics->key);
		json_set(arena, &metric, STR("value"), metric_value(left->metrics->value));
		json_set(arena, &metric, STR("timestamp"), json_integer(left->metrics->timestamp_ms));
		json_set(arena, &metric, STR("step"), json_integer(left->metrics->step));
		json_append(arena, &list, metric);
	}
	return list;
}

/* The same point or param twice is one: a page may be repeated. */
static struct next log_page(void *self)
{
	struct logging *logging = self;
	struct arena *arena = logging->op.arena;
	struct client_batch *left = &logging->left;
	struct client_call call = {.method = "POST",
		.path = tracking_path(arena, "runs/log-batch"),
		.effect = CALL_CHANGES,
		.is_tracking = true};

	if (left->params.count + left->tags.count + left->metric_count == 0)
		return next_done();
	const struct client_tags params = take_tags(&left->params, PARAMS_MAX);
	const struct client_tags tags = take_tags(&left->tags, TAGS_MAX);
	const struct json metrics = take_metrics(arena, left, BATCH_MAX - params.count - tags.count);

	args_text(arena, &call.body, "run_id", logging->id);
	args_tags(arena, &call.body, "params", params);
	args_tags(arena, &call.body, "tags", tags);
	if (metrics.size > 0)
		json_set(arena, &call.body, STR("metrics"), metrics);
	return operation_await(&logging->op, client_call(logging->op.client, arena, &call, NULL), log_page);
}
