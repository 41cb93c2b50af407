#pragma once
/* Logged model: its row, and as a message. Private to registry/rest. */
#include "rest/rest.h"

struct rest_logged_model {
	struct str model_id;
	int64_t experiment_id;
	struct str name, artifact_uri, status, lifecycle_stage, model_type, source_run_id;
	struct str status_message; /* data NULL: none */
	int64_t creation_timestamp_ms, last_updated_timestamp_ms;
};

/* The columns of `logged_models AS e` that rest_logged_model_read() reads, from column 0 on. */
#define REST_LOGGED_MODEL_COLUMNS \
	"e.model_id, e.experiment_id, e.name, e.artifact_uri, e.status, e.lifecycle_stage, e.model_type, e.source_run_id, " \
	"e.status_message, e.creation_timestamp_ms, e.last_updated_timestamp_ms"
struct rest_logged_model rest_logged_model_read(const struct db_rows *rows, struct arena *arena);

/* ERR_NOT_FOUND "Logged model with ID 'm-…' not found." */
bool rest_logged_model_find(
	struct rest_call *call, struct str model_id, bool is_deleted_fine, struct rest_logged_model *ret, struct error *err);
/* mlflow.LoggedModel */
bool rest_logged_model_json(
	struct rest_call *call, const struct rest_logged_model *model, struct json *ret, struct error *err);

/* ERR_BAD_REQUEST where a key is there already. */
bool rest_logged_model_add_params(
	struct rest_call *call, struct str model_id, const struct json *params, struct error *err);
bool rest_logged_model_put_tag(
	struct rest_call *call, struct str model_id, struct str key, struct str value, struct error *err);
