/*
 * /api/3.0/mlflow/scorers: how answers are judged, by name and version in an experiment. What a scorer is, is its client's
 * JSON: it is kept, never run, so code in it (`call_source`), which MLflow's server refuses to keep, is text like any other.
 *
 * Source: MLflow 3.17.2 server/handlers.py, store/tracking/sqlalchemy_store.py.
 */
#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

static bool find_experiment(struct rest_call *call, struct rest_experiment *ret, struct error *err)
{
	return rest_experiment_find(call, rest_str(call, "experiment_id"), NULL, ret, err) &&
	       rest_experiment_check_active(ret, err);
}

/* "93af4778-3e08-…" */
static struct str new_scorer_id(struct rest_call *call)
{
	const char *hex = rest_new_id(call, "").data;

	return str_of(arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20));
}

/* 1, 0 where there is none, -1. */
static int find(struct rest_call *call, int64_t experiment_id, struct str *ret_id, struct error *err)
{
	return db_find_text(call->db, err, call->arena, ret_id, "SELECT scorer_id FROM scorers WHERE experiment_id = ? AND name = ?",
		"is", experiment_id, rest_str(call, "name"));
}

static bool fail_none(struct rest_call *call, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "Scorer with name '%.*s' not found for experiment %.*s.",
		STR_ARGS(str_clip(rest_str(call, "name"), 500)), STR_ARGS(rest_str(call, "experiment_id")));
}

static bool fail_no_version(struct rest_call *call, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "Scorer with name '%.*s' and version %lld not found for experiment %.*s.",
		STR_ARGS(str_clip(rest_str(call, "name"), 500)), (long long)rest_int(call, "version", 0),
		STR_ARGS(rest_str(call, "experiment_id")));
}

/* ---- register ---- */

static bool make(struct rest_call *call, int64_t experiment_id, struct str *ret_id, struct error *err)
{
	*ret_id = new_scorer_id(call);
	return db_run(call->db, err, "INSERT INTO scorers VALUES (?, ?, ?)", "sis", *ret_id, experiment_id, rest_str(call, "name"));
}

static bool register_version(struct rest_call *call, struct error *err)
{
	const struct str text = rest_str(call, "serialized_scorer");
	struct rest_experiment experiment;
	struct json scorer;
	struct str id;
	int64_t version = 0;

	if (!json_read_wide(call->arena, text, &scorer, err))
		return error_set(err, ERR_INVALID_PARAMETER, "serialized_scorer must be valid JSON");
	if (json_type(&scorer) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "serialized_scorer must be a JSON object, not %s", json_type_name(&scorer));
	if (!find_experiment(call, &experiment, err))
		return false;
	const int found = find(call, experiment.experiment_id, &id, err);
	if (found < 0 || (found == 0 && !make(call, experiment.experiment_id, &id, err)) ||
		db_find(call->db, err, &version, "SELECT coalesce(max(version), 0) + 1 FROM scorer_versions WHERE scorer_id = ?", "s",
			id) < 0 ||
		!db_run(call->db, err, "INSERT INTO scorer_versions VALUES (?, ?, ?, ?)", "sisi", id, version, text, call->now_ms))
		return false;
	rest_set_int(call, &call->out, "version", version);
	rest_set_str(call, &call->out, "scorer_id", id);
	rest_set_str(call, &call->out, "experiment_id", rest_number_text(call, experiment.experiment_id));
	rest_set_str(call, &call->out, "name", rest_str(call, "name"));
	rest_set_str(call, &call->out, "serialized_scorer", text);
	rest_set_int(call, &call->out, "creation_time", call->now_ms);
	return true;
}

/* ---- lists ---- */

#define SELECT_SCORERS \
	"SELECT s.experiment_id, s.name, e.version, e.serialized_scorer, e.creation_time, e.scorer_id " \
	"FROM scorer_versions AS e JOIN scorers AS s ON s.scorer_id = e.scorer_id WHERE "

static bool found_scorer(struct rest_call *call, const struct db_rows *rows, struct json *ret, struct error *err)
{
	(void)err;
	*ret = json_object();
	rest_set_int(call, ret, "experiment_id", db_integer(rows, 0));
	rest_set_str(call, ret, "scorer_name", db_text(rows, 1, call->arena));
	rest_set_int(call, ret, "scorer_version", db_integer(rows, 2));
	rest_set_str(call, ret, "serialized_scorer", db_text(rows, 3, call->arena));
	rest_set_int(call, ret, "creation_time", db_integer(rows, 4));
	rest_set_str(call, ret, "scorer_id", db_text(rows, 5, call->arena));
	return true;
}

static bool run_list(struct rest_call *call, struct search *search, struct error *err)
{
	size_t count;

	search->max_results = INT64_MAX;
	return rest_search_rows(call, search, "scorers", found_scorer, &count, err);
}

/* In this list, and in no other call, an id is digits only. */
static bool check_digits(const struct json *ids, struct error *err)
{
	for (size_t i = 0; i < rest_element_count(ids); i++) {
		const struct str id = json_str(&ids->items[i]);

		for (size_t j = 0; j < id.len; j++)
			if (id.data[j] < '0' || id.data[j] > '9')
				return error_set(err, ERR_INVALID_PARAMETER, "Invalid experiment ID: '%.*s'", STR_ARGS(id));
	}
	return true;
}

