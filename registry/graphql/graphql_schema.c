#include "graphql/graphql_schema.h"

#define FIELD(name, type) {name, &(type), false, NULL, NULL, NULL, NULL}
#define LIST(name, type)  {name, &(type), true, NULL, NULL, NULL, NULL}
#define RPC(name, type, input, rpc) {name, &(type), false, "input", &(input), graphql_resolve_rpc, rpc}
/* No call fills it: failures are in the answer's `errors`. */
#define API_ERROR {"apiError", &API_ERROR_TYPE, false, NULL, NULL, graphql_resolve_nothing, NULL}
#define OBJECT(symbol, shown, of) \
	static const struct graphql_type symbol = {shown, GRAPHQL_OBJECT_TYPE, of, NULL}
#define INPUT(symbol, shown, of) static const struct graphql_type symbol = {shown, GRAPHQL_INPUT_TYPE, of, NULL}
#define ENUM(symbol, shown, of)  static const struct graphql_type symbol = {shown, GRAPHQL_ENUM_TYPE, NULL, of}

static const struct graphql_type STRING = {"String", GRAPHQL_STRING_TYPE, NULL, NULL};
static const struct graphql_type INT = {"Int", GRAPHQL_INT_TYPE, NULL, NULL};
static const struct graphql_type LONG = {"LongString", GRAPHQL_LONG_TYPE, NULL, NULL};
static const struct graphql_type FLOAT = {"Float", GRAPHQL_FLOAT_TYPE, NULL, NULL};
static const struct graphql_type BOOLEAN = {"Boolean", GRAPHQL_BOOLEAN_TYPE, NULL, NULL};

/* ---- enums ---- */

static const char *const CONNECTIONS[] = {"DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED", "NOT_SET_UP", "CONNECTED", "NOT_FOUND",
	"REQUIRED_PARAMETERS_CHANGED", NULL};
static const char *const JOB_RUNS[] = {"DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED", "NO_VALID_DEPLOYMENT_JOB_FOUND", "RUNNING",
	"SUCCEEDED", "FAILED", "PENDING", "APPROVAL", NULL};
static const char *const VERSION_STATUSES[] = {"PENDING_REGISTRATION", "FAILED_REGISTRATION", "READY", NULL};
static const char *const RUN_STATUSES[] = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", NULL};
static const char *const VIEWS[] = {"ACTIVE_ONLY", "DELETED_ONLY", "ALL", NULL};

ENUM(CONNECTION, "MlflowDeploymentJobConnectionState", CONNECTIONS);
ENUM(JOB_RUN, "MlflowModelVersionDeploymentJobStateDeploymentJobRunState", JOB_RUNS);
ENUM(VERSION_STATUS, "MlflowModelVersionStatus", VERSION_STATUSES);
ENUM(RUN_STATUS, "MlflowRunStatus", RUN_STATUSES);
ENUM(VIEW, "MlflowViewType", VIEWS);

/* ---- what is answered, leaves first ---- */

static const struct graphql_field ERROR_DETAIL_FIELDS[] = {FIELD("field", STRING), FIELD("message", STRING), {0}};
OBJECT(ERROR_DETAIL, "ErrorDetail", ERROR_DETAIL_FIELDS);
static const struct graphql_field API_ERROR_FIELDS[] = {FIELD("code", STRING), FIELD("message", STRING),
	FIELD("helpUrl", STRING), FIELD("traceId", STRING), LIST("errorDetails", ERROR_DETAIL), {0}};
OBJECT(API_ERROR_TYPE, "ApiError", API_ERROR_FIELDS);

/* A key and a value, under each of their names. */
static const struct graphql_field PAIR_FIELDS[] = {FIELD("key", STRING), FIELD("value", STRING), {0}};
OBJECT(VERSION_TAG, "MlflowModelVersionTag", PAIR_FIELDS);
OBJECT(INPUT_TAG, "MlflowInputTag", PAIR_FIELDS);
OBJECT(RUN_TAG, "MlflowRunTag", PAIR_FIELDS);
OBJECT(PARAM, "MlflowParam", PAIR_FIELDS);
OBJECT(EXPERIMENT_TAG, "MlflowExperimentTag", PAIR_FIELDS);

static const struct graphql_field METRIC_FIELDS[] = {FIELD("key", STRING), FIELD("value", FLOAT), FIELD("timestamp", LONG),
	FIELD("step", LONG), FIELD("datasetName", STRING), FIELD("datasetDigest", STRING), FIELD("modelId", STRING),
	FIELD("runId", STRING), {0}};
