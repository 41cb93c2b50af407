#include "rest/rest_metric.h"

#include "rest/rest_check.h"
#include "rest/rest_element.h"

#include <float.h>
#include <stdio.h>

struct rest_metric rest_metric_read(const struct json *message)
{
	const double value = rest_element_double(message, "value");

	return (struct rest_metric){
		.key = rest_element_str(message, "key"),
		.model_id = rest_element_optional(message, "model_id"),
		.dataset_name = rest_element_optional(message, "dataset_name"),
		.dataset_digest = rest_element_optional(message, "dataset_digest"),
		.value = isnan(value) ? 0 : isinf(value) ? copysign(DBL_MAX, value) : value,
		.is_nan = isnan(value),
		.timestamp = rest_element_int(message, "timestamp"),
		.step = rest_element_int(message, "step"),
	};
}

static bool fail_timestamp(const struct rest_metric *metric, const char *path, struct error *err)
{
	struct buf value = {0};

	json_write_double(&value, metric->value);
	error_set(err, ERR_INVALID_PARAMETER,
		"Invalid value %lld for parameter '%stimestamp' supplied: metric '%.*s' (value=%s). Timestamp must be a nonnegative "
		"long (64-bit integer) ",
		(long long)metric->timestamp, path, STR_ARGS(metric->key), metric->is_nan ? "nan" : buf_text(&value));
	buf_done(&value);
	return false;
}

bool rest_metric_check(const struct rest_metric *metric, const char *path, struct error *err)
{
	char name_path[64];

	if ((metric->dataset_name.len > 0) != (metric->dataset_digest.len > 0))
		return error_set(err, ERR_INVALID_PARAMETER,
			"Both dataset_name and dataset_digest must be provided if one is provided");
	snprintf(name_path, sizeof(name_path), "%sname", path);
	if (!rest_check_key(metric->key, name_path, err))
		return false;
	if (metric->timestamp < 0)
		return fail_timestamp(metric, path, err);
	return rest_check_length(metric->key, "Metric name", REST_KEY_MAX, err);
}

/* The newest by step, time and value. */
static bool update_latest(
	struct rest_call *call, struct str run_id, const struct rest_metric *metric, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO latest_metrics AS l (run_id, key, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (run_id, key) DO UPDATE SET timestamp = excluded.timestamp, step = excluded.step, "
		"value = excluded.value, is_nan = excluded.is_nan "
		"WHERE (excluded.step, excluded.timestamp, excluded.value) > (l.step, l.timestamp, l.value)",
		"ssiidb", run_id, metric->key, metric->timestamp, metric->step, metric->value, metric->is_nan);
}

/* A model has one value of a metric at a time and step of a run. */
static bool insert_of_model(
	struct rest_call *call, struct str run_id, const struct rest_metric *metric, struct error *err)
{
	const int is_known = db_find(
		call->db, err, NULL, "SELECT 1 FROM logged_models WHERE model_id = ?", "s", metric->model_id);

	if (is_known <= 0)
		return is_known == 0 && error_set(err, ERR_BAD_REQUEST,
						"FOREIGN KEY constraint failed: there is no logged model with ID '%.*s'",
						STR_ARGS(metric->model_id));
	if (!db_run(call->db, err,
		    "INSERT INTO logged_model_metrics AS m (model_id, key, timestamp, step, run_id, dataset_name, dataset_digest, "
		    "value) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_id, key, timestamp, step, run_id) DO UPDATE SET "
		    "value = value WHERE (m.value, m.dataset_name, m.dataset_digest) IS "
		    "(excluded.value, excluded.dataset_name, excluded.dataset_digest)",
		    "ssiisssd", metric->model_id, metric->key, metric->timestamp, metric->step, run_id, metric->dataset_name,
		    metric->dataset_digest, metric->value))
		return false;
	return db_changes(call->db) > 0 ||
	       error_set(err, ERR_BAD_REQUEST,
		       "UNIQUE constraint failed: logged model '%.*s' has another value of metric '%.*s' at that time and step",
		       STR_ARGS(metric->model_id), STR_ARGS(metric->key));
}

bool rest_metric_insert(struct rest_call *call, struct str run_id, const struct rest_metric *metric, struct error *err)
{
	return db_run(call->db, err,
		       "INSERT INTO metrics (run_id, key, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
		       "ON CONFLICT DO NOTHING",
		       "ssiidb", run_id, metric->key, metric->timestamp, metric->step, metric->value, metric->is_nan) &&
	       update_latest(call, run_id, metric, err) &&
	       (metric->model_id.data == NULL || insert_of_model(call, run_id, metric, err));
}

struct json rest_metric_json(
	struct rest_call *call, struct str key, double value, bool is_nan, int64_t timestamp, int64_t step)
{
	struct json metric = json_object();

	rest_set_str(call, &metric, "key", key);
	rest_set_double(call, &metric, "value", is_nan ? (double)NAN : value);
	rest_set_int(call, &metric, "timestamp", timestamp);
	rest_set_int(call, &metric, "step", step);
	return metric;
}
