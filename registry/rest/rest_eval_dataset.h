#pragma once
/* Evaluation dataset: its row, and as a message. Private to registry/rest. */
#include "rest/rest.h"

struct rest_eval_dataset {
	struct str dataset_id, name, digest;
	int64_t created_time, last_update_time;
	struct str created_by, last_updated_by, schema, profile; /* data NULL: none */
};

/* The columns of `eval_datasets AS e` that rest_eval_dataset_read() reads, from column 0 on. */
#define REST_EVAL_DATASET_COLUMNS \
	"e.dataset_id, e.name, e.digest, e.created_time, e.last_update_time, e.created_by, e.last_updated_by, e.schema, e.profile"
struct rest_eval_dataset rest_eval_dataset_read(const struct db_rows *rows, struct arena *arena);

/* 1, 0 where there is none, -1. */
int rest_eval_dataset_find(struct rest_call *call, struct str id, struct rest_eval_dataset *ret, struct error *err);
/* Its mark: what it holds was changed at that time. */
struct str rest_eval_dataset_digest(struct rest_call *call, struct str name, int64_t time_ms);
/* mlflow.Dataset of datasets.proto; with `has_experiments`, which experiments it belongs to. */
bool rest_eval_dataset_json(struct rest_call *call, const struct rest_eval_dataset *dataset, bool has_experiments,
	struct json *ret, struct error *err);

/* A JSON object that stands as text in a request: "tags", "expectations". ERR_INVALID_PARAMETER where it is none, or has
 * more than REST_EVAL_KEYS_MAX members. */
enum { REST_EVAL_KEYS_MAX = 1000 };
bool rest_eval_check_object(const struct json *value, const char *name, struct error *err);
/* As Python's str(). */
struct str rest_eval_text(struct rest_call *call, const struct json *value);
/* A value's JSON, on the arena. */
struct str rest_eval_written(struct rest_call *call, const struct json *value);
