#pragma once
/* Run: its row, and as a message. Private to registry/rest. */
#include "rest/rest.h"

struct rest_run {
	struct str run_id;
	int64_t experiment_id;
	struct str name, user_id, status, artifact_uri, lifecycle_stage;
	int64_t start_time, end_time; /* end_time 0: it has not ended */
};

/* The columns of `runs AS e` that rest_run_read() reads, from column 0 on. */
#define REST_RUN_COLUMNS \
	"e.run_id, e.experiment_id, e.name, e.user_id, e.status, e.artifact_uri, e.lifecycle_stage, e.start_time, e.end_time"
struct rest_run rest_run_read(const struct db_rows *rows, struct arena *arena);

/* "run_id" or, from old clients, "run_uuid". */
struct str rest_run_id(const struct rest_call *call);
/* ERR_NOT_FOUND "Run with id=… not found" */
bool rest_run_find(struct rest_call *call, struct str run_id, struct rest_run *ret, struct error *err);
/* And ERR_INVALID_PARAMETER "The run … must be in the 'active' state. …" */
bool rest_run_find_active(struct rest_call *call, struct str run_id, struct rest_run *ret, struct error *err);

/* mlflow.RunInfo */
struct json rest_run_info(struct rest_call *call, const struct rest_run *run);
/* mlflow.Run with its data, inputs and outputs; without outputs where `is_new`, as MLflow answers to runs/create. */
bool rest_run_json(
	struct rest_call *call, const struct rest_run *run, bool is_new, struct json *ret, struct error *err);
