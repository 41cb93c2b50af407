/* Registered models. A prompt is one, with the tag mlflow.prompt.is_prompt (MLFLOW_REST.md B.7, B.8). */
#include "rest/rest_check.h"
#include "rest/rest_model_check.h"
#include "rest/rest_model_view.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

static const struct rest_field NAME_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static const struct rest_field CREATE_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{"description", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field RENAME_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"new_name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static const struct rest_field UPDATE_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"description", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field SEARCH_FIELDS[] = {
	{"filter", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, 1000, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field LATEST_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"stages", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field SET_TAG_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field DELETE_TAG_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static bool set_tag(struct rest_call *call, struct str name, struct str key, struct str value, struct error *err)
{
	return db_run(call->db, err, "INSERT OR REPLACE INTO registered_model_tags (name, key, value) VALUES (?, ?, ?)",
		"sss", name, key, value);
}

static bool set_tags(struct rest_call *call, struct str name, const struct json *tags, struct error *err)
{
	for (size_t i = 0; tags != NULL && i < tags->size; i++)
		if (!set_tag(call, name, rest_tag_key(&tags->items[i]), rest_tag_value(&tags->items[i]), err))
			return false;
	return true;
}

/* A prompt and a model cannot have the same name, and are told so. */
static bool fail_taken(struct rest_call *call, struct str name, const struct json *tags, struct error *err)
{
	const int is_prompt = db_find(call->db, err, NULL,
		"SELECT 1 FROM registered_model_tags WHERE name = ? AND key = '" REST_PROMPT_TAG "'", "s", name);
	const bool is_new_prompt = rest_tag_of(tags, REST_PROMPT_TAG).data != NULL;
	struct buf shown;

	if (is_prompt < 0)
		return false;
	if ((is_prompt > 0) == is_new_prompt)
		return error_set(err, ERR_ALREADY_EXISTS, "%s (name=%.*s) already exists.",
			is_new_prompt ? "Prompt" : "Registered Model", STR_ARGS(name));
	buf_init(&shown);
	rest_add_repr(&shown, name);
	error_set(err, ERR_ALREADY_EXISTS,
		"Tried to create a %s with name %s, but the name is already taken by a %s. MLflow does not allow creating a model "
		"and a prompt with the same name.",
		is_new_prompt ? "prompt" : "registered model", buf_text(&shown),
		is_prompt > 0 ? "prompt" : "registered model");
	buf_done(&shown);
	return false;
}

static bool run_create(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	const struct json *tags = rest_list(call, "tags");
	const struct history_actor actor = rest_actor(call);
	const struct history_move start = {.action = HISTORY_MODEL_CREATED, .name = name};

	if (!rest_check_model_name(name, err) || !rest_check_registry_tags(tags, false, err))
		return false;
	const int found = db_find(call->db, err, NULL, "SELECT 1 FROM registered_models WHERE name = ?", "s", name);
	if (found != 0)
		return found > 0 && fail_taken(call, name, tags, err);
	return db_run(call->db, err,
		       "INSERT INTO registered_models (name, creation_timestamp, last_updated_timestamp, description)"
		       " VALUES (?1, ?2, ?2, ?3)",
		       "sis", name, call->now_ms, rest_str_or_empty(call, "description")) &&
	       set_tags(call, name, tags, err) && history_add(call->db, &actor, &start, err) &&
	       rest_answer_model(call, name, err);
}

static bool run_get(struct rest_call *call, struct error *err)
{
	return rest_answer_model(call, rest_str(call, "name"), err);
}

static bool rename_to(struct rest_call *call, struct str name, struct str new_name, struct error *err)
{
	const struct history_actor actor = rest_actor(call);
	const struct history_move move = {
		.action = HISTORY_MODEL_RENAMED, .name = new_name, .before = name, .after = new_name};
	const int found = db_find(call->db, err, NULL, "SELECT 1 FROM registered_models WHERE name = ?", "s", new_name);

	if (found != 0)
		return found > 0 && error_set(err, ERR_ALREADY_EXISTS, "Registered Model (name=%.*s) already exists.",
					    STR_ARGS(new_name));
	return db_run(call->db, err, "UPDATE registered_models SET name = ? WHERE name = ?", "ss", new_name, name) &&
	       history_add(call->db, &actor, &move, err);
}

static bool run_rename(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), new_name = rest_str(call, "new_name");

	if (!rest_check_new_model_name(new_name, err) || !rest_model_find(call, name, err) ||
		(!str_eq(name, new_name) && !rename_to(call, name, new_name, err)))
		return false;
	return db_run(call->db, err, "UPDATE registered_models SET last_updated_timestamp = ? WHERE name = ?", "is",
		       call->now_ms, new_name) &&
	       db_run(call->db, err, "UPDATE model_versions SET last_updated_timestamp = ? WHERE name = ?", "is",
		       call->now_ms, new_name) &&
	       rest_answer_model(call, new_name, err);
}

static bool run_update(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");

	return rest_model_find(call, name, err) &&
	       db_run(call->db, err,
		       "UPDATE registered_models SET description = ?, last_updated_timestamp = ? WHERE name = ?", "sis",
		       rest_str_or_empty(call, "description"), call->now_ms, name) &&
	       rest_answer_model(call, name, err);
}

/* Versions, aliases and tags go with it; their ends are in the history. */
static bool run_delete(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	const struct history_actor actor = rest_actor(call);
	const struct history_move end = {.action = HISTORY_MODEL_DELETED, .name = name};

	return rest_model_find(call, name, err) && history_add_alias_ends(call->db, &actor, name, 0, err) &&
	       history_add_version_ends(call->db, &actor, name, err) && history_add(call->db, &actor, &end, err) &&
	       db_run(call->db, err, "DELETE FROM registered_models WHERE name = ?", "s", name);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t max_results = rest_int(call, "max_results", 100);

	if (max_results < 0)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid value for max_results. It must be a positive integer, but got %lld",
			(long long)max_results);
	search_add(search, "SELECT " REST_MODEL_COLUMNS " FROM registered_models AS e WHERE 1");
	return rest_search_as_asked(call, search, SEARCH_REGISTERED_MODELS, max_results, "registered_models", rest_model_of_row, err);
}

