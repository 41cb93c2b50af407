#pragma once
/*
 * MLmodel text: a bundle's MLmodel as it is uploaded beside the archive: what stood there, and what MLflow's own client
 * writes when it logs a model (docs/protocol/MLFLOW_REST.md, section D), so that MLflow's clients and its UI show
 * signature, input example and where the model comes from.
 */
#include "base/json.h"

struct mlmodel_text {
	struct str artifact_uri, model_id, run_id; /* "": it is logged nowhere, and keeps the ids that it has */
	int64_t now_us;
	uint64_t size; /* bytes of the bundle's files */
	bool has_example, has_serving_example;
	struct str digest;
	const struct json *example; /* input_example.json's tree, or NULL */
};

/* The tree of `mlmodel` with these set; all else stays, in its order. */
struct json mlmodel_annotate(struct arena *arena, const struct json *mlmodel, const struct mlmodel_text *text);
/* YAML: objects as blocks, everything else as JSON, which YAML is a superset of. */
void mlmodel_write(struct buf *out, const struct json *tree);
