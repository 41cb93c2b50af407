#pragma once
/*
 * Model views: registered models and their versions as MLflow's messages (MLFLOW_REST.md B.7). Private to
 * registry/rest.
 *
 * A version's aliases are told where MLflow tells them: not inside of a model's latest_versions, not in a search.
 * Errors: ERR_NOT_FOUND in MLflow's words; the database's.
 */
#include "rest/rest.h"
#include "store/history.h"

/* What the rows hold that the view functions read; the tables are called `e`. */
#define REST_MODEL_COLUMNS "e.name, e.creation_timestamp, e.last_updated_timestamp, e.description"
#define REST_VERSION_COLUMNS \
	"e.name, e.version, e.creation_timestamp, e.last_updated_timestamp, e.current_stage, e.description, e.source," \
	" e.run_id, e.status, e.status_message, e.run_link"

bool rest_model_of_row(struct rest_call *call, const struct db_rows *rows, struct json *ret, struct error *err);
bool rest_version_of_row(
	struct rest_call *call, const struct db_rows *rows, bool has_aliases, struct json *ret, struct error *err);

/* Checks the name, and that there is one. */
bool rest_model_find(struct rest_call *call, struct str name, struct error *err);
bool rest_version_find(struct rest_call *call, struct str name, int64_t version, struct error *err);
/* `call->out` gets "registered_model" or "model_version". */
bool rest_answer_model(struct rest_call *call, struct str name, struct error *err);
bool rest_answer_version(struct rest_call *call, struct str name, int64_t version, struct error *err);
/* The newest version of each stage: an array. */
bool rest_latest_versions(
	struct rest_call *call, struct str name, bool has_aliases, struct json *ret_list, struct error *err);
/* 1 where a model of that name is a prompt, 0 where not, -1 on failure. */
int rest_is_prompt(struct rest_call *call, struct str name, struct error *err);

/* Who calls, for the history. */
struct history_actor rest_actor(const struct rest_call *call);