OBJECT(MODEL_METRIC, "MlflowModelMetric", METRIC_FIELDS);
OBJECT(METRIC, "MlflowMetricExtension", METRIC_FIELDS);
static const struct graphql_field POINT_FIELDS[] = {FIELD("key", STRING), FIELD("value", FLOAT), FIELD("timestamp", LONG),
	FIELD("step", LONG), FIELD("runId", STRING), {0}};
OBJECT(POINT, "MlflowMetricWithRunId", POINT_FIELDS);

static const struct graphql_field MODEL_PARAM_FIELDS[] = {FIELD("name", STRING), FIELD("value", STRING), {0}};
OBJECT(MODEL_PARAM, "MlflowModelParam", MODEL_PARAM_FIELDS);
static const struct graphql_field JOB_FIELDS[] = {FIELD("jobId", STRING), FIELD("runId", STRING), FIELD("jobState", CONNECTION),
	FIELD("runState", JOB_RUN), FIELD("currentTaskName", STRING), {0}};
OBJECT(JOB, "MlflowModelVersionDeploymentJobState", JOB_FIELDS);
static const struct graphql_field VERSION_FIELDS[] = {FIELD("name", STRING), FIELD("version", STRING),
	FIELD("creationTimestamp", LONG), FIELD("lastUpdatedTimestamp", LONG), FIELD("userId", STRING),
	FIELD("currentStage", STRING), FIELD("description", STRING), FIELD("source", STRING), FIELD("runId", STRING),
	FIELD("status", VERSION_STATUS), FIELD("statusMessage", STRING), LIST("tags", VERSION_TAG), FIELD("runLink", STRING),
	LIST("aliases", STRING), FIELD("modelId", STRING), LIST("modelParams", MODEL_PARAM), LIST("modelMetrics", MODEL_METRIC),
	FIELD("deploymentJobState", JOB), {0}};
OBJECT(VERSION, "MlflowModelVersion", VERSION_FIELDS);

static const struct graphql_field EXPERIMENT_FIELDS[] = {FIELD("experimentId", STRING), FIELD("name", STRING),
	FIELD("artifactLocation", STRING), FIELD("lifecycleStage", STRING), FIELD("lastUpdateTime", LONG),
	FIELD("creationTime", LONG), LIST("tags", EXPERIMENT_TAG), FIELD("effectiveTraceArchivalRetention", STRING),
	FIELD("workspace", STRING), {0}};
OBJECT(EXPERIMENT, "MlflowExperiment", EXPERIMENT_FIELDS);

static const struct graphql_field DATASET_FIELDS[] = {FIELD("name", STRING), FIELD("digest", STRING),
	FIELD("sourceType", STRING), FIELD("source", STRING), FIELD("schema", STRING), FIELD("profile", STRING), {0}};
OBJECT(DATASET, "MlflowDataset", DATASET_FIELDS);
static const struct graphql_field DATASET_INPUT_FIELDS[] = {LIST("tags", INPUT_TAG), FIELD("dataset", DATASET), {0}};
OBJECT(DATASET_INPUT, "MlflowDatasetInput", DATASET_INPUT_FIELDS);
static const struct graphql_field MODEL_INPUT_FIELDS[] = {FIELD("modelId", STRING), {0}};
OBJECT(MODEL_INPUT, "MlflowModelInput", MODEL_INPUT_FIELDS);
static const struct graphql_field MODEL_OUTPUT_FIELDS[] = {FIELD("modelId", STRING), FIELD("step", LONG), {0}};
OBJECT(MODEL_OUTPUT, "MlflowModelOutput", MODEL_OUTPUT_FIELDS);

static const struct graphql_field RUN_INFO_FIELDS[] = {FIELD("runId", STRING), FIELD("runUuid", STRING),
	FIELD("runName", STRING), FIELD("experimentId", STRING), FIELD("userId", STRING), FIELD("status", RUN_STATUS),
	FIELD("startTime", LONG), FIELD("endTime", LONG), FIELD("artifactUri", STRING), FIELD("lifecycleStage", STRING), {0}};
OBJECT(RUN_INFO, "MlflowRunInfo", RUN_INFO_FIELDS);
static const struct graphql_field RUN_DATA_FIELDS[] = {
	LIST("metrics", METRIC), LIST("params", PARAM), LIST("tags", RUN_TAG), {0}};
