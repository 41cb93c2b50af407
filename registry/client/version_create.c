/*
 * A version of a model, READY.
 *
 * check → create → { MLflow: wait | Unity Catalog: upload → finalize → wait } → ask → { done | pause → ask }
 *
 * Unity Catalog keeps the files itself and refuses to serve what has no signature; so that nobody uploads a gigabyte to
 * learn that, the MLmodel is looked at first.
 */
#include "base/yaml.h"
#include "client/models_internal.h"
#include "client/place.h"

enum { WAIT_S = 300, POLL_MS = 1000 };

struct creating {
	struct operation op;
	struct client_version_spec spec;
	struct client_version *ret;
	struct str place;
	uint64_t until_ns;
	struct timer pause;
	bool is_pausing;
};

static struct next begin(void *self);
static struct next on_created(void *self);
static struct next on_uploaded(void *self);
static struct next look(void *self);
static struct next ask_again(void *self);
static void on_pause_timer(void *data);
static void cancel(struct operation *self);

struct operation *client_version_create(
	struct client *client, struct arena *arena, const struct client_version_spec *spec, struct client_version *ret)
{
	struct creating *creating = operation_new(client, arena, sizeof(*creating));

	creating->spec = *spec;
	creating->ret = ret;
	creating->op.cancel = cancel;
	timer_init(&creating->pause, client->loop, on_pause_timer, creating);
	return operation_start(&creating->op, begin);
}

/* Its values are JSON in a string. */
static bool has_columns(struct arena *arena, const struct json *signature, const char *side)
{
	const struct json *value = json_get(signature, str_of(side));
	struct json columns;
	struct error ignored;

	return json_type(value) == JSON_STRING && json_read(arena, json_str(value), &columns, &ignored) &&
	       json_type(&columns) == JSON_ARRAY && columns.size > 0;
}

static bool check_signature(struct arena *arena, const struct client_version_spec *spec, struct error *err)
{
	struct str text;
	struct json tree;

	if (spec->files == NULL || files_find(spec->files, "MLmodel") == NULL)
		return error_set(err, ERR_USAGE,
			"Unity Catalog keeps a version's files: it is registered from a bundle, with its MLmodel");
	if (!files_read(arena, spec->dir_fd, "MLmodel", YAML_SIZE_MAX, &text, err) ||
		!yaml_read(arena, "MLmodel", text, &tree, err))
		return false;
	const struct json *signature = json_get(&tree, STR("signature"));
	if (!has_columns(arena, signature, "inputs") || !has_columns(arena, signature, "outputs"))
		return error_set(err, ERR_INVALID_BUNDLE,
			"MLmodel: Unity Catalog wants a signature with inputs and outputs, and there is %s",
			json_type(signature) == JSON_OBJECT ? "only a part of one" : "none");
	return true;
}

static bool check(struct creating *creating, struct error *err)
{
	struct arena *arena = creating->op.arena;

	if (!client_is_unity(creating->op.client))
		return true;
	return place_of_unity(arena, creating->spec.name, STR("0"), &creating->place, err) &&
	       check_signature(arena, &creating->spec, err);
}

static struct next begin(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;
	const struct client_version_spec *spec = &creating->spec;
	const bool is_unity = client_is_unity(op->client);
	struct client_call call = {
		.method = "POST",
		.path = registry_path(op->client, op->arena, "model-versions/create"),
		.effect = CALL_CREATES,
		.planned = "{\"model_version\":{\"name\":\"$NAME\",\"version\":\"$VERSION\",\"status\":\"READY\"}}",
	};

	if (!check(creating, &op->flow.err))
		return next_fail(&op->flow, "model '%.*s'", STR_ARGS(spec->name));
	args_text(op->arena, &call.body, "name", spec->name);
	args_text(op->arena, &call.body, "source", spec->source);
	args_text(op->arena, &call.body, "run_id", spec->run_id);
	args_text(op->arena, &call.body, "model_id", spec->model_id);
	args_text(op->arena, &call.body, "description", spec->description);
	args_tags(op->arena, &call.body, "tags", spec->tags);
	if (is_unity)
		json_set(op->arena, &call.body, STR("feature_deps"), json_string(STR("")));
	return operation_await(op, ask(op->client, op->arena, &call, version_read, creating->ret), on_created);
}

