/* experiments/set-experiment-tag, delete-experiment-tag. The web pages keep their views in tags, so these are counted. */
#include "rest/rest_experiment_tags.h"

#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_experiment.h"
#include "rest/rest_tables.h"

enum { VIEWS_MAX = 50 };
#define VIEW_PREFIX "mlflow.customView.view"

static bool check_tag(struct str key, struct str value, struct error *err)
{
	return rest_check_key(key, "key", err) && rest_check_length(key, "key", REST_KEY_MAX, err) &&
	       rest_check_length(value, "value", REST_EXPERIMENT_TAG_VALUE_MAX, err);
}

static bool fail_views(const char *whose, struct error *err)
{
	return error_set(err, ERR_INVALID_PARAMETER,
		"Unable to create another custom view%s; the maximum number of custom views per experiment is %d. Delete an "
		"existing custom view before creating a new one.",
		whose, VIEWS_MAX);
}

bool rest_experiment_tags_check(const struct json *tags, struct error *err)
{
	size_t views = 0;

	for (size_t i = 0; i < rest_element_count(tags); i++)
		views += str_starts(rest_element_str(&tags->items[i], "key"), STR(VIEW_PREFIX));
	if (views > VIEWS_MAX)
		return fail_views("", err);
	for (size_t i = 0; i < rest_element_count(tags); i++)
		if (!check_tag(rest_element_str(&tags->items[i], "key"), rest_element_str(&tags->items[i], "value"), err))
			return false;
	return true;
}

/* One more view, where the key is not there yet. */
static bool check_views(struct rest_call *call, int64_t experiment_id, struct str key, struct error *err)
{
	int64_t views = 0;

	if (!str_starts(key, STR(VIEW_PREFIX)))
		return true;
	if (db_find(call->db, err, &views,
		    "SELECT count(*) FROM experiment_tags WHERE experiment_id = ? AND key GLOB '" VIEW_PREFIX "*' AND key <> ?",
		    "is", experiment_id, key) < 0)
		return false;
	return views < VIEWS_MAX ||
	       fail_views(arena_printf(call->arena, " for experiment %lld", (long long)experiment_id), err);
}

static bool set_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key"), value = rest_str_or_empty(call, "value");
	struct rest_experiment experiment;

	return check_tag(key, value, err) &&
	       rest_experiment_find(call, rest_str(call, "experiment_id"), NULL, &experiment, err) &&
	       rest_experiment_check_active(&experiment, err) &&
	       check_views(call, experiment.experiment_id, key, err) &&
	       db_run(call->db, err,
		       "INSERT INTO experiment_tags VALUES (?, ?, ?) "
		       "ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
		       "iss", experiment.experiment_id, key, value);
}

static bool delete_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key"), id = rest_str(call, "experiment_id");
	struct rest_experiment experiment;

	if (!rest_experiment_find(call, id, NULL, &experiment, err) || !rest_experiment_check_active(&experiment, err) ||
		!db_run(call->db, err, "DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", "is",
			experiment.experiment_id, key))
		return false;
	return db_changes(call->db) > 0 || error_set(err, ERR_NOT_FOUND, "No tag with name: %.*s in experiment with id %.*s",
						   STR_ARGS(key), STR_ARGS(id));
}

static const struct rest_field SET[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};
static const struct rest_field DELETE[] = {
	{"experiment_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_experiment_tags[] = {
	REST_RPC("POST", "experiments/set-experiment-tag", PERMISSION_MANAGE, SET, set_tag, DB_WRITE, "set a tag of an experiment"),
	REST_RPC("POST", "experiments/delete-experiment-tag", PERMISSION_MANAGE, DELETE, delete_tag, DB_WRITE, "delete a tag of an experiment"),
	{0},
};
