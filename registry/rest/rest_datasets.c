/* experiments/search-datasets: which datasets the runs of some experiments used, for the web pages. */
#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_tables.h"

enum { EXPERIMENTS_MAX = 20, SUMMARIES_MAX = 1000 };

static bool add_summaries(struct rest_call *call, int64_t experiment_id, struct json *list, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT DISTINCT d.name, d.digest, t.value FROM datasets AS d "
		    "JOIN dataset_inputs AS i ON i.dataset_id = d.dataset_id LEFT JOIN dataset_input_tags AS t "
		    "ON t.run_id = i.run_id AND t.dataset_id = i.dataset_id AND t.key = 'mlflow.data.context' "
		    "WHERE d.experiment_id = ? ORDER BY d.dataset_id",
		    "i", experiment_id))
		return false;
	while (list->size < SUMMARIES_MAX && db_next(&rows)) {
		struct json summary = json_object();

		rest_set_str(call, &summary, "experiment_id", rest_number_text(call, experiment_id));
		rest_set_str(call, &summary, "name", db_text(&rows, 0, call->arena));
		rest_set_str(call, &summary, "digest", db_text(&rows, 1, call->arena));
		rest_set_str(call, &summary, "context", db_text(&rows, 2, call->arena));
		json_append(call->arena, list, summary);
	}
	return db_end(&rows);
}

static bool search(struct rest_call *call, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");
	const size_t count = rest_element_count(ids);
	struct json list = json_array();

	if (count == 0)
		return error_set(
			err, ERR_INVALID_PARAMETER, "SearchDatasets request must specify at least one experiment_id.");
	if (count > EXPERIMENTS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER,
			"SearchDatasets request cannot specify more than %d experiment_ids. Received %zu experiment_ids.",
			EXPERIMENTS_MAX, count);
	for (size_t i = 0; i < count; i++) {
		int64_t id;

		if (!rest_experiment_id(json_str(&ids->items[i]), &id, err) || !add_summaries(call, id, &list, err))
			return false;
	}
	rest_set(call, &call->out, "dataset_summaries", list);
	return true;
}

static const struct rest_field SEARCH[] = {
	{"experiment_ids", REST_STRING, REST_REPEATED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_datasets[] = {
	REST_RPC("POST", "experiments/search-datasets", PERMISSION_VIEW, SEARCH, search, DB_READ, "datasets that runs of experiments used"),
	{0},
};
