/*
 * Versions of registered models. A deleted one stays as a row with the stage Deleted_Internal, which nobody sees: its
 * number is never used again (MLFLOW_REST.md B.7).
 */
#include "rest/rest_check.h"
#include "rest/rest_model_check.h"
#include "rest/rest_model_view.h"
#include "rest/rest_search.h"
#include "rest/rest_source.h"
#include "rest/rest_tables.h"

static const struct rest_field CREATE_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"source", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"run_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{"run_link", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"description", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"model_id", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field VERSION_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static const struct rest_field DOWNLOAD_FIELDS[] = {
	{"name", REST_STRING, 0, 0, NULL, NULL},
	{"version", REST_STRING, 0, 0, NULL, NULL},
	{0},
};

static const struct rest_field UPDATE_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"description", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field SEARCH_FIELDS[] = {
	{"filter", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, 200000, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field STAGE_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"stage", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"archive_existing_versions", REST_BOOL, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field SET_TAG_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field DELETE_TAG_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

/* A version that the request names and that is there. */
struct named {
	struct str name;
	int64_t version;
};

static bool read_named(struct rest_call *call, struct named *ret, struct error *err)
{
	ret->name = rest_str_or_empty(call, "name");
	return rest_check_model_name(ret->name, err) &&
	       rest_check_version(rest_str_or_empty(call, "version"), &ret->version, err);
}

static bool find_named(struct rest_call *call, struct named *ret, struct error *err)
{
	return read_named(call, ret, err) && rest_version_find(call, ret->name, ret->version, err);
}

static bool touch_model(struct rest_call *call, struct str name, struct error *err)
{
	return db_run(call->db, err, "UPDATE registered_models SET last_updated_timestamp = ? WHERE name = ?", "is",
		call->now_ms, name);
}

static bool set_tag(
	struct rest_call *call, const struct named *named, struct str key, struct str value, struct error *err)
{
	return db_run(call->db, err,
		"INSERT OR REPLACE INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?)", "siss",
		named->name, named->version, key, value);
}

static bool set_tags(struct rest_call *call, const struct named *named, const struct json *tags, struct error *err)
{
	for (size_t i = 0; tags != NULL && i < tags->size; i++)
		if (!set_tag(call, named, rest_tag_key(&tags->items[i]), rest_tag_value(&tags->items[i]), err))
			return false;
	return true;
}

/* The next number after the highest that the model ever had. */
static bool insert(struct rest_call *call, const struct rest_source *source, struct str name, int64_t *ret_version,
	struct error *err)
{
	return db_find(call->db, err, ret_version,
		       "SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE name = ?", "s", name) > 0 &&
	       db_run(call->db, err,
		       "INSERT INTO model_versions (name, version, creation_timestamp, last_updated_timestamp, description,"
		       " current_stage, source, storage_location, run_id, run_link, model_id, status)"
		       " VALUES (?1, ?2, ?3, ?3, ?4, 'None', ?5, ?6, ?7, ?8, ?9, 'READY')",
		       "siissssss", name, *ret_version, call->now_ms, rest_str_or_empty(call, "description"),
		       source->text, source->location, source->run_id, rest_str_or_empty(call, "run_link"),
		       source->model_id);
}

static bool run_create(struct rest_call *call, struct error *err)
{
	const struct json *tags = rest_list(call, "tags");
	const bool is_prompt = str_eq_nocase(rest_tag_of(tags, REST_PROMPT_TAG), STR("true"));
	const struct history_actor actor = rest_actor(call);
	struct named named = {.name = rest_str(call, "name")};
	struct rest_source source;

	if (!rest_source_check(call, is_prompt, &source, err) || !rest_check_model_name(named.name, err) ||
		!rest_check_registry_tags(tags, true, err) || !rest_source_locate(call, &source, err) ||
		!rest_model_find(call, named.name, err) || !insert(call, &source, named.name, &named.version, err))
		return false;
	const struct history_move start = {.action = HISTORY_VERSION_CREATED,
		.name = named.name,
		.version = named.version,
		.after = str_of(rest_stages[STAGE_NONE])};
	return set_tags(call, &named, tags, err) && touch_model(call, named.name, err) &&
	       history_add(call->db, &actor, &start, err) &&
	       (is_prompt || rest_source_note(call, &source, named.name, named.version, err)) &&
	       rest_answer_version(call, named.name, named.version, err);
}

static bool run_get(struct rest_call *call, struct error *err)
{
	struct named named;

	return read_named(call, &named, err) && rest_answer_version(call, named.name, named.version, err);
}

/* Without a description there is none afterwards. */
static bool run_update(struct rest_call *call, struct error *err)
{
	struct named named;

	return find_named(call, &named, err) &&
	       db_run(call->db, err,
		       "UPDATE model_versions SET description = ?, last_updated_timestamp = ? WHERE name = ? AND version = ?",
		       "sisi", rest_str(call, "description"), call->now_ms, named.name, named.version) &&
	       rest_answer_version(call, named.name, named.version, err);
}

static bool archive_others(struct rest_call *call, const struct named *named, const char *stage, struct error *err)
{
	const struct history_actor actor = rest_actor(call);

	return history_add_archiving(call->db, &actor, named->name, stage, named->version, err) &&
	       db_run(call->db, err,
		       "UPDATE model_versions SET current_stage = 'Archived', last_updated_timestamp = ?"
		       " WHERE name = ? AND version <> ? AND current_stage = ? AND current_stage <> 'None'",
		       "isis", call->now_ms, named->name, named->version, str_of(stage));
}

static bool change_stage(struct rest_call *call, const struct named *named, const char *stage, struct error *err)
{
	const struct history_actor actor = rest_actor(call);
	struct history_move move = {.action = HISTORY_STAGE_CHANGED,
		.name = named->name,
		.version = named->version,
		.after = str_of(stage)};

	if (db_find_text(call->db, err, call->arena, &move.before,
		    "SELECT current_stage FROM model_versions WHERE name = ? AND version = ?", "si", named->name,
		    named->version) < 0)
		return false;
	if (!str_is(move.before, stage) && !history_add(call->db, &actor, &move, err))
		return false;
	return db_run(call->db, err,
		"UPDATE model_versions SET current_stage = ?, last_updated_timestamp = ? WHERE name = ? AND version = ?",
		"sisi", str_of(stage), call->now_ms, named->name, named->version);
}

static bool run_transition(struct rest_call *call, struct error *err)
{
	const struct str sent = rest_str(call, "stage");
	const struct json *archives = json_get(&call->in, STR("archive_existing_versions"));
	const bool is_archiving = json_type(archives) == JSON_BOOL && archives->boolean;
	struct named named;
	int stage;

	if (!rest_check_stage(sent, &stage, err))
		return false;
	if (is_archiving && stage != STAGE_STAGING && stage != STAGE_PRODUCTION)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Model version transition cannot archive existing model versions because '%.*s' is not an Active stage. "
			"Valid stages are ['Staging', 'Production']",
			STR_ARGS(sent));
	return find_named(call, &named, err) &&
	       (!is_archiving || archive_others(call, &named, rest_stages[stage], err)) &&
	       change_stage(call, &named, rest_stages[stage], err) && touch_model(call, named.name, err) &&
	       rest_answer_version(call, named.name, named.version, err);
}

/* What it was stays unknown but for the history; its tags stay, as in MLflow. */
static bool redact(struct rest_call *call, const struct named *named, struct error *err)
{
	return db_run(call->db, err,
		"UPDATE model_versions SET current_stage = 'Deleted_Internal', last_updated_timestamp = ?, description = NULL,"
		" user_id = NULL, source = 'REDACTED-SOURCE-PATH', storage_location = 'REDACTED-SOURCE-PATH',"
		" run_id = 'REDACTED-RUN-ID', run_link = 'REDACTED-RUN-LINK', model_id = '', status_message = NULL"
		" WHERE name = ? AND version = ?",
		"isi", call->now_ms, named->name, named->version);
}

static bool run_delete(struct rest_call *call, struct error *err)
{
	const struct history_actor actor = rest_actor(call);
	struct history_move end = {.action = HISTORY_VERSION_DELETED};
	struct named named;

	if (!rest_check_version(rest_str(call, "version"), &named.version, err) || !find_named(call, &named, err) ||
		db_find_text(call->db, err, call->arena, &end.before,
			"SELECT current_stage FROM model_versions WHERE name = ? AND version = ?", "si", named.name,
			named.version) < 0)
		return false;
	end.name = named.name;
	end.version = named.version;
	return history_add_alias_ends(call->db, &actor, named.name, named.version, err) &&
	       db_run(call->db, err, "DELETE FROM registered_model_aliases WHERE name = ? AND version = ?", "si",
		       named.name, named.version) &&
	       history_add(call->db, &actor, &end, err) && redact(call, &named, err) &&
	       touch_model(call, named.name, err);
}

static bool run_download_uri(struct rest_call *call, struct error *err)
{
	struct named named;
	struct str uri;

	if (!find_named(call, &named, err) ||
		db_find_text(call->db, err, call->arena, &uri,
			"SELECT storage_location FROM model_versions WHERE name = ? AND version = ?", "si", named.name,
			named.version) < 0)
		return false;
	rest_set_str(call, &call->out, "artifact_uri", uri);
	return true;
}

static bool found_version(struct rest_call *call, const struct db_rows *rows, struct json *ret, struct error *err)
{
	return rest_version_of_row(call, rows, false, ret, err);
}

static bool search_with(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t max_results = rest_int(call, "max_results", 200000);

	if (max_results < 1)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid value for max_results. It must be a positive integer, but got %lld",
			(long long)max_results);
	search_add(search, "SELECT " REST_VERSION_COLUMNS " FROM model_versions AS e"
			   " WHERE e.current_stage <> 'Deleted_Internal'");
	return rest_search_as_asked(call, search, SEARCH_MODEL_VERSIONS, max_results, "model_versions", found_version, err);
}

