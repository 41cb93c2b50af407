/* runs/search */
#include "rest/rest_check.h"
#include "rest/rest_run.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

enum { MAX_RESULTS_DEFAULT = 1000 };

static bool add_found(struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err)
{
	const struct rest_run run = rest_run_read(rows, call->arena);

	return rest_run_json(call, &run, false, ret_message, err);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t max_results = rest_int(call, "max_results", MAX_RESULTS_DEFAULT);

	search_add(search, "SELECT " REST_RUN_COLUMNS " FROM runs AS e WHERE ");
	rest_search_stages(search, rest_str(call, "run_view_type"));
	search_add(search, " AND ");
	return rest_check_max_results(max_results, err) &&
	       rest_search_experiments(search, rest_list(call, "experiment_ids"), err) &&
	       rest_search_as_asked(call, search, SEARCH_RUNS, max_results, "runs", add_found, err);
}

static bool search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static const struct rest_field SEARCH[] = {
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"filter", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"run_view_type", REST_ENUM, 0, 0, NULL, rest_view_types},
	{"max_results", REST_INT, REST_CHECKED, REST_MAX_RESULTS_MAX, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, 0, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_run_search[] = {
	REST_RPC("POST", "runs/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "runs that match a filter"),
	{0},
};
