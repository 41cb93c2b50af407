#include "rest/rest_model_view.h"

#include "rest/rest_model_check.h"

static bool read_tags(struct rest_call *call, struct json *object, struct db_rows *rows)
{
	struct json tags;

	if (!rest_read_pairs(call, rows, &tags))
		return false;
	rest_set(call, object, "tags", tags);
	return true;
}

static bool add_model_tags(struct rest_call *call, struct str name, struct json *model, struct error *err)
{
	struct db_rows rows;

	return db_start(&rows, call->db, err,
		       "SELECT key, value FROM registered_model_tags WHERE name = ? ORDER BY key", "s", name) &&
	       read_tags(call, model, &rows);
}

static bool add_model_aliases(struct rest_call *call, struct str name, struct json *model, struct error *err)
{
	struct json list = json_array();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias", "s", name))
		return false;
	while (db_next(&rows)) {
		struct json alias = json_object();

		rest_set_str(call, &alias, "alias", db_text(&rows, 0, call->arena));
		rest_set_str(call, &alias, "version", rest_number_text(call, db_integer(&rows, 1)));
		json_append(call->arena, &list, alias);
	}
	rest_set(call, model, "aliases", list);
	return db_end(&rows);
}

bool rest_model_of_row(struct rest_call *call, const struct db_rows *rows, struct json *ret, struct error *err)
{
	const struct str name = db_text(rows, 0, call->arena);
	const struct str description = db_text(rows, 3, call->arena);
	struct json latest;

	*ret = json_object();
	rest_set_str(call, ret, "name", name);
	rest_set_int(call, ret, "creation_timestamp", db_integer(rows, 1));
	rest_set_int(call, ret, "last_updated_timestamp", db_integer(rows, 2));
	if (description.len > 0)
		rest_set_str(call, ret, "description", description);
	if (!rest_latest_versions(call, name, false, &latest, err))
		return false;
	rest_set(call, ret, "latest_versions", latest);
	return add_model_tags(call, name, ret, err) && add_model_aliases(call, name, ret, err);
}

static bool add_version_tags(
	struct rest_call *call, struct str name, int64_t version, struct json *object, struct error *err)
{
	struct db_rows rows;

	return db_start(&rows, call->db, err,
		       "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ? ORDER BY key", "si",
		       name, version) &&
	       read_tags(call, object, &rows);
}

static bool add_version_aliases(
	struct rest_call *call, struct str name, int64_t version, struct json *object, struct error *err)
{
	struct json list = json_array();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ? ORDER BY alias", "si",
		    name, version))
		return false;
	while (db_next(&rows))
		json_append(call->arena, &list, json_string(db_text(&rows, 0, call->arena)));
	rest_set(call, object, "aliases", list);
	return db_end(&rows);
}

bool rest_version_of_row(
	struct rest_call *call, const struct db_rows *rows, bool has_aliases, struct json *ret, struct error *err)
{
	static const char *const TEXTS[] = {
		"current_stage", "description", "source", "run_id", "status", "status_message"};
	const struct str name = db_text(rows, 0, call->arena);
	const int64_t version = db_integer(rows, 1);

	*ret = json_object();
	rest_set_str(call, ret, "name", name);
	rest_set_str(call, ret, "version", rest_number_text(call, version));
	rest_set_int(call, ret, "creation_timestamp", db_integer(rows, 2));
	rest_set_int(call, ret, "last_updated_timestamp", db_integer(rows, 3));
	for (int i = 0; i < (int)(sizeof(TEXTS) / sizeof(*TEXTS)); i++)
		rest_set_str(call, ret, TEXTS[i], db_text(rows, 4 + i, call->arena));
	if (!add_version_tags(call, name, version, ret, err))
		return false;
	rest_set_str(call, ret, "run_link", db_text(rows, 10, call->arena));
	return !has_aliases || add_version_aliases(call, name, version, ret, err);
}

static bool fail_no_model(struct str name, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "Registered Model with name=%.*s not found", STR_ARGS(name));
}

static bool fail_no_version(struct str name, int64_t version, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "Model Version (name=%.*s, version=%lld) not found", STR_ARGS(name),
		(long long)version);
}

