#pragma once
/*
 * Source: where a model version says that it comes from. It must agree with the run or logged model that the request
 * names, so that nobody registers, and then reads, what is not his: MLFLOW_REST.md A.1. Private to registry/rest.
 *
 * Source: MLflow 3.17.2 server/handlers.py (_create_model_version and what it calls), whose messages these are.
 */
#include "rest/rest.h"

struct rest_source {
	struct str text;     /* as it is stored: aliases and stages of models:/ are resolved to a version */
	struct str run_id;   /* "" where none is known */
	struct str model_id; /* of a logged model; "" where there is none */
	struct str location; /* where the artifacts are: what get-download-uri answers */
};

/* From "source", "run_id" and "model_id" of a request: checks them. A prompt has a placeholder for a source. */
bool rest_source_check(struct rest_call *call, bool is_prompt, struct rest_source *ret, struct error *err);
/* Then fills in the location and a run that only the logged model knows. */
bool rest_source_locate(struct rest_call *call, struct rest_source *source, struct error *err);
/* Then notes the new version at the logged model it came from, if any: its tag mlflow.modelVersions. */
bool rest_source_note(
	struct rest_call *call, const struct rest_source *source, struct str name, int64_t version, struct error *err);
