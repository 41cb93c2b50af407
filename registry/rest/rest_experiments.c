/* experiments/…: their life. Tags are in rest_experiment_tags.c. */
#include "rest/rest_experiment.h"

#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_experiment_tags.h"
#include "rest/rest_location.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

static bool set_default_location(struct rest_call *call, int64_t id, struct error *err)
{
	const struct str location = str_of(arena_printf(call->arena, "mlflow-artifacts:/%lld", (long long)id));

	return db_run(call->db, err, "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", "si", location,
		id);
}

static bool fail_exists(struct str name, struct error *err)
{
	return error_set(err, ERR_ALREADY_EXISTS,
		"Experiment(name=%.*s) already exists. Error: UNIQUE constraint failed: experiments.name", STR_ARGS(name));
}

static bool insert(struct rest_call *call, struct str name, struct str location, int64_t *ret_id, struct error *err)
{
	if (!db_run(call->db, err,
		    "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time) "
		    "VALUES (?, ?, 'active', ?, ?) ON CONFLICT (name) DO NOTHING",
		    "ssii", name, location, call->now_ms, call->now_ms))
		return false;
	if (db_changes(call->db) == 0)
		return fail_exists(name, err);
	*ret_id = db_last_id(call->db);
	return location.len > 0 || set_default_location(call, *ret_id, err);
}

static bool create(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	const struct json *tags = rest_list(call, "tags");
	struct str location;
	int64_t id = 0;

	if (!rest_experiment_tags_check(tags, err) ||
		!rest_location_read(call, rest_str(call, "artifact_location"), &location, err) ||
		!rest_check_length(name, "name", REST_EXPERIMENT_NAME_MAX, err) || !insert(call, name, location, &id, err))
		return false;
	for (size_t i = 0; i < rest_element_count(tags); i++) {
		if (!db_run(call->db, err, "INSERT INTO experiment_tags VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "iss", id,
			    rest_element_str(&tags->items[i], "key"), rest_element_str(&tags->items[i], "value")))
			return false;
		/* MLflow's words for a key that is there twice. */
		if (db_changes(call->db) == 0)
			return fail_exists(name, err);
	}
	rest_set_str(call, &call->out, "experiment_id", rest_number_text(call, id));
	return true;
}

static bool get(struct rest_call *call, struct error *err)
{
	struct rest_experiment experiment;
	struct json message;

	if (!rest_experiment_find(call, rest_str(call, "experiment_id"), NULL, &experiment, err) ||
		!rest_experiment_json(call, &experiment, &message, err))
		return false;
	rest_set(call, &call->out, "experiment", message);
	return true;
}

static bool get_by_name(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "experiment_name");
	struct rest_experiment experiment;
	struct json message;
	struct db_rows rows;

	if (!db_start(&rows, call->db, err, "SELECT " REST_EXPERIMENT_COLUMNS " FROM experiments AS e WHERE e.name = ?", "s",
		    name))
		return false;
	const bool is_found = db_next(&rows);
	if (is_found)
		experiment = rest_experiment_read(&rows, call->arena);
	if (!db_end(&rows))
		return false;
	if (!is_found)
		return error_set(err, ERR_NOT_FOUND, "Could not find experiment with name '%.*s'", STR_ARGS(name));
	if (!rest_experiment_json(call, &experiment, &message, err))
		return false;
	rest_set(call, &call->out, "experiment", message);
	return true;
}

/* Its runs go with it, and come back with it, whatever was deleted before. */
static bool delete(struct rest_call *call, struct error *err)
{
	struct rest_experiment experiment;

	return rest_experiment_find(call, rest_str(call, "experiment_id"), "active", &experiment, err) &&
	       db_run(call->db, err,
		       "UPDATE experiments SET lifecycle_stage = 'deleted', last_update_time = ? WHERE experiment_id = ?", "ii",
		       call->now_ms, experiment.experiment_id) &&
	       db_run(call->db, err,
		       "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ? WHERE experiment_id = ?", "ii",
		       call->now_ms, experiment.experiment_id);
}

