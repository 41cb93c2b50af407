/* logged-models/search */
#include "rest/rest_element.h"
#include "rest/rest_logged_model.h"
#include "rest/rest_model_token.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

enum {
	MAX_RESULTS_DEFAULT = 50,
	MAX_RESULTS_OF_ZERO = 100,
	DATASETS_MAX = 200, /* each makes an expression deeper, and SQLite takes 1000 */
};

static bool add_found(struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err)
{
	const struct rest_logged_model model = rest_logged_model_read(rows, call->arena);

	return rest_logged_model_json(call, &model, ret_message, err);
}

static bool check_datasets(const struct json *datasets, struct error *err)
{
	if (rest_element_count(datasets) > DATASETS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "the `datasets` clause has more than %d datasets", DATASETS_MAX);
	for (size_t i = 0; i < rest_element_count(datasets); i++)
		if (rest_element_str(&datasets->items[i], "dataset_name").len == 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"`dataset_name` in the `datasets` clause must be specified.");
	return true;
}

/* A dataset without a digest is one whose metrics have none. */
static void add_datasets(struct search *search, const struct json *datasets)
{
	search_add(search, "(");
	for (size_t i = 0; i < datasets->size; i++) {
		search_add(search, i > 0 ? " OR (dataset_name = ?" : "(dataset_name = ?");
		search_bind_str(search, rest_element_str(&datasets->items[i], "dataset_name"));
		search_add(search, " AND dataset_digest IS ?)");
		search_bind_str(search, rest_element_optional(&datasets->items[i], "dataset_digest"));
	}
	search_add(search, ")");
}

/* With datasets the filter sees their metrics only, and a model has one at least. */
static bool add_filter(struct rest_call *call, struct search *search, struct error *err)
{
	const struct json *datasets = rest_list(call, "datasets");
	const struct str filter = rest_str(call, "filter");

	if (!check_datasets(datasets, err))
		return false;
	if (rest_element_count(datasets) == 0)
		return search_filter(search, SEARCH_LOGGED_MODELS, filter, err);
	search_add(search, " AND EXISTS (SELECT 1 FROM logged_model_metrics WHERE model_id = e.model_id AND ");
	add_datasets(search, datasets);
	search_add(search, ") AND e.model_id IN (WITH logged_model_metrics AS (SELECT * FROM main.logged_model_metrics WHERE ");
	add_datasets(search, datasets);
	search_add(search, ") SELECT e.model_id FROM logged_models AS e WHERE TRUE");
	if (!search_filter(search, SEARCH_LOGGED_MODELS, filter, err))
		return false;
	search_add(search, ")");
	return true;
}

static bool read_max_results(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t asked = rest_int(call, "max_results", MAX_RESULTS_DEFAULT);

	search->max_results = asked == 0 ? MAX_RESULTS_OF_ZERO : asked;
	return asked >= 0 || error_set(err, ERR_INVALID_PARAMETER,
				     "Invalid value %lld for parameter 'max_results' supplied. It must be a positive integer",
				     (long long)asked);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	size_t count;

	search_add(search, "SELECT " REST_LOGGED_MODEL_COLUMNS " FROM logged_models AS e WHERE e.lifecycle_stage <> 'deleted' AND ");
	if (!rest_model_token_read(call, &search->offset, err) || !read_max_results(call, search, err) ||
		!rest_search_experiments(search, rest_list(call, "experiment_ids"), err) || !add_filter(call, search, err) ||
		!search_order(search, SEARCH_LOGGED_MODELS, rest_list(call, "order_by"), err))
		return false;
	search_limit(search);
	if (!rest_search_rows(call, search, "models", add_found, &count, err))
		return false;
	if ((int64_t)count > search->max_results)
		rest_set_str(call, &call->out, "next_page_token",
			rest_model_token_new(call, search->offset + search->max_results));
	return true;
}

static bool search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static const struct rest_field DATASET[] = {
	{"dataset_name", REST_STRING, 0, 0, NULL, NULL},
	{"dataset_digest", REST_STRING, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field ORDER[] = {
	{"field_name", REST_STRING, 0, 0, NULL, NULL},
	{"ascending", REST_BOOL, 0, 0, NULL, NULL},
	{"dataset_name", REST_STRING, 0, 0, NULL, NULL},
	{"dataset_digest", REST_STRING, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field SEARCH[] = {
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_REQUIRED, 0, NULL, NULL},
	{"filter", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"datasets", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, DATASET, NULL},
	{"max_results", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"order_by", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, ORDER, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_logged_model_search[] = {
	REST_RPC("POST", "logged-models/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "logged models that match a filter"),
	{0},
};