bool rest_model_find(struct rest_call *call, struct str name, struct error *err)
{
	if (!rest_check_model_name(name, err))
		return false;
	const int found = db_find(call->db, err, NULL, "SELECT 1 FROM registered_models WHERE name = ?", "s", name);
	return found > 0 || (found == 0 && fail_no_model(name, err));
}

bool rest_version_find(struct rest_call *call, struct str name, int64_t version, struct error *err)
{
	if (!rest_check_model_name(name, err))
		return false;
	const int found = db_find(call->db, err, NULL,
		"SELECT 1 FROM model_versions WHERE name = ? AND version = ? AND current_stage <> 'Deleted_Internal'",
		"si", name, version);
	return found > 0 || (found == 0 && fail_no_version(name, version, err));
}

bool rest_answer_model(struct rest_call *call, struct str name, struct error *err)
{
	struct json model = {0};
	struct db_rows rows;

	if (!rest_check_model_name(name, err) ||
		!db_start(&rows, call->db, err,
			"SELECT " REST_MODEL_COLUMNS " FROM registered_models AS e WHERE e.name = ?", "s", name))
		return false;
	const bool is_found = db_next(&rows);
	const bool is_read = is_found && rest_model_of_row(call, &rows, &model, err);
	if (!db_end(&rows) || (is_found && !is_read))
		return false;
	rest_set(call, &call->out, "registered_model", model);
	return is_found || fail_no_model(name, err);
}

bool rest_answer_version(struct rest_call *call, struct str name, int64_t version, struct error *err)
{
	struct json view = {0};
	struct db_rows rows;

	if (!rest_check_model_name(name, err) ||
		!db_start(&rows, call->db, err,
			"SELECT " REST_VERSION_COLUMNS " FROM model_versions AS e"
			" WHERE e.name = ? AND e.version = ? AND e.current_stage <> 'Deleted_Internal'",
			"si", name, version))
		return false;
	const bool is_found = db_next(&rows);
	const bool is_read = is_found && rest_version_of_row(call, &rows, true, &view, err);
	if (!db_end(&rows) || (is_found && !is_read))
		return false;
	rest_set(call, &call->out, "model_version", view);
	return is_found || fail_no_version(name, version, err);
}

/* In the order in which the stages were first entered by a version that is in them still, as MLflow has it. The stage
 * None, which most versions are in, is in no index: its ends are found from both ends of the versions. */
bool rest_latest_versions(
	struct rest_call *call, struct str name, bool has_aliases, struct json *ret_list, struct error *err)
{
	struct json list = json_array();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT " REST_VERSION_COLUMNS " FROM (SELECT max(version) AS newest, min(version) AS oldest"
		    " FROM model_versions WHERE name = ?1 AND current_stage <> 'None' AND current_stage <> 'Deleted_Internal'"
		    " GROUP BY current_stage UNION ALL SELECT"
		    " (SELECT version FROM model_versions WHERE name = ?1 AND current_stage = 'None' ORDER BY version DESC LIMIT 1),"
		    " version FROM (SELECT version FROM model_versions WHERE name = ?1 AND current_stage = 'None'"
		    " ORDER BY version LIMIT 1)) AS s"
		    " JOIN model_versions AS e ON e.name = ?1 AND e.version = s.newest ORDER BY s.oldest",
		    "s", name))
		return false;
	bool is_fine = true;
	while (is_fine && db_next(&rows)) {
		struct json version;

		is_fine = rest_version_of_row(call, &rows, has_aliases, &version, err);
		if (is_fine)
			json_append(call->arena, &list, version);
	}
	*ret_list = list;
	return db_end(&rows) && is_fine;
}

int rest_is_prompt(struct rest_call *call, struct str name, struct error *err)
{
	return db_find(call->db, err, NULL,
		"SELECT 1 FROM registered_model_tags WHERE name = ? AND key = '" REST_PROMPT_TAG
		"' AND lower(value) = 'true'",
		"s", name);
}

struct history_actor rest_actor(const struct rest_call *call)
{
	return (struct history_actor){call->who, call->why};
}
