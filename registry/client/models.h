#pragma once
/*
 * Models: registered models, their versions, aliases, tags and stages, of the client's registry site. client.h tells of
 * operations and errors.
 *
 * In a dry run the version that would have been created is $VERSION.
 */
#include "client/transfer.h"

struct client_model {
	struct str name, description;
	struct json tree; /* the server's object: tags, aliases [{alias, version}], latest_versions, timestamps */
};
/* Made where it is not there yet; then description and tags are left as they are. */
struct operation *client_model_ensure(struct client *client, struct arena *arena, struct str name,
	struct str description, struct client_tags tags, struct client_model *ret);
struct operation *client_model_get(
	struct client *client, struct arena *arena, struct str name, struct client_model *ret);
/* With all its versions and aliases. */
struct operation *client_model_delete(struct client *client, struct arena *arena, struct str name);

struct client_version {
	struct str name, version, status, stage, source, run_id, description;
	struct json tree; /* the server's object; `aliases` are names */
};
struct client_version_spec {
	struct str name;
	struct str source; /* "models:/m-…" with model_id, "runs:/R/path" with run_id, … (MLFLOW_REST A.1) */
	struct str model_id, run_id; /* "": none */
	struct str description;
	struct client_tags tags;
	/* Unity Catalog keeps the files itself: all of the bundle, its MLmodel with a signature of inputs and outputs.
	 * Others do not look here. */
	int dir_fd;
	const struct file_list *files;
	client_progress_fn *on_progress; /* may be NULL */
	void *data;
};
/* A version of a model that is there, READY. A registration that fails is ERR_UPSTREAM with the server's reason, one
 * that takes over 5 minutes ERR_DEADLINE. */
struct operation *client_version_create(
	struct client *client, struct arena *arena, const struct client_version_spec *spec, struct client_version *ret);

/*
 * What people write: NAME@alias, NAME/3, NAME@latest, NAME/latest or NAME (both: the highest version), each also behind
 * "models:/". In MLflow's registries NAME/Staging, too: the newest of that stage. ERR_USAGE where it is none of these,
 * ERR_NOT_FOUND where there is none.
 */
struct operation *client_version_find(
	struct client *client, struct arena *arena, struct str what, struct client_version *ret);
struct operation *client_version_get(
	struct client *client, struct arena *arena, struct str name, struct str version, struct client_version *ret);
struct operation *client_version_delete(
	struct client *client, struct arena *arena, struct str name, struct str version);
struct operation *client_version_describe(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str description);
/* Where its files are, for transfer.h: every source of MLFLOW_REST A.3 is followed to its end. */
struct operation *client_version_place(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str *ret);
/* Stages are MLflow's alone (deprecated there): ERR_NOT_IMPLEMENTED on Unity Catalog. */
struct operation *client_version_stage(struct client *client, struct arena *arena, struct str name, struct str version,
	struct str stage, bool is_archiving, struct client_version *ret);

struct operation *client_alias_set(
	struct client *client, struct arena *arena, struct str name, struct str alias, struct str version);
/* ERR_NOT_FOUND where there is no such alias; MLflow itself would not say. */
struct operation *client_alias_delete(struct client *client, struct arena *arena, struct str name, struct str alias);

struct client_alias {
	struct str alias, version;
};
struct client_aliases {
	struct client_alias *items; /* by alias */
	size_t count;
};
struct operation *client_aliases_list(
	struct client *client, struct arena *arena, struct str name, struct client_aliases *ret);

/* version "": of the model itself. */
struct operation *client_tag_set(
	struct client *client, struct arena *arena, struct str name, struct str version, struct client_tag tag);
struct operation *client_tag_delete(
	struct client *client, struct arena *arena, struct str name, struct str version, struct str key);
