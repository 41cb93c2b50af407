/* metrics/get-history: all points of a metric. get-history-bulk and get-history-bulk-interval draw the web pages' charts. */
#include "rest/rest_element.h"
#include "rest/rest_metric.h"
#include "rest/rest_run.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

#include <stdlib.h>

enum { BULK_RUNS_MAX = 100, BULK_MAX = 25000, INTERVAL_MAX = 2500 };

/* Columns: value, timestamp, step, is_nan. */
static struct json read_point(struct rest_call *call, const struct db_rows *rows, struct str key)
{
	return rest_metric_json(
		call, key, db_double(rows, 0), db_integer(rows, 3) != 0, db_integer(rows, 1), db_integer(rows, 2));
}

static bool add_point(struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err)
{
	(void)err;
	*ret_message = read_point(call, rows, rest_str(call, "metric_key"));
	return true;
}

/* All of them where no page is asked for. */
static bool history_with(struct rest_call *call, struct search *search, struct error *err)
{
	search_add(search, "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_id = ?");
	search_bind_str(search, rest_run_id(call));
	search_add(search, " AND key = ? ORDER BY timestamp, step, value");
	search_bind_str(search, rest_str(call, "metric_key"));
	return search_page(search, rest_int(call, "max_results", INT32_MAX), rest_str(call, "page_token"), err) &&
	       rest_search_run(call, search, "metrics", add_point, err);
}

static bool get_history(struct rest_call *call, struct error *err)
{
	const int64_t max_results = rest_int(call, "max_results", 1);

	if (max_results <= 0)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid value %lld for parameter 'max_results' supplied. It must be a positive integer.",
			(long long)max_results);
	return rest_search(call, history_with, err);
}

static int compare_ids(const void *a, const void *b)
{
	const struct str left = json_str(a), right = json_str(b);
	const int order = memcmp(left.data, right.data, left.len < right.len ? left.len : right.len);

	return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

/* Sorted, and each once. */
static struct json sorted_ids(struct rest_call *call, const struct json *run_ids)
{
	struct json sorted = json_copy(call->arena, run_ids);
	size_t count = 0;

	qsort(sorted.items, sorted.size, sizeof(*sorted.items), compare_ids);
	for (size_t i = 0; i < sorted.size; i++)
		if (i == 0 || compare_ids(&sorted.items[count - 1], &sorted.items[i]) != 0)
			sorted.items[count++] = sorted.items[i];
	return json_array_of(sorted.items, count);
}

static bool add_run_points(
	struct rest_call *call, struct str run_id, int64_t max, struct json *list, struct error *err)
{
	const struct str key = rest_str(call, "metric_key");
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_id = ? AND key = ? "
		    "ORDER BY timestamp, step, value",
		    "ss", run_id, key))
		return false;
	while ((int64_t)list->size < max && db_next(&rows)) {
		struct json point = read_point(call, &rows, key);

		rest_set_str(call, &point, "run_id", run_id);
		json_append(call->arena, list, point);
	}
	return db_end(&rows);
}

static bool get_bulk(struct rest_call *call, struct error *err)
{
	const struct json *run_ids = rest_list(call, "run_id");
	const size_t count = rest_element_count(run_ids);
	const int64_t asked = rest_int(call, "max_results", BULK_MAX);
	struct json list = json_array();

	if (count == 0)
		return error_set(
			err, ERR_INVALID_PARAMETER, "GetMetricHistoryBulk request must specify at least one run_id.");
	if (count > BULK_RUNS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER,
			"GetMetricHistoryBulk request cannot specify more than %d run_ids. Received %zu run_ids.", BULK_RUNS_MAX,
			count);
	if (!rest_has(call, "metric_key"))
		return error_set(err, ERR_INVALID_PARAMETER, "GetMetricHistoryBulk request must specify a metric_key.");
	const struct json sorted = sorted_ids(call, run_ids);
	for (size_t i = 0; i < sorted.size; i++)
		if (!add_run_points(call, json_str(&sorted.items[i]), asked < BULK_MAX ? asked : BULK_MAX, &list, err))
			return false;
	/* Here, an empty list is in the answer. */
	json_set(call->arena, &call->out, STR("metrics"), list);
	return true;
}

struct interval {
	int64_t start_step, end_step, max_results;
};

