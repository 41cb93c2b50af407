#pragma once
/*
 * Tracking: experiments, runs and logged models, of the client's tracking site. client.h tells of operations and
 * errors.
 *
 * In a dry run, ids of what would have been created are placeholders: $EXPERIMENT_ID, $RUN_ID, $MODEL_ID.
 */
#include "client/client.h"

struct client_experiment {
	struct str id, name, artifact_location;
	struct json tree; /* the server's object */
};
/* The experiment of that name, made where there is none (who loses a race takes the winner's). A deleted one is
 * ERR_CONFLICT. */
struct operation *client_experiment_ensure(
	struct client *client, struct arena *arena, struct str name, struct client_experiment *ret);
struct operation *client_experiment_get(
	struct client *client, struct arena *arena, struct str name, struct client_experiment *ret);

struct client_run {
	struct str id, name, experiment_id, status, artifact_uri;
	struct json tree; /* the server's run: info, data, … */
};
struct client_run_spec {
	struct str experiment_id, name; /* name "": the server finds one */
	struct client_tags tags;        /* beside mlflow.user, mlflow.source.name and mlflow.source.type */
};
struct operation *client_run_create(
	struct client *client, struct arena *arena, const struct client_run_spec *spec, struct client_run *ret);
struct operation *client_run_get(struct client *client, struct arena *arena, struct str id, struct client_run *ret);

struct client_metric {
	struct str key;
	double value;
	int64_t timestamp_ms, step;
};
struct client_batch {
	struct client_tags params, tags;
	const struct client_metric *metrics;
	size_t metric_count;
};
/* In as many calls as the limits ask for (100 params, 100 tags, 1,000 metrics). */
struct operation *client_run_log(
	struct client *client, struct arena *arena, struct str id, const struct client_batch *batch);
/* status: FINISHED, FAILED, KILLED. */
struct operation *client_run_end(struct client *client, struct arena *arena, struct str id, const char *status);

struct client_logged_model {
	struct str id, name, experiment_id, status, artifact_uri, source_run_id;
	struct json tree;
};
struct client_logged_model_spec {
	struct str experiment_id, name, model_type, run_id;
	struct client_tags params, tags;
};
/* With all its params (100 a call). name: none of / : . % " ' */
struct operation *client_logged_model_create(struct client *client, struct arena *arena,
	const struct client_logged_model_spec *spec, struct client_logged_model *ret);
struct operation *client_logged_model_get(
	struct client *client, struct arena *arena, struct str id, struct client_logged_model *ret);
/* LOGGED_MODEL_READY, or LOGGED_MODEL_UPLOAD_FAILED. */
struct operation *client_logged_model_finish(
	struct client *client, struct arena *arena, struct str id, bool is_ready, struct client_logged_model *ret);
/* Shows the model under the run. */
struct operation *client_run_output(struct client *client, struct arena *arena, struct str run_id, struct str model_id);