/* The newest of each name: of one experiment, of some, of all. */
static bool list_with(struct rest_call *call, struct search *search, struct error *err)
{
	const struct json *ids = rest_list(call, "experiment_ids");
	struct rest_experiment experiment;

	search_add(search, SELECT_SCORERS
		"e.version = (SELECT max(v.version) FROM scorer_versions AS v WHERE v.scorer_id = e.scorer_id) AND ");
	if (rest_str(call, "experiment_id").len > 0) {
		if (ids != NULL)
			return error_set(err, ERR_INVALID_PARAMETER,
				"Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to scope the query to "
				"multiple experiments, or 'experiment_id' to scope it to a single experiment.");
		if (!find_experiment(call, &experiment, err))
			return false;
		search_add(search, "s.experiment_id = ?");
		search_bind_int(search, experiment.experiment_id);
	} else {
		search_add(search, "s.experiment_id IN (SELECT e.experiment_id FROM experiments AS e WHERE e.lifecycle_stage = 'active'");
		if (ids != NULL)
			search_add(search, " AND ");
		if (ids != NULL && (!rest_search_experiments(search, ids, err) || !check_digits(ids, err)))
			return false;
		search_add(search, ")");
	}
	search_add(search, " ORDER BY s.experiment_id, s.name");
	return run_list(call, search, err);
}

static bool list(struct rest_call *call, struct error *err)
{
	return rest_search(call, list_with, err);
}

static bool versions_with(struct rest_call *call, struct search *search, struct error *err)
{
	struct rest_experiment experiment;
	struct str id;

	if (!find_experiment(call, &experiment, err))
		return false;
	const int found = find(call, experiment.experiment_id, &id, err);
	if (found <= 0)
		return found == 0 && fail_none(call, err);
	search_add(search, SELECT_SCORERS "e.scorer_id = ? ORDER BY e.version");
	search_bind_str(search, id);
	return run_list(call, search, err);
}

static bool list_versions(struct rest_call *call, struct error *err)
{
	if (!rest_search(call, versions_with, err))
		return false;
	return json_get(&call->out, STR("scorers")) != NULL || fail_none(call, err);
}

/* ---- one ---- */

static bool get(struct rest_call *call, struct error *err)
{
	const bool is_newest = !rest_has(call, "version");
	struct rest_experiment experiment;
	struct json message;
	struct db_rows rows;
	struct str id;

	if (!find_experiment(call, &experiment, err))
		return false;
	const int found = find(call, experiment.experiment_id, &id, err);
	if (found <= 0)
		return found == 0 && fail_none(call, err);
	if (!db_start(&rows, call->db, err,
		    SELECT_SCORERS "e.scorer_id = ? AND (? OR e.version = ?) ORDER BY e.version DESC LIMIT 1", "sbi", id, is_newest,
		    rest_int(call, "version", 0)))
		return false;
	const bool is_found = db_next(&rows) && found_scorer(call, &rows, &message, err);
	if (!db_end(&rows))
		return false;
	if (!is_found)
		return is_newest ? fail_none(call, err) : fail_no_version(call, err);
	rest_set(call, &call->out, "scorer", message);
	return true;
}

static bool delete_version(struct rest_call *call, struct str id, struct error *err)
{
	if (!db_run(call->db, err, "DELETE FROM scorer_versions WHERE scorer_id = ? AND version = ?", "si", id,
		    rest_int(call, "version", 0)))
		return false;
	return db_changes(call->db) > 0 || fail_no_version(call, err);
}

static bool delete(struct rest_call *call, struct error *err)
{
	struct rest_experiment experiment;
	struct str id;

	if (!find_experiment(call, &experiment, err))
		return false;
	const int found = find(call, experiment.experiment_id, &id, err);
	if (found <= 0)
		return found == 0 && fail_none(call, err);
	return rest_has(call, "version") ? delete_version(call, id, err)
					 : db_run(call->db, err, "DELETE FROM scorers WHERE scorer_id = ?", "s", id);
}

static const struct rest_field REGISTER[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"serialized_scorer", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};
static const struct rest_field LIST[] = {
	{"experiment_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"experiment_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{0},
};
static const struct rest_field BY_NAME[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};
static const struct rest_field BY_VERSION[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{0},
};

#define SCORERS "/api/3.0/mlflow/scorers"

const struct rest_rpc rest_scorers[] = {
	REST_RPC("POST", SCORERS "/register", PERMISSION_MANAGE, REGISTER, register_version, DB_WRITE, "keep a scorer's next version"),
	REST_RPC("GET", SCORERS "/list", PERMISSION_VIEW, LIST, list, DB_READ, "the newest version of each scorer"),
	REST_RPC("GET", SCORERS "/versions", PERMISSION_VIEW, BY_NAME, list_versions, DB_READ, "all versions of a scorer"),
	REST_RPC("GET", SCORERS "/get", PERMISSION_VIEW, BY_VERSION, get, DB_READ, "one version of a scorer, or its newest"),
	REST_RPC("DELETE", SCORERS "/delete", PERMISSION_MANAGE, BY_VERSION, delete, DB_WRITE, "delete a scorer, or one version of it"),
	{0},
};
