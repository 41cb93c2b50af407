/*
 * /api/3.0/mlflow/datasets: what agents are measured with. A dataset has a name, tags, and belongs to any number of
 * experiments; its records are in rest_eval_records.c.
 *
 * Source: MLflow 3.17.2 server/handlers.py, store/tracking/sqlalchemy_store.py.
 */
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_eval_dataset.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

enum { MAX_RESULTS_DEFAULT = 1000 };

static bool answer(struct rest_call *call, const struct rest_eval_dataset *dataset, bool has_experiments, struct error *err)
{
	struct json message;

	if (!rest_eval_dataset_json(call, dataset, has_experiments, &message, err))
		return false;
	rest_set(call, &call->out, "dataset", message);
	return true;
}

/* ---- tags ---- */

/* They come as JSON in a text; an empty list is none. */
static bool read_tags(struct rest_call *call, struct json *ret, struct error *err)
{
	const struct str text = rest_str(call, "tags");

	*ret = json_object();
	if (text.len == 0)
		return true;
	if (!json_read(call->arena, text, ret, err))
		return error_wrap(err, "tags");
	if (json_type(ret) == JSON_NULL || (json_type(ret) == JSON_ARRAY && ret->size == 0))
		*ret = json_object();
	return rest_eval_check_object(ret, "tags", err);
}

static bool check_tag_count(struct rest_call *call, struct str id, struct error *err)
{
	int64_t count = 0;

	if (db_find(call->db, err, &count, "SELECT count(*) FROM eval_dataset_tags WHERE dataset_id = ?", "s", id) < 0)
		return false;
	return count <= REST_EVAL_KEYS_MAX ||
	       error_set(err, ERR_INVALID_PARAMETER, "the dataset would have more than %d tags", REST_EVAL_KEYS_MAX);
}

static bool put_tags(struct rest_call *call, struct str id, const struct json *tags, struct error *err)
{
	for (size_t i = 0; i < tags->size; i++) {
		const struct json *value = &tags->members[i].value;
		const struct str key = tags->members[i].key.size > 0 ? json_str(&tags->members[i].key) : STR("");

		if (json_type(value) == JSON_NULL)
			continue;
		if (!db_run(call->db, err,
			    "INSERT INTO eval_dataset_tags VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
			    "sss", id, key, rest_eval_text(call, value)))
			return false;
	}
	return check_tag_count(call, id, err);
}

/* ---- experiments ---- */

static bool add_experiments(struct rest_call *call, struct str id, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");

	for (size_t i = 0; i < rest_element_count(ids); i++)
		if (!db_run(call->db, err, "INSERT INTO eval_dataset_experiments VALUES (?, ?) ON CONFLICT DO NOTHING", "ss", id,
			    ids->items[i].size > 0 ? json_str(&ids->items[i]) : STR("")))
			return false;
	return true;
}

static bool check_experiments(struct rest_call *call, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");

	for (size_t i = 0; i < rest_element_count(ids); i++) {
		const struct str id = json_str(&ids->items[i]);
		const int found = db_find(call->db, err, NULL,
			"SELECT 1 FROM experiments WHERE experiment_id = CAST(?1 AS INTEGER) AND CAST(experiment_id AS TEXT) = ?1", "s",
			id.len > 0 ? id : STR(""));

		if (found <= 0)
			return found == 0 && error_set(err, ERR_NOT_FOUND, "No Experiment with id=%.*s", STR_ARGS(id));
	}
	return true;
}

static bool touch(struct rest_call *call, struct rest_eval_dataset *dataset, struct error *err)
{
	dataset->last_update_time = call->now_ms;
	return db_run(call->db, err, "UPDATE eval_datasets SET last_update_time = ? WHERE dataset_id = ?", "is", call->now_ms,
		dataset->dataset_id);
}