static struct next on_created(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;
	const struct client_version_spec *spec = &creating->spec;

	creating->until_ns = loop_now_ns(op->client->loop) + (uint64_t)WAIT_S * 1000000000;
	if (!client_is_unity(op->client))
		return next_step(look);
	if (!place_of_unity(op->arena, spec->name, creating->ret->version, &creating->place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	const struct client_upload upload = {
		.place = creating->place,
		.dir_fd = spec->dir_fd,
		.files = spec->files,
		.on_progress = spec->on_progress,
		.data = spec->data,
	};
	return operation_try(op, client_upload(op->client, op->arena, &upload), on_uploaded);
}

static struct next on_uploaded(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;
	struct client_call call = {
		.method = "POST",
		.path = registry_path(op->client, op->arena, "model-versions/finalize"),
		.effect = CALL_CHANGES,
		.planned = "{\"model_version\":{\"name\":\"$NAME\",\"version\":\"$VERSION\",\"status\":\"READY\"}}",
	};

	if (op->child_err.code != ERR_NONE) {
		op->flow.err = op->child_err;
		return next_fail(&op->flow, "version %.*s of '%.*s' stays without all of its files",
			STR_ARGS(creating->ret->version), STR_ARGS(creating->spec.name));
	}
	/* Waiting begins when the files are there. */
	creating->until_ns = loop_now_ns(op->client->loop) + (uint64_t)WAIT_S * 1000000000;
	args_text(op->arena, &call.body, "name", creating->spec.name);
	args_text(op->arena, &call.body, "version", creating->ret->version);
	return operation_await(op, ask(op->client, op->arena, &call, version_read, creating->ret), look);
}

static struct next fail(struct creating *creating, enum error_code code, struct str why)
{
	struct flow *flow = &creating->op.flow;

	error_set(&flow->err, code, "version %.*s of '%.*s': %.*s", STR_ARGS(creating->ret->version),
		STR_ARGS(creating->spec.name), STR_ARGS(why));
	return next_fail(flow, NULL);
}

/* Statuses that are not known count as still at work, as MLflow's client has it: PENDING_REGISTRATION and what is to
 * come. */
static struct next look(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;
	const struct client_version *version = creating->ret;
	const struct str why = json_str(json_get(&version->tree, STR("status_message")));

	if (version->status.len == 0 || str_is(version->status, "READY"))
		return next_done();
	if (str_starts(version->status, STR("FAILED")))
		return fail(creating, ERR_UPSTREAM,
			why.len > 0 ? why : STR("its registration failed, and the server says no more"));
	if (loop_now_ns(op->client->loop) > creating->until_ns)
		return fail(creating, ERR_DEADLINE,
			text_format(op->arena, "still %.*s after %d s", STR_ARGS(version->status), WAIT_S));
	creating->is_pausing = true;
	timer_start(&creating->pause, op->client->options.pause_ms < POLL_MS ? op->client->options.pause_ms : POLL_MS);
	return next_wait(ask_again);
}

static struct next ask_again(void *self)
{
	struct creating *creating = self;
	struct operation *op = &creating->op;

	return operation_await(op,
		client_version_get(op->client, op->arena, creating->spec.name, creating->ret->version, creating->ret),
		look);
}

static void on_pause_timer(void *data)
{
	struct creating *creating = data;

	creating->is_pausing = false;
	flow_resume(&creating->op.flow);
}

static void cancel(struct operation *self)
{
	struct creating *creating = (struct creating *)self;

	if (creating->is_pausing)
		timer_start(&creating->pause, 0);
}
