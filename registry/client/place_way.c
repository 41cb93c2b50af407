/*
 * How files get to a Unity Catalog and back:
 * ask_flag → { direct | ask_credentials → { signed | refused: a cloud's own store } }
 */
#include "client/place.h"

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

	*finding->ret = place_is_signed(&finding->place) ? WAY_SIGNED : WAY_DIRECT;
	if (finding->place.kind != PLACE_UNITY)
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
