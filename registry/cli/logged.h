#pragma once
/*
 * Logged: a bundle as a run and a logged model of the tracking server.
 *
 *	run            params: what config.yaml says about models and steps; tag sluice.digest
 *	logged model   the same params and tag, and the files:
 *	  MLmodel                      with what MLflow's client writes when it logs (mlmodel_text.h)
 *	  config.yaml, prompts/, …     as in the bundle: for MLflow's UI and clients, and for people
 *	  serving_input_example.json   made from the input example, where the bundle has none
 *	  sluice/bundle.tar.gz         the archive: the bundle itself, which download verifies and uses
 *	  sluice/bundle.manifest.json  its manifest: the digest is the SHA-256 of this file
 *
 * The MLmodel beside the archive is another one than in it, so that no manifest.json stands there: it would not fit.
 */
#include "cli/prepared.h"
#include "client/tracking.h"
#include "packaging/logged_files.h"

struct logging {
	const char *experiment, *name, *run_name; /* NULL: the project's or MLflow's, the bundle's, the server's */
	struct client_tags params, tags;          /* of the run and the logged model */
};

struct logged {
	struct client_run run;
	struct client_logged_model model;
	const char *digest;
	size_t param_count;
	int dir_fd; /* what was uploaded; closed by the arena */
	struct file_list files;
};

/* On failure the run becomes FAILED. */
bool logged_make(struct remote *remote, const struct prepared *prepared, const struct logging *logging, struct logged *ret,
	struct error *err);
/* Only the files, as they would be uploaded: for a registry that keeps them itself and needs no run. */
bool logged_stage(struct remote *remote, const struct prepared *prepared, struct logged *ret, struct error *err);
/* {"run_id", "run_name", "experiment_id", "model_id", "name", "digest", "files", "size", "params", "artifact_uri"} */
struct json logged_record(struct arena *arena, const struct logged *logged);