static bool restore(struct rest_call *call, struct error *err)
{
	struct rest_experiment experiment;

	return rest_experiment_find(call, rest_str(call, "experiment_id"), "deleted", &experiment, err) &&
	       db_run(call->db, err,
		       "UPDATE experiments SET lifecycle_stage = 'active', last_update_time = ? WHERE experiment_id = ?", "ii",
		       call->now_ms, experiment.experiment_id) &&
	       db_run(call->db, err,
		       "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL WHERE experiment_id = ?", "i",
		       experiment.experiment_id);
}

static bool update(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "new_name");
	struct rest_experiment experiment;

	if (!rest_check_length(name, "name", REST_EXPERIMENT_NAME_MAX, err) ||
		!rest_experiment_find(call, rest_str(call, "experiment_id"), NULL, &experiment, err))
		return false;
	if (!str_is(experiment.lifecycle_stage, "active"))
		return error_set(err, ERR_INVALID_STATE, "Cannot rename a non-active experiment.");
	const int is_taken = db_find(call->db, err, NULL, "SELECT 1 FROM experiments WHERE name = ? AND experiment_id <> ?",
		"si", name, experiment.experiment_id);
	if (is_taken != 0)
		return is_taken < 0 || error_set(err, ERR_BAD_REQUEST,
					       "UNIQUE constraint failed: experiments.name: '%.*s'", STR_ARGS(name));
	return db_run(call->db, err, "UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?", "sii",
		name, call->now_ms, experiment.experiment_id);
}

static bool add_found(struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err)
{
	const struct rest_experiment experiment = rest_experiment_read(rows, call->arena);

	return rest_experiment_json(call, &experiment, ret_message, err);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t max_results = rest_int(call, "max_results", 0);

	search_add(search, "SELECT " REST_EXPERIMENT_COLUMNS " FROM experiments AS e WHERE ");
	rest_search_stages(search, rest_str(call, "view_type"));
	return rest_check_max_results(max_results, err) &&
	       rest_search_as_asked(call, search, SEARCH_EXPERIMENTS, max_results, "experiments", add_found, err);
}

static bool search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static const struct rest_field CREATE[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"artifact_location", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{0},
};
static const struct rest_field BY_ID[] = {{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL}, {0}};
static const struct rest_field BY_NAME[] = {{"experiment_name", REST_STRING, REST_REQUIRED, 0, NULL, NULL}, {0}};
static const struct rest_field UPDATE[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"new_name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};
static const struct rest_field SEARCH[] = {
	{"max_results", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"filter", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"view_type", REST_ENUM, 0, 0, NULL, rest_view_types},
	{0},
};

const struct rest_rpc rest_experiments[] = {
	REST_RPC("POST", "experiments/create", PERMISSION_MANAGE, CREATE, create, DB_WRITE, "make an experiment"),
	REST_RPC("GET", "experiments/get", PERMISSION_VIEW, BY_ID, get, DB_READ, "an experiment"),
	REST_RPC("GET", "experiments/get-by-name", PERMISSION_VIEW, BY_NAME, get_by_name, DB_READ, "an experiment by its name"),
	REST_RPC("GET", "experiments/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "experiments that match a filter"),
	REST_RPC("POST", "experiments/search", PERMISSION_VIEW, SEARCH, search, DB_READ, "experiments that match a filter"),
	REST_RPC("POST", "experiments/update", PERMISSION_MANAGE, UPDATE, update, DB_WRITE, "rename an experiment"),
	REST_RPC("POST", "experiments/delete", PERMISSION_MANAGE, BY_ID, delete, DB_WRITE, "delete an experiment and its runs, until restored"),
	REST_RPC("POST", "experiments/restore", PERMISSION_MANAGE, BY_ID, restore, DB_WRITE, "bring back an experiment and its runs"),
	{0},
};