static bool find_for_experiments(struct rest_call *call, struct rest_eval_dataset *ret, struct error *err)
{
	const int found = rest_eval_dataset_find(call, call->ids[0], ret, err);

	return found > 0 ||
	       (found == 0 && error_set(err, ERR_NOT_FOUND, "Dataset '%.*s' not found", STR_ARGS(call->ids[0])));
}

static bool add(struct rest_call *call, struct error *err)
{
	struct rest_eval_dataset dataset;

	return find_for_experiments(call, &dataset, err) && check_experiments(call, err) &&
	       add_experiments(call, dataset.dataset_id, err) && touch(call, &dataset, err) &&
	       answer(call, &dataset, false, err);
}

static bool take_away(struct rest_call *call, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");
	struct rest_eval_dataset dataset;
	int64_t count = 0;

	if (!find_for_experiments(call, &dataset, err))
		return false;
	for (size_t i = 0; i < rest_element_count(ids); i++) {
		if (!db_run(call->db, err, "DELETE FROM eval_dataset_experiments WHERE dataset_id = ? AND experiment_id = ?", "ss",
			    dataset.dataset_id, json_str(&ids->items[i])))
			return false;
		count += db_changes(call->db);
	}
	return (count == 0 || touch(call, &dataset, err)) && answer(call, &dataset, false, err);
}

static bool list_experiments(struct rest_call *call, struct error *err)
{
	const struct rest_eval_dataset dataset = {.dataset_id = call->ids[0]};
	struct json message;

	if (!rest_eval_dataset_json(call, &dataset, true, &message, err))
		return false;
	const struct json *ids = json_get(&message, STR("experiment_ids"));
	if (ids != NULL)
		rest_set(call, &call->out, "experiment_ids", *ids);
	return true;
}

/* ---- a dataset's life ---- */

static bool insert(struct rest_call *call, const struct rest_eval_dataset *dataset, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO eval_datasets (dataset_id, name, digest, created_time, last_update_time, created_by, last_updated_by) "
		"VALUES (?, ?, ?, ?, ?, ?, ?)",
		"sssiiss", dataset->dataset_id, dataset->name, dataset->digest, dataset->created_time,
		dataset->last_update_time, dataset->created_by, dataset->last_updated_by);
}

static bool create(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	struct json tags;

	if (!read_tags(call, &tags, err))
		return false;
	const struct json *user = json_get(&tags, STR("mlflow.user"));
	const struct str by = user != NULL ? rest_eval_text(call, user) : (struct str){NULL, 0};
	const struct rest_eval_dataset dataset = {
		.dataset_id = rest_new_id(call, "d-"),
		.name = name,
		.digest = rest_eval_dataset_digest(call, name, call->now_ms),
		.created_time = call->now_ms,
		.last_update_time = call->now_ms,
		.created_by = by,
		.last_updated_by = by,
	};
	return insert(call, &dataset, err) && put_tags(call, dataset.dataset_id, &tags, err) &&
	       add_experiments(call, dataset.dataset_id, err) && answer(call, &dataset, true, err);
}

static bool get(struct rest_call *call, struct error *err)
{
	struct rest_eval_dataset dataset;
	const int found = rest_eval_dataset_find(call, call->ids[0], &dataset, err);

	if (found <= 0)
		return found == 0 && error_set(err, ERR_NOT_FOUND, "Evaluation dataset with id '%.*s' not found",
					     STR_ARGS(call->ids[0]));
	return answer(call, &dataset, false, err);
}

/* What is not there is deleted already. */
static bool delete(struct rest_call *call, struct error *err)
{
	return db_run(call->db, err, "DELETE FROM eval_datasets WHERE dataset_id = ?", "s", call->ids[0]);
}

static bool set_tags(struct rest_call *call, struct error *err)
{
	struct rest_eval_dataset dataset;
	struct json tags;

	if (!read_tags(call, &tags, err))
		return false;
	const int found = rest_eval_dataset_find(call, call->ids[0], &dataset, err);
	if (found <= 0)
		return found == 0 && error_set(err, ERR_NOT_FOUND, "Could not find evaluation dataset with ID %.*s",
					     STR_ARGS(call->ids[0]));
	return put_tags(call, dataset.dataset_id, &tags, err);
}

