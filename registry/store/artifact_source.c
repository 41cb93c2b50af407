#include "store/artifact_source.h"

bool artifact_source_of_run(
	struct db *db, struct arena *arena, struct str run_id, struct str below, struct str *ret, struct error *err)
{
	struct str uri;
	const int found =
		db_find_text(db, err, arena, &uri, "SELECT artifact_uri FROM runs WHERE run_id = ?", "s", run_id);

	if (found == 0)
		return error_set(err, ERR_NOT_FOUND, "Run with id=%.*s not found", STR_ARGS(run_id));
	return found > 0 && artifact_path_of_uri(arena, uri, below, ret, err);
}

bool artifact_source_of_model(
	struct db *db, struct arena *arena, struct str model_id, struct str below, struct str *ret, struct error *err)
{
	struct str uri;
	const int found = db_find_text(db, err, arena, &uri,
		"SELECT artifact_uri FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'", "s", model_id);

	if (found == 0)
		return error_set(err, ERR_NOT_FOUND, "Logged model with ID '%.*s' not found.", STR_ARGS(model_id));
	return found > 0 && artifact_path_of_uri(arena, uri, below, ret, err);
}

static struct str joined(struct arena *arena, struct str folder, struct str below)
{
	return str_of(arena_printf(arena, "%.*s/%.*s", STR_ARGS(folder), STR_ARGS(below)));
}

/* runs:/ID/path */
static bool resolve_run(
	struct db *db, struct arena *arena, struct str rest, struct str below, struct str *ret, struct error *err)
{
	struct str run_id;

	while (str_starts(rest, STR("/")))
		rest = (struct str){rest.data + 1, rest.len - 1};
	str_cut(&rest, '/', &run_id);
	return artifact_source_of_run(db, arena, run_id, joined(arena, rest, below), ret, err);
}

static bool read_version(struct str text, int64_t *ret, struct error *err)
{
	int64_t number = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || i > 17)
			return error_set(err, ERR_INVALID_PARAMETER, "Parameter 'version' must be an integer, got '%.*s'.",
				STR_ARGS(text));
		number = number * 10 + (text.data[i] - '0');
	}
	*ret = number;
	return true;
}

bool artifact_source_of_version(struct db *db, struct arena *arena, struct str name, struct str version,
	struct str below, struct str *ret, struct error *err)
{
	static const struct str RUNS = {"runs:", 5};
	struct str uri;
	int64_t number = 0;

	if (!read_version(version, &number, err))
		return false;
	const int found = db_find_text(db, err, arena, &uri,
		"SELECT CASE storage_location WHEN '' THEN source ELSE storage_location END FROM model_versions"
		" WHERE name = ? AND version = ? AND current_stage <> 'Deleted_Internal'",
		"si", name, number);
	if (found == 0)
		return error_set(err, ERR_NOT_FOUND, "Model Version (name=%.*s, version=%.*s) not found", STR_ARGS(name),
			STR_ARGS(version));
	if (found < 0)
		return false;
	if (str_starts(uri, RUNS))
		return resolve_run(db, arena, (struct str){uri.data + RUNS.len, uri.len - RUNS.len}, below, ret, err);
	return artifact_path_of_uri(arena, uri, below, ret, err);
}