OBJECT(RUN_DATA, "MlflowRunData", RUN_DATA_FIELDS);
static const struct graphql_field RUN_INPUTS_FIELDS[] = {
	LIST("datasetInputs", DATASET_INPUT), LIST("modelInputs", MODEL_INPUT), {0}};
OBJECT(RUN_INPUTS, "MlflowRunInputs", RUN_INPUTS_FIELDS);
static const struct graphql_field RUN_OUTPUTS_FIELDS[] = {LIST("modelOutputs", MODEL_OUTPUT), {0}};
OBJECT(RUN_OUTPUTS, "MlflowRunOutputs", RUN_OUTPUTS_FIELDS);
static const struct graphql_field RUN_FIELDS[] = {FIELD("info", RUN_INFO), FIELD("data", RUN_DATA),
	FIELD("inputs", RUN_INPUTS), FIELD("outputs", RUN_OUTPUTS),
	{"experiment", &EXPERIMENT, false, NULL, NULL, graphql_resolve_run_experiment, NULL},
	{"modelVersions", &VERSION, true, NULL, NULL, graphql_resolve_run_versions, NULL}, {0}};
OBJECT(RUN, "MlflowRunExtension", RUN_FIELDS);

static const struct graphql_field FILE_FIELDS[] = {
	FIELD("path", STRING), FIELD("isDir", BOOLEAN), FIELD("fileSize", LONG), {0}};
OBJECT(FILE_INFO, "MlflowFileInfo", FILE_FIELDS);
static const struct graphql_field SUMMARY_FIELDS[] = {FIELD("experimentId", STRING), FIELD("name", STRING),
	FIELD("digest", STRING), FIELD("context", STRING), {0}};
OBJECT(SUMMARY, "MlflowDatasetSummary", SUMMARY_FIELDS);

/* ---- the calls' answers ---- */

static const struct graphql_field GET_EXPERIMENT_FIELDS[] = {FIELD("experiment", EXPERIMENT), API_ERROR, {0}};
OBJECT(GET_EXPERIMENT, "MlflowGetExperimentResponse", GET_EXPERIMENT_FIELDS);
static const struct graphql_field GET_RUN_FIELDS[] = {FIELD("run", RUN), API_ERROR, {0}};
OBJECT(GET_RUN, "MlflowGetRunResponse", GET_RUN_FIELDS);
static const struct graphql_field POINTS_FIELDS[] = {LIST("metrics", POINT), API_ERROR, {0}};
OBJECT(POINTS, "MlflowGetMetricHistoryBulkIntervalResponse", POINTS_FIELDS);
static const struct graphql_field FILES_FIELDS[] = {
	FIELD("rootUri", STRING), LIST("files", FILE_INFO), FIELD("nextPageToken", STRING), API_ERROR, {0}};
OBJECT(FILES, "MlflowListArtifactsResponse", FILES_FIELDS);
static const struct graphql_field VERSIONS_FIELDS[] = {
	LIST("modelVersions", VERSION), FIELD("nextPageToken", STRING), API_ERROR, {0}};
OBJECT(VERSIONS, "MlflowSearchModelVersionsResponse", VERSIONS_FIELDS);
static const struct graphql_field RUNS_FIELDS[] = {LIST("runs", RUN), FIELD("nextPageToken", STRING), API_ERROR, {0}};
OBJECT(RUNS, "MlflowSearchRunsResponse", RUNS_FIELDS);
static const struct graphql_field SUMMARIES_FIELDS[] = {LIST("datasetSummaries", SUMMARY), API_ERROR, {0}};
OBJECT(SUMMARIES, "MlflowSearchDatasetsResponse", SUMMARIES_FIELDS);
static const struct graphql_field TEST_FIELDS[] = {FIELD("output", STRING), {0}};
OBJECT(TEST, "Test", TEST_FIELDS);
OBJECT(TEST_MUTATION, "TestMutation", TEST_FIELDS);

/* ---- and inputs ---- */

static const struct graphql_field BY_EXPERIMENT_FIELDS[] = {FIELD("experimentId", STRING), {0}};
INPUT(BY_EXPERIMENT, "MlflowGetExperimentInput", BY_EXPERIMENT_FIELDS);
static const struct graphql_field BY_RUN_FIELDS[] = {FIELD("runId", STRING), FIELD("runUuid", STRING), {0}};
INPUT(BY_RUN, "MlflowGetRunInput", BY_RUN_FIELDS);
static const struct graphql_field INTERVAL_FIELDS[] = {LIST("runIds", STRING), FIELD("metricKey", STRING),
	FIELD("startStep", INT), FIELD("endStep", INT), FIELD("maxResults", INT), {0}};
