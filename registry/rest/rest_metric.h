#pragma once
/* Metric: a point of a run's metric, and of a logged model's where it names one. Private to registry/rest. */
#include "rest/rest.h"

struct rest_metric {
	struct str key;
	struct str model_id, dataset_name, dataset_digest; /* data NULL: none */
	double value; /* finite: 0 for NaN, the largest double for infinity, as MLflow stores them */
	bool is_nan;
	int64_t timestamp, step;
};

/* Of mlflow.LogMetric or mlflow.Metric: they have the same members. */
struct rest_metric rest_metric_read(const struct json *message);
/* `path` is "" or "metrics[0].". */
bool rest_metric_check(const struct rest_metric *metric, const char *path, struct error *err);
/* A point that is there already is left alone. */
bool rest_metric_insert(
	struct rest_call *call, struct str run_id, const struct rest_metric *metric, struct error *err);
/* key, value, timestamp, step */
struct json rest_metric_json(
	struct rest_call *call, struct str key, double value, bool is_nan, int64_t timestamp, int64_t step);
