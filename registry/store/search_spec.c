/* What may be searched. The texts are how MLflow's messages show it. */
#include "store/search_clause.h"

static const struct search_key EXPERIMENT_KEYS[] = {
	{"name", "name", false, false, true, true},
	{"experiment_id", "experiment_id", false, true, true, true},
	{"creation_time", "creation_time", true, false, true, true},
	{"last_update_time", "last_update_time", true, false, true, true},
	{0},
};

static const struct search_key RUN_KEYS[] = {
	{"run_id", "run_id", false, true, true, true},
	{"run_name", "name", false, false, true, true},
	{"run name", "name", false, false, true, false},
	{"Run name", "name", false, false, true, false},
	{"Run Name", "name", false, false, true, false},
	{"user_id", "user_id", false, false, true, true},
	{"status", "status", false, false, true, true},
	{"artifact_uri", "artifact_uri", false, false, true, true},
	{"start_time", "start_time", true, false, true, true},
	{"end_time", "end_time", true, false, true, true},
	{"created", "start_time", true, false, true, true},
	{"Created", "start_time", true, false, true, true},
	{0},
};

/* MLflow compares numbers of its own with `status` and so never finds any: here READY finds what is ready. */
static const struct search_key LOGGED_MODEL_KEYS[] = {
	{"name", "name", false, true, true, true},
	{"model_id", "model_id", false, true, true, true},
	{"experiment_id", "experiment_id", false, true, true, true},
	{"model_type", "model_type", false, true, true, true},
	{"status", "status", false, true, true, true},
	{"source_run_id", "source_run_id", false, true, true, true},
	{"artifact_location", "artifact_uri", false, true, true, true},
	{"creation_timestamp", "creation_timestamp_ms", true, false, true, true},
	{"creation_timestamp_ms", "creation_timestamp_ms", true, false, true, true},
	{"creation_time", "creation_timestamp_ms", true, false, true, true},
	{"last_updated_timestamp", "last_updated_timestamp_ms", true, false, true, true},
	{"last_updated_timestamp_ms", "last_updated_timestamp_ms", true, false, true, true},
	{"status_message", "status_message", false, true, true, true},
	{"lifecycle_stage", "lifecycle_stage", false, true, true, true},
	{0},
};

static const struct search_key MODEL_KEYS[] = {
	{"name", "name", false, true, true, true},
	{"timestamp", "last_updated_timestamp", true, false, false, true},
	{"last_updated_timestamp", "last_updated_timestamp", true, false, false, true},
	{0},
};

static const struct search_key VERSION_KEYS[] = {
	{"name", "name", false, true, true, true},
	{"version_number", "version", true, false, true, true},
	{"run_id", "run_id", false, true, true, false},
	{"source_path", "source", false, false, true, false},
	{"creation_timestamp", "creation_timestamp", true, false, false, true},
	{"last_updated_timestamp", "last_updated_timestamp", true, false, false, true},
	{0},
};

static const struct search_key EVAL_DATASET_KEYS[] = {
	{"name", "name", false, true, true, true},
	{"created_time", "created_time", true, false, true, true},
	{"last_update_time", "last_update_time", true, false, true, true},
	{"created_by", "created_by", false, false, true, false},
	{"last_updated_by", "last_updated_by", false, false, true, false},
	{0},
};

#define REGISTRY_TYPES "('attribute', 'tag', 'tags')"

const struct search_spec search_specs[] = {
	[SEARCH_EXPERIMENTS] = {
		.keys = EXPERIMENT_KEYS,
		.filter_keys = "{'name', 'experiment_id', 'creation_time', 'last_update_time'}",
		.order_keys = "{'name', 'experiment_id', 'creation_time', 'last_update_time'}",
		.list_keys = "['experiment_id']",
		.types_text = REGISTRY_TYPES,
		.has_null = true,
		.is_case_kept = true,
		.id = "s.experiment_id = e.experiment_id",
		.tags = "experiment_tags",
	},
	[SEARCH_RUNS] = {
		.keys = RUN_KEYS,
		.filter_keys = "{'run_id', 'run_name', 'run name', 'Run name', 'Run Name', 'user_id', 'status', 'artifact_uri', "
			       "'start_time', 'end_time', 'created', 'Created'}",
		.order_keys = "{'run_id', 'run_name', 'user_id', 'status', 'artifact_uri', 'start_time', 'end_time', 'created', "
			      "'Created'}",
		.list_keys = "['run_id']",
		.types_text = "['metric', 'parameter', 'tag', 'attribute', 'dataset']",
		.has_all_types = true,
		.has_null = true,
		.is_quoting = true,
		.id = "s.run_id = e.run_id",
		.tags = "run_tags",
		.params = "params",
		.metrics = "latest_metrics",
	},
	[SEARCH_LOGGED_MODELS] = {
		.keys = LOGGED_MODEL_KEYS,
		.filter_keys = "{'name', 'model_id', 'model_type', 'status', 'source_run_id', 'creation_timestamp', "
			       "'last_updated_timestamp'}",
		.types_text = "['attributes', 'metrics', 'params', 'tags']",
		.has_all_types = true,
		.is_model_grammar = true,
		.id = "s.model_id = e.model_id",
		.tags = "logged_model_tags",
		.params = "logged_model_params",
		.metrics = "logged_model_metrics",
	},
	[SEARCH_REGISTERED_MODELS] = {
		.keys = MODEL_KEYS,
		.filter_keys = "{'name'}",
		.order_keys = "{'name', 'timestamp'}",
		.list_keys = "['name']",
		.types_text = REGISTRY_TYPES,
		.is_key_raw = true,
		.id = "s.name = e.name",
		.tags = "registered_model_tags",
	},
	[SEARCH_MODEL_VERSIONS] = {
		.keys = VERSION_KEYS,
		.filter_keys = "{'name', 'version_number', 'run_id', 'source_path'}",
		.order_keys = "{'name', 'version_number', 'creation_timestamp', 'last_updated_timestamp'}",
		.list_keys = "['name', 'run_id']",
		.types_text = REGISTRY_TYPES,
		.is_key_raw = true,
		.id = "s.name = e.name AND s.version = e.version",
		.tags = "model_version_tags",
	},
	[SEARCH_EVAL_DATASETS] = {
		.keys = EVAL_DATASET_KEYS,
		.filter_keys = "{'name', 'created_time', 'last_update_time', 'created_by', 'last_updated_by'}",
		.order_keys = "{'name', 'created_time', 'last_update_time'}",
		.list_keys = "['name']",
		.is_tag_grammar = true,
		.id = "s.dataset_id = e.dataset_id",
		.tags = "eval_dataset_tags",
	},
};

const char *const search_op_names[] = {
	[SEARCH_EQUAL] = "=", [SEARCH_UNEQUAL] = "!=", [SEARCH_LESS] = "<", [SEARCH_LESS_EQUAL] = "<=", [SEARCH_MORE] = ">",
	[SEARCH_MORE_EQUAL] = ">=", [SEARCH_LIKE] = "LIKE", [SEARCH_ILIKE] = "ILIKE", [SEARCH_IN] = "IN",
	[SEARCH_NOT_IN] = "NOT IN", [SEARCH_IS_NULL] = "IS NULL", [SEARCH_IS_NOT_NULL] = "IS NOT NULL",
};