INPUT(INTERVAL, "MlflowGetMetricHistoryBulkIntervalInput", INTERVAL_FIELDS);
static const struct graphql_field FOLDER_FIELDS[] = {
	FIELD("runId", STRING), FIELD("runUuid", STRING), FIELD("path", STRING), FIELD("pageToken", STRING), {0}};
INPUT(FOLDER, "MlflowListArtifactsInput", FOLDER_FIELDS);
static const struct graphql_field SEARCH_VERSIONS_FIELDS[] = {
	FIELD("filter", STRING), FIELD("maxResults", LONG), LIST("orderBy", STRING), FIELD("pageToken", STRING), {0}};
INPUT(SEARCH_VERSIONS, "MlflowSearchModelVersionsInput", SEARCH_VERSIONS_FIELDS);
static const struct graphql_field SEARCH_RUNS_FIELDS[] = {LIST("experimentIds", STRING), FIELD("filter", STRING),
	FIELD("runViewType", VIEW), FIELD("maxResults", INT), LIST("orderBy", STRING), FIELD("pageToken", STRING), {0}};
INPUT(SEARCH_RUNS, "MlflowSearchRunsInput", SEARCH_RUNS_FIELDS);
static const struct graphql_field SEARCH_DATASETS_FIELDS[] = {LIST("experimentIds", STRING), {0}};
INPUT(SEARCH_DATASETS, "MlflowSearchDatasetsInput", SEARCH_DATASETS_FIELDS);

static const struct graphql_type *const INPUTS[] = {&STRING, &INT, &LONG, &FLOAT, &BOOLEAN, &VIEW, &BY_EXPERIMENT, &BY_RUN,
	&INTERVAL, &FOLDER, &SEARCH_VERSIONS, &SEARCH_RUNS, &SEARCH_DATASETS, NULL};

/* ---- the roots ---- */

static const struct graphql_field QUERY_FIELDS[] = {
	RPC("mlflowGetExperiment", GET_EXPERIMENT, BY_EXPERIMENT, "experiments/get"),
	RPC("mlflowGetMetricHistoryBulkInterval", POINTS, INTERVAL, "metrics/get-history-bulk-interval"),
	RPC("mlflowGetRun", GET_RUN, BY_RUN, "runs/get"),
	RPC("mlflowListArtifacts", FILES, FOLDER, "artifacts/list"),
	RPC("mlflowSearchModelVersions", VERSIONS, SEARCH_VERSIONS, "model-versions/search"),
	RPC("mlflowSearchRuns", RUNS, SEARCH_RUNS, "runs/search"),
	{"test", &TEST, false, "inputString", &STRING, graphql_resolve_echo, NULL},
	{0},
};
const struct graphql_type graphql_query = {"Query", GRAPHQL_OBJECT_TYPE, QUERY_FIELDS, NULL};

/* testMutation is null there: what would echo has another name than the field. */
static const struct graphql_field MUTATION_FIELDS[] = {
	RPC("mlflowSearchDatasets", SUMMARIES, SEARCH_DATASETS, "experiments/search-datasets"),
	RPC("mlflowSearchRuns", RUNS, SEARCH_RUNS, "runs/search"),
	{"testMutation", &TEST_MUTATION, false, "inputString", &STRING, graphql_resolve_nothing, NULL},
	{0},
};
const struct graphql_type graphql_mutation = {"Mutation", GRAPHQL_OBJECT_TYPE, MUTATION_FIELDS, NULL};

const struct graphql_field *graphql_field_find(const struct graphql_type *type, struct str name)
{
	for (const struct graphql_field *field = type->fields; field != NULL && field->name != NULL; field++)
		if (str_is(name, field->name))
			return field;
	return NULL;
}

const struct graphql_type *graphql_input_find(struct str name)
{
	for (size_t i = 0; INPUTS[i] != NULL; i++)
		if (str_is(name, INPUTS[i]->name))
			return INPUTS[i];
	return NULL;
}

struct str graphql_snake(struct arena *arena, const char *camel)
{
	char *text = arena_alloc(arena, 2 * strlen(camel) + 1);
	size_t len = 0;

	for (; *camel != '\0'; camel++) {
		const bool is_upper = *camel >= 'A' && *camel <= 'Z';

		if (is_upper)
			text[len++] = '_';
		text[len++] = is_upper ? (char)(*camel - 'A' + 'a') : *camel;
	}
	return (struct str){text, len};
}