static bool run_search(struct rest_call *call, struct error *err)
{
	return rest_search(call, search_with, err);
}

static bool run_set_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key"), value = rest_str_or_empty(call, "value");
	struct named named;

	return read_named(call, &named, err) && rest_check_registry_tag(key, value, true, err) &&
	       rest_version_find(call, named.name, named.version, err) && set_tag(call, &named, key, value, err);
}

static bool run_delete_tag(struct rest_call *call, struct error *err)
{
	const struct str key = rest_str(call, "key");
	struct named named;

	return read_named(call, &named, err) && rest_check_key(key, "key", err) &&
	       rest_version_find(call, named.name, named.version, err) &&
	       db_run(call->db, err, "DELETE FROM model_version_tags WHERE name = ? AND version = ? AND key = ?", "sis",
		       named.name, named.version, key);
}

const struct rest_rpc rest_versions[] = {
	REST_RPC("POST", "model-versions/create", PERMISSION_MANAGE, CREATE_FIELDS, run_create, DB_WRITE,
		"makes the next version of a registered model"),
	REST_RPC("GET", "model-versions/get", PERMISSION_VIEW, VERSION_FIELDS, run_get, DB_READ, "a version"),
	REST_RPC("PATCH", "model-versions/update", PERMISSION_MANAGE, UPDATE_FIELDS, run_update, DB_WRITE, "sets a version's description"),
	REST_RPC("DELETE", "model-versions/delete", PERMISSION_MANAGE, VERSION_FIELDS, run_delete, DB_WRITE, "deletes a version and its aliases"),
	REST_RPC("GET", "model-versions/search", PERMISSION_VIEW, SEARCH_FIELDS, run_search, DB_READ, "versions by a filter"),
	REST_RPC("POST", "model-versions/transition-stage", PERMISSION_MANAGE, STAGE_FIELDS, run_transition, DB_WRITE,
		"moves a version to a stage"),
	REST_RPC("GET", "model-versions/get-download-uri", PERMISSION_VIEW, DOWNLOAD_FIELDS, run_download_uri, DB_READ,
		"where a version's artifacts are"),
	REST_RPC("POST", "model-versions/set-tag", PERMISSION_MANAGE, SET_TAG_FIELDS, run_set_tag, DB_WRITE, "sets a tag of a version"),
	REST_RPC("DELETE", "model-versions/delete-tag", PERMISSION_MANAGE, DELETE_TAG_FIELDS, run_delete_tag, DB_WRITE,
		"deletes a tag of a version"),
	{0},
};
