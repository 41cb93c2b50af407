#pragma once
/* Where the artifacts of runs, logged models and model versions are: their URIs, as paths of the artifacts' table. In the caller's
 * transaction. ERR_NOT_FOUND in MLflow's words; ERR_INVALID_PARAMETER where the URI is another store's. */
#include "store/artifacts.h"

bool artifact_source_of_run(
	struct db *db, struct arena *arena, struct str run_id, struct str below, struct str *ret, struct error *err);
bool artifact_source_of_model(
	struct db *db, struct arena *arena, struct str model_id, struct str below, struct str *ret, struct error *err);
bool artifact_source_of_version(struct db *db, struct arena *arena, struct str name, struct str version,
	struct str below, struct str *ret, struct error *err);
