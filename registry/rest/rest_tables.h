#pragma once
/* The tables of rpcs, one a resource; rest_routes.c lists them. Private to registry/rest. */
#include "rest/rest.h"

extern const struct rest_rpc rest_models[];
extern const struct rest_rpc rest_aliases[];
extern const struct rest_rpc rest_versions[];
extern const struct rest_rpc rest_history[];
extern const struct rest_rpc rest_experiments[];
extern const struct rest_rpc rest_experiment_tags[];
extern const struct rest_rpc rest_runs[];
extern const struct rest_rpc rest_run_data[];
extern const struct rest_rpc rest_run_batch[];
extern const struct rest_rpc rest_run_links[];
extern const struct rest_rpc rest_run_search[];
extern const struct rest_rpc rest_datasets[];
extern const struct rest_rpc rest_metrics[];
extern const struct rest_rpc rest_logged_models[];
extern const struct rest_rpc rest_logged_model_data[];
extern const struct rest_rpc rest_logged_model_search[];
extern const struct rest_rpc rest_artifacts[];
extern const struct rest_rpc rest_graphql[]; /* graphql/graphql_run.c */
extern const struct rest_rpc rest_promptlab[];
extern const struct rest_rpc rest_eval_datasets[];
extern const struct rest_rpc rest_eval_records[];
extern const struct rest_rpc rest_scorers[];