static bool delete_tag(struct rest_call *call, struct error *err)
{
	return db_run(call->db, err, "DELETE FROM eval_dataset_tags WHERE dataset_id = ? AND key = ?", "ss", call->ids[0],
		call->ids[1]);
}

/* ---- search ---- */

static bool add_found(struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err)
{
	const struct rest_eval_dataset dataset = rest_eval_dataset_read(rows, call->arena);

	return rest_eval_dataset_json(call, &dataset, false, ret_message, err);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");
	const int64_t max_results = rest_int(call, "max_results", MAX_RESULTS_DEFAULT);

	search_add(search, "SELECT " REST_EVAL_DATASET_COLUMNS " FROM eval_datasets AS e WHERE TRUE");
	if (rest_element_count(ids) > 0) {
		search_add(search,
			" AND e.dataset_id IN (SELECT x.dataset_id FROM eval_dataset_experiments AS x WHERE x.experiment_id IN "
			"(SELECT value FROM json_each(?)))");
		search_bind_str(search, rest_eval_written(call, ids));
	}
	return rest_check_max_results(max_results, err) &&
	       search_filter(search, SEARCH_EVAL_DATASETS, rest_str(call, "filter_string"), err) &&
	       search_order(search, SEARCH_EVAL_DATASETS, rest_list(call, "order_by"), err) &&
	       search_page(search, max_results, rest_str(call, "page_token"), err) &&
	       rest_search_run(call, search, "datasets", add_found, err);
}

static bool search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static const struct rest_field CREATE[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"tags", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};
static const struct rest_field TAGS[] = {{"tags", REST_STRING, REST_REQUIRED, 0, NULL, NULL}, {0}};
static const struct rest_field EXPERIMENTS[] = {
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL}, {0}};
static const struct rest_field SEARCH[] = {
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"filter_string", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

#define DATASETS "/api/3.0/mlflow/datasets"

const struct rest_rpc rest_eval_datasets[] = {
	REST_RPC("POST", DATASETS "/create", PERMISSION_MANAGE, CREATE, create, DB_WRITE, "make an evaluation dataset"),
	REST_RPC("POST", DATASETS "/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "evaluation datasets that match a filter"),
	REST_RPC("GET", DATASETS "/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "evaluation datasets that match a filter"),
	REST_RPC("GET", DATASETS "/{dataset_id}", PERMISSION_VIEW, NULL, get, DB_READ, "an evaluation dataset"),
	REST_RPC("DELETE", DATASETS "/{dataset_id}", PERMISSION_MANAGE, NULL, delete, DB_WRITE,
		"delete an evaluation dataset and its records"),
	REST_RPC("PATCH", DATASETS "/{dataset_id}/tags", PERMISSION_MANAGE, TAGS, set_tags, DB_WRITE,
		"set tags of an evaluation dataset"),
	REST_RPC("DELETE", DATASETS "/{dataset_id}/tags/{key}", PERMISSION_MANAGE, NULL, delete_tag, DB_WRITE,
		"delete a tag of an evaluation dataset"),
	REST_RPC("GET", DATASETS "/{dataset_id}/experiment-ids", PERMISSION_VIEW, NULL, list_experiments, DB_READ,
		"the experiments of an evaluation dataset"),
	REST_RPC("POST", DATASETS "/{dataset_id}/add-experiments", PERMISSION_MANAGE, EXPERIMENTS, add, DB_WRITE,
		"add an evaluation dataset to experiments"),
	REST_RPC("POST", DATASETS "/{dataset_id}/remove-experiments", PERMISSION_MANAGE, EXPERIMENTS, take_away, DB_WRITE,
		"take an evaluation dataset out of experiments"),
	{0},
};
