/* artifacts/list: a folder of a run's artifacts. The files themselves: store/artifacts.h. */
#include "rest/rest_artifact_list.h"
#include "rest/rest_run.h"
#include "rest/rest_tables.h"

static bool list(struct rest_call *call, struct error *err)
{
	struct rest_run run;

	return rest_run_find(call, rest_run_id(call), &run, err) &&
	       rest_artifact_list(call, run.artifact_uri, rest_str(call, "path"), err);
}

static const struct rest_field LIST[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{"path", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_artifacts[] = {
	REST_RPC("GET", "artifacts/list", PERMISSION_VIEW, LIST, list, DB_READ, "a folder of a run's artifacts"),
	{0},
};