static bool run_search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static bool is_wanted(const struct json *version, const bool wanted[static STAGE_COUNT])
{
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		if (wanted[stage] && str_is(json_str(json_get(version, STR("current_stage"))), rest_stages[stage]))
			return true;
	return false;
}

static bool run_latest(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name");
	const struct json *stages = rest_list(call, "stages");
	const bool is_any = stages == NULL || stages->size == 0;
	bool wanted[STAGE_COUNT] = {is_any, is_any, is_any, is_any};
	struct json latest, list = json_array();
	int stage;

	if (!rest_model_find(call, name, err))
		return false;
	for (size_t i = 0; !is_any && i < stages->size; i++) {
		if (!rest_check_stage(json_str(&stages->items[i]), &stage, err))
			return false;
		wanted[stage] = true;
	}
	if (!rest_latest_versions(call, name, true, &latest, err))
		return false;
	for (size_t i = 0; i < latest.size; i++)
		if (is_wanted(&latest.items[i], wanted))
			json_append(call->arena, &list, latest.items[i]);
	rest_set(call, &call->out, "model_versions", list);
	return true;
}

static bool run_set_tag(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), key = rest_str(call, "key"),
			 value = rest_str_or_empty(call, "value");

	return rest_check_model_name(name, err) && rest_check_registry_tag(key, value, false, err) &&
	       rest_model_find(call, name, err) && set_tag(call, name, key, value, err);
}

static bool run_delete_tag(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), key = rest_str(call, "key");

	return rest_check_model_name(name, err) && rest_check_key(key, "key", err) &&
	       rest_model_find(call, name, err) &&
	       db_run(call->db, err, "DELETE FROM registered_model_tags WHERE name = ? AND key = ?", "ss", name, key);
}

const struct rest_rpc rest_models[] = {
	REST_RPC("POST", "registered-models/create", PERMISSION_MANAGE, CREATE_FIELDS, run_create, DB_WRITE,
		"makes a registered model, or a prompt"),
	REST_RPC("GET", "registered-models/get", PERMISSION_VIEW, NAME_FIELDS, run_get, DB_READ, "a registered model"),
	REST_RPC("POST", "registered-models/rename", PERMISSION_MANAGE, RENAME_FIELDS, run_rename, DB_WRITE,
		"gives a registered model another name"),
	REST_RPC("PATCH", "registered-models/update", PERMISSION_MANAGE, UPDATE_FIELDS, run_update, DB_WRITE,
		"sets a registered model's description"),
	REST_RPC("DELETE", "registered-models/delete", PERMISSION_MANAGE, NAME_FIELDS, run_delete, DB_WRITE,
		"deletes a registered model with its versions and aliases"),
	REST_RPC("GET", "registered-models/search", PERMISSION_VIEW, SEARCH_FIELDS, run_search, DB_READ, "registered models by a filter"),
	REST_RPC("POST", "registered-models/get-latest-versions", PERMISSION_VIEW, LATEST_FIELDS, run_latest, DB_READ,
		"the newest version of each stage"),
	REST_RPC("GET", "registered-models/get-latest-versions", PERMISSION_VIEW, LATEST_FIELDS, run_latest, DB_READ,
		"the newest version of each stage"),
	REST_RPC("POST", "registered-models/set-tag", PERMISSION_MANAGE, SET_TAG_FIELDS, run_set_tag, DB_WRITE,
		"sets a tag of a registered model"),
	REST_RPC("DELETE", "registered-models/delete-tag", PERMISSION_MANAGE, DELETE_TAG_FIELDS, run_delete_tag, DB_WRITE,
		"deletes a tag of a registered model"),
	{0},
};
