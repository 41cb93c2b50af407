/* Aliases of registered models. A move that changes nothing leaves no row in the history. */
#include "rest/rest_model_check.h"
#include "rest/rest_model_view.h"
#include "rest/rest_tables.h"

static const struct rest_field SET_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"alias", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"version", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static const struct rest_field FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"alias", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

/* As db_find. */
static int find_alias(
	struct rest_call *call, struct str name, struct str alias, int64_t *ret_version, struct error *err)
{
	return db_find(call->db, err, ret_version,
		"SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", "ss", name, alias);
}

static bool run_set(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), alias = rest_str(call, "alias");
	const struct history_actor actor = rest_actor(call);
	int64_t version, old = 0;

	if (!rest_check_model_name(name, err) || !rest_check_new_alias(alias, err) ||
		!rest_check_version(rest_str(call, "version"), &version, err) ||
		!rest_version_find(call, name, version, err))
		return false;
	const int found = find_alias(call, name, alias, &old, err);
	if (found < 0)
		return false;
	if (found > 0 && old == version)
		return true;
	const struct history_move move = {.action = HISTORY_ALIAS_SET,
		.name = name,
		.version = version,
		.alias = alias,
		.before = found > 0 ? rest_number_text(call, old) : (struct str){NULL, 0},
		.after = rest_number_text(call, version)};
	return db_run(call->db, err,
		       "INSERT OR REPLACE INTO registered_model_aliases (name, alias, version) VALUES (?, ?, ?)", "ssi",
		       name, alias, version) &&
	       history_add(call->db, &actor, &move, err);
}

static bool run_delete(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), alias = rest_str(call, "alias");
	const struct history_actor actor = rest_actor(call);
	int64_t old;

	if (!rest_check_model_name(name, err) || !rest_check_alias(alias, err) || !rest_model_find(call, name, err))
		return false;
	const int found = find_alias(call, name, alias, &old, err);
	if (found <= 0)
		return found == 0;
	const struct history_move move = {.action = HISTORY_ALIAS_DELETED,
		.name = name,
		.version = old,
		.alias = alias,
		.before = rest_number_text(call, old)};
	return db_run(call->db, err, "DELETE FROM registered_model_aliases WHERE name = ? AND alias = ?", "ss", name,
		       alias) &&
	       history_add(call->db, &actor, &move, err);
}

static bool get_latest(struct rest_call *call, struct str name, struct error *err)
{
	int64_t version;

	if (!rest_model_find(call, name, err))
		return false;
	const int found = db_find(call->db, err, &version,
		"SELECT version FROM model_versions WHERE name = ? AND current_stage <> 'Deleted_Internal'"
		" ORDER BY version DESC LIMIT 1",
		"s", name);
	if (found == 0)
		return error_set(err, ERR_NOT_FOUND, "Latest version not found for model %.*s.", STR_ARGS(name));
	return found > 0 && rest_answer_version(call, name, version, err);
}

static bool run_get(struct rest_call *call, struct error *err)
{
	const struct str name = rest_str(call, "name"), alias = rest_str(call, "alias");
	int64_t version;

	if (!rest_check_model_name(name, err) || !rest_check_alias(alias, err))
		return false;
	if (str_eq_nocase(alias, STR("latest")))
		return get_latest(call, name, err);
	if (!rest_model_find(call, name, err))
		return false;
	const int found = find_alias(call, name, alias, &version, err);
	/* Not a 404: MLflow's clients know it by this message. */
	if (found == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "Registered model alias %.*s not found.", STR_ARGS(alias));
	return found > 0 && rest_answer_version(call, name, version, err);
}

const struct rest_rpc rest_aliases[] = {
	REST_RPC("POST", "registered-models/alias", PERMISSION_MANAGE, SET_FIELDS, run_set, DB_WRITE,
		"points an alias to a version, or moves it there"),
	REST_RPC("GET", "registered-models/alias", PERMISSION_VIEW, FIELDS, run_get, DB_READ, "the version that an alias points to"),
	REST_RPC("DELETE", "registered-models/alias", PERMISSION_MANAGE, FIELDS, run_delete, DB_WRITE, "removes an alias"),
	{0},
};
