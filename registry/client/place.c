/*
 * place_find_way, of Unity Catalog: ask_flag → { direct | ask_credentials → { signed | refused: a cloud's own store } }
 */
#include "client/place.h"

#include <time.h>

enum { SIGNED_S = 3600 };

struct finding {
	struct operation op;
	struct place place;
	bool is_write;
	enum place_way *ret;
	struct json answer;
};

static struct next ask_flag(void *self);
static struct next on_flag(void *self);
static struct next on_credentials(void *self);

struct str path_join(struct arena *arena, struct str a, struct str b)
{
	if (a.len == 0 || b.len == 0)
		return a.len == 0 ? b : a;
	return text_format(arena, "%.*s/%.*s", STR_ARGS(a), STR_ARGS(b));
}

static struct str without_slashes(struct str text)
{
	while (text.len > 0 && text.data[0] == '/')
		text = (struct str){text.data + 1, text.len - 1};
	while (text.len > 0 && text.data[text.len - 1] == '/')
		text.len--;
	return text;
}

static bool cut_prefix(struct str text, struct str prefix, struct str *ret_rest)
{
	if (!str_starts(text, prefix))
		return false;
	*ret_rest = (struct str){text.data + prefix.len, text.len - prefix.len};
	return true;
}

static bool read_unity(struct arena *arena, struct str rest, struct place *ret, struct error *err)
{
	struct str parts[4], left = without_slashes(rest);

	for (size_t i = 0; i < 4; i++)
		if (str_cut(&left, '/', &parts[i]) != (i < 3) || parts[i].len == 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"'unity:%.*s' is not unity:/catalog/schema/model/version", STR_ARGS(rest));
	ret->kind = PLACE_UNITY;
	ret->root = text_format(arena, "Models/%.*s", STR_ARGS(without_slashes(rest)));
	ret->model = text_format(arena, "%.*s.%.*s.%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[1]), STR_ARGS(parts[2]));
	ret->version = parts[3];
	return true;
}

bool place_read(struct client *client, struct arena *arena, struct str uri, struct place *ret, struct error *err)
{
	struct str rest;

	*ret = (struct place){.kind = PLACE_PROXY};
	if (cut_prefix(uri, STR("unity:"), &rest))
		return read_unity(arena, rest, ret, err);
	if (cut_prefix(uri, STR("mlflow-artifacts:"), &rest) && !str_starts(rest, STR("//"))) {
		ret->root = without_slashes(rest);
		return true;
	}
	if (str_starts(uri, STR("mlflow-artifacts:")))
		return error_set(err, ERR_NOT_IMPLEMENTED, "artifacts at '%.*s' are another server's", STR_ARGS(uri));
	if (client->tracking->target->is_databricks)
		return error_set(err, ERR_NOT_IMPLEMENTED,
			"artifacts at '%.*s' are the workspace's own: register the bundle itself in Unity Catalog, which keeps its "
			"files",
			STR_ARGS(uri));
	return error_set(err, ERR_NOT_IMPLEMENTED,
		"artifacts at '%.*s' are in a store that only its own tools reach: let the MLflow server serve them "
		"(mlflow server --serve-artifacts)",
		STR_ARGS(uri));
}

bool place_of_unity(struct arena *arena, struct str model, struct str version, struct str *ret, struct error *err)
{
	struct str parts[3], left = model;

	for (size_t i = 0; i < 3; i++)
		if (str_cut(&left, '.', &parts[i]) != (i < 2) || parts[i].len == 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"model '%.*s' of Unity Catalog is not catalog.schema.model", STR_ARGS(model));
	*ret = text_format(arena, "unity:/%.*s/%.*s/%.*s/%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[1]),
		STR_ARGS(parts[2]), STR_ARGS(version));
	return true;
}

static const char *file_path(struct arena *arena, const struct place *place, struct str path)
{
	struct buf out = {0};

	buf_add_text(&out, place->kind == PLACE_PROXY ? "/api/2.0/mlflow-artifacts/artifacts/" : "/api/2.0/fs/files/");
	url_encode(&out, path_join(arena, place->root, path), true);
	const char *text = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return text;
}

void place_put(struct arena *arena, const struct place *place, struct str path, struct client_call *ret)
{
	*ret = (struct client_call){
		.method = "PUT",
		.path = file_path(arena, place, path),
		.effect = CALL_CHANGES,
		.is_tracking = place->kind == PLACE_PROXY,
	};
	if (place->kind == PLACE_UNITY)
		args_text(arena, &ret->query, "overwrite", STR("true"));
}

void place_get(struct arena *arena, const struct place *place, struct str path, struct client_call *ret)
{
	*ret = (struct client_call){
		.method = "GET",
		.path = file_path(arena, place, path),
		.effect = CALL_READS,
		.is_tracking = place->kind == PLACE_PROXY,
	};
}

static struct str expiry(struct arena *arena)
{
	const time_t at = time(NULL) + SIGNED_S;
	struct tm utc;
	char text[32];

	gmtime_r(&at, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return str_of(arena_strdup(arena, text));
}

/* Writing takes its arguments from the body, reading from the query, as the service has it. */
void place_sign(struct arena *arena, const struct place *place, struct str path, bool is_write, struct client_call *ret)
{
	const struct str file = text_format(arena, "/%.*s", STR_ARGS(path_join(arena, place->root, path)));

	*ret = (struct client_call){
		.method = "POST",
		.path = is_write ? "/api/2.0/fs/create-upload-url" : "/api/2.0/fs/create-download-url",
		.effect = is_write ? CALL_CHANGES : CALL_READS,
		.planned = "{\"url\":\"https://$SIGNED_URL\"}",
	};
	args_text(arena, is_write ? &ret->body : &ret->query, "path", file);
	if (!is_write)
		args_text(arena, &ret->query, "expire_time", expiry(arena));
}

bool place_signed(struct arena *arena, const struct json *answer, struct call_spec *ret, struct error *err)
{
	const struct json *list = json_get(answer, STR("headers"));
	const size_t count = json_type(list) == JSON_ARRAY ? list->size : 0;
	struct fetch_header *headers = arena_array(arena, count + 1, sizeof(*headers));
	struct str url;

	if (!answer_text(arena, answer, "url", &url, err))
		return false;
	for (size_t i = 0; i < count; i++)
		/* They may be a customer's keys. */
		headers[i] = (struct fetch_header){json_str(json_get(&list->items[i], STR("name"))),
			json_str(json_get(&list->items[i], STR("value"))), true};
	ret->url = arena_memdup(arena, url.data, url.len);
	ret->headers = headers;
	ret->header_count = count;
	return true;
}

struct operation *place_find_way(
	struct client *client, struct arena *arena, const struct place *place, bool is_write, enum place_way *ret)
{
	struct finding *finding = operation_new(client, arena, sizeof(*finding));

	finding->place = *place;
	finding->is_write = is_write;
	finding->ret = ret;
	return operation_start(&finding->op, ask_flag);
}

static struct next ask_flag(void *self)
{
	struct finding *finding = self;
	struct operation *op = &finding->op;
	const struct client_call call = {
		.method = "GET",
		.path = registry_path(op->client, op->arena,
			"registered-models:is-databricks-sdk-models-artifact-repository-enabled"),
		.effect = CALL_READS,
	};

	*finding->ret = WAY_DIRECT;
	if (finding->place.kind == PLACE_PROXY)
		return next_done();
	return operation_await(op, client_call(op->client, op->arena, &call, &finding->answer), on_flag);
}

static struct next on_flag(void *self)
{
	struct finding *finding = self;
	struct operation *op = &finding->op;
	struct client_call call = {
		.method = "POST",
		.path = registry_path(op->client, op->arena, "model-versions/generate-temporary-credentials"),
		.effect = CALL_READS,
	};
	const struct json *flag =
		json_get(&finding->answer, STR("is_databricks_sdk_models_artifact_repository_enabled"));

	if (json_type(flag) == JSON_BOOL && flag->boolean)
		return next_done();
	*finding->ret = WAY_SIGNED;
	/* In a dry run there is no such version that one could have credentials for. */
	if (finding->is_write && op->client->options.is_dry_run)
		return next_done();
	args_text(op->arena, &call.body, "name", finding->place.model);
	args_text(op->arena, &call.body, "version", finding->place.version);
	args_text(op->arena, &call.body, "operation",
		finding->is_write ? STR("MODEL_VERSION_OPERATION_READ_WRITE") : STR("MODEL_VERSION_OPERATION_READ"));
	return operation_await(op, client_call(op->client, op->arena, &call, &finding->answer), on_credentials);
}

/* The credentials themselves are not for us: they are looked at for the kind of store, and forgotten. */
static struct next on_credentials(void *self)
{
	struct finding *finding = self;
	const struct json *credentials = json_get(&finding->answer, STR("credentials"));
	const char *store = "a store of its own";

	if (str_is(json_str(json_get(credentials, STR("storage_mode"))), "DEFAULT_STORAGE"))
		return next_done();
	if (json_get(credentials, STR("aws_temp_credentials")) != NULL)
		store = "S3";
	else if (json_get(credentials, STR("azure_user_delegation_sas")) != NULL)
		store = "Azure (abfss)";
	else if (json_get(credentials, STR("gcp_oauth_token")) != NULL)
		store = "Google Cloud (gs)";
	else if (json_get(credentials, STR("r2_temp_credentials")) != NULL)
		store = "Cloudflare R2";
	error_set(&finding->op.flow.err, ERR_NOT_IMPLEMENTED,
		"files of model '%.*s' are in %s, which this client does not write to or read from: the workspace offers neither "
		"the Files API for models nor default storage",
		STR_ARGS(finding->place.model), store);
	return next_fail(&finding->op.flow, NULL);
}
