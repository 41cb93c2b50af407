#pragma once
/* Experiment: what runs and logged models stand in. Private to registry/rest. */
#include "rest/rest.h"

struct rest_experiment {
	int64_t experiment_id;
	struct str name, artifact_location, lifecycle_stage;
	int64_t creation_time, last_update_time;
};

/* The columns of `experiments AS e` that rest_experiment_read() reads, from column 0 on. */
#define REST_EXPERIMENT_COLUMNS \
	"e.experiment_id, e.name, e.artifact_location, e.lifecycle_stage, e.creation_time, e.last_update_time"
struct rest_experiment rest_experiment_read(const struct db_rows *rows, struct arena *arena);

/* As Python's int(). ERR_INVALID_PARAMETER "Invalid experiment ID 'x'. …" */
bool rest_experiment_id(struct str text, int64_t *ret, struct error *err);
/* ERR_NOT_FOUND "No Experiment with id=7 exists", also where it is in another stage than `stage` (NULL: any). An empty id is
 * that of "Default". */
bool rest_experiment_find(
	struct rest_call *call, struct str id, const char *stage, struct rest_experiment *ret, struct error *err);
/* ERR_INVALID_PARAMETER "The experiment 1 must be in the 'active' state. …" */
bool rest_experiment_check_active(const struct rest_experiment *experiment, struct error *err);
/* mlflow.Experiment */
bool rest_experiment_json(
	struct rest_call *call, const struct rest_experiment *experiment, struct json *ret, struct error *err);
/* The experiment's artifact location with "/a/b" behind its path. */
struct str rest_experiment_artifacts(
	struct rest_call *call, const struct rest_experiment *experiment, struct str folder, struct str id);