static bool read_interval(struct rest_call *call, struct interval *ret, struct error *err)
{
	const bool has_start = rest_has(call, "start_step"), has_end = rest_has(call, "end_step");
	const size_t count = rest_element_count(rest_list(call, "run_ids"));

	ret->start_step = rest_int(call, "start_step", INT64_MIN);
	ret->end_step = rest_int(call, "end_step", INT64_MAX);
	ret->max_results = rest_int(call, "max_results", INTERVAL_MAX);
	if (count > BULK_RUNS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER,
			"GetMetricHistoryBulkInterval request must specify at most %d run_ids. Received %zu run_ids. See the API "
			"docs for more information about request parameters.",
			BULK_RUNS_MAX, count);
	if (ret->max_results < 1 || ret->max_results > INTERVAL_MAX)
		return error_set(err, ERR_INVALID_PARAMETER,
			"max_results must be between 1 and %d. See the API docs for more information about request parameters.",
			INTERVAL_MAX);
	if (has_start != has_end)
		return error_set(err, ERR_INVALID_PARAMETER,
			"If either start step or end step are specified, both must be specified.");
	return ret->start_step <= ret->end_step ||
	       error_set(err, ERR_INVALID_PARAMETER,
		       "end_step must be greater than start_step. Found start_step=%lld and end_step=%lld.",
		       (long long)ret->start_step, (long long)ret->end_step);
}

/* The first of each of max_results buckets of the same size, by step and time. */
static bool sample(struct rest_call *call, struct str run_id, const struct interval *interval, struct json *ret_list,
	struct error *err)
{
	const struct str key = rest_str(call, "metric_key");
	struct db_rows rows;

	*ret_list = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT value, timestamp, step, is_nan FROM (SELECT *, row_number() OVER "
		    "(PARTITION BY bucket ORDER BY step, timestamp, value, is_nan) AS number FROM (SELECT value, timestamp, step, "
		    "is_nan, ntile(?) OVER (ORDER BY step, timestamp, value, is_nan) AS bucket FROM metrics "
		    "WHERE run_id = ? AND key = ? AND step BETWEEN ? AND ?)) WHERE number = 1 "
		    "ORDER BY step, timestamp, value, is_nan",
		    "issii", interval->max_results, run_id, key, interval->start_step, interval->end_step))
		return false;
	while (db_next(&rows)) {
		struct json point = read_point(call, &rows, key);

		rest_set_str(call, &point, "run_id", run_id);
		json_append(call->arena, ret_list, point);
	}
	return db_end(&rows);
}

/* The last point of all closes the curve. */
static bool add_last(
	struct rest_call *call, struct str run_id, const struct interval *interval, struct json *points, struct error *err)
{
	const struct str key = rest_str(call, "metric_key");
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_id = ? AND key = ? AND step BETWEEN ? AND ? "
		    "ORDER BY step DESC, timestamp DESC, value DESC, is_nan DESC LIMIT 1",
		    "ssii", run_id, key, interval->start_step, interval->end_step))
		return false;
	if (db_next(&rows)) {
		struct json last = read_point(call, &rows, key);

		rest_set_str(call, &last, "run_id", run_id);
		if (points->size == 0 || (!json_equal(&points->items[points->size - 1], &last) &&
						 (int64_t)points->size < interval->max_results))
			json_append(call->arena, points, last);
		else
			points->items[points->size - 1] = last;
	}
	return db_end(&rows);
}

static bool get_interval(struct rest_call *call, struct error *err)
{
	const struct json *run_ids = rest_list(call, "run_ids");
	struct json list = json_array();
	struct interval interval;

	if (!read_interval(call, &interval, err))
		return false;
	for (size_t i = 0; i < rest_element_count(run_ids); i++) {
		const struct str run_id = json_str(&run_ids->items[i]);
		struct json points;

		if (!sample(call, run_id, &interval, &points, err) || !add_last(call, run_id, &interval, &points, err))
			return false;
		for (size_t p = 0; p < points.size; p++)
			json_append(call->arena, &list, points.items[p]);
	}
	rest_set(call, &call->out, "metrics", list);
	return true;
}

static const struct rest_field HISTORY[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_uuid", REST_STRING, 0, 0, NULL, NULL},
	{"metric_key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field BULK[] = {
	{"run_id", REST_STRING, REST_REPEATED, 0, NULL, NULL},
	{"metric_key", REST_STRING, 0, 0, NULL, NULL},
	{"max_results", REST_INT, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field INTERVAL[] = {
	{"run_ids", REST_STRING, REST_REPEATED | REST_REQUIRED, 0, NULL, NULL},
	{"metric_key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"start_step", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"end_step", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_metrics[] = {
	REST_RPC("GET", "metrics/get-history", PERMISSION_VIEW, HISTORY, get_history, DB_READ, "all points of a run's metric"),
	REST_RPC("GET", "metrics/get-history-bulk", PERMISSION_VIEW, BULK, get_bulk, DB_READ, "all points of a metric of several runs"),
	REST_RPC("GET", "metrics/get-history-bulk-interval", PERMISSION_VIEW, INTERVAL, get_interval, DB_READ,
		"points of a metric of several runs, sampled"),
	{0},
};
