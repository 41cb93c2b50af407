/*
 * What the embedded registry keeps. Names and units are those of MLflow's REST messages (times in milliseconds since
 * 1970), so that a reader who knows one finds his way in the other.
 */
#include "store/db_schema.h"

#include <sqlite3.h>

static const char EXPERIMENTS[] =
	"CREATE TABLE experiments ("
	" experiment_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, artifact_location TEXT NOT NULL,"
	" lifecycle_stage TEXT NOT NULL, creation_time INTEGER NOT NULL, last_update_time INTEGER NOT NULL);"
	"CREATE TABLE experiment_tags ("
	" experiment_id INTEGER NOT NULL REFERENCES experiments ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (experiment_id, key)) WITHOUT ROWID;"
	/* AUTOINCREMENT counts from 1; "Default" is 0 everywhere. */
	"INSERT INTO experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active',"
	" CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),"
	" CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));";

/* A run's metrics: every point in `metrics`, the newest of a key (by step, time, value) in `latest_metrics`. NaN is
 * is_nan with value 0; infinities are stored as the largest doubles, as MLflow does. */
static const char RUNS[] =
	"CREATE TABLE runs ("
	" run_id TEXT PRIMARY KEY, experiment_id INTEGER NOT NULL REFERENCES experiments, name TEXT NOT NULL,"
	" user_id TEXT NOT NULL, status TEXT NOT NULL, start_time INTEGER, end_time INTEGER, deleted_time INTEGER,"
	" lifecycle_stage TEXT NOT NULL, artifact_uri TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX runs_by_experiment ON runs (experiment_id, start_time DESC, run_id);"
	"CREATE TABLE run_tags ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (run_id, key)) WITHOUT ROWID;"
	"CREATE TABLE params ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (run_id, key)) WITHOUT ROWID;"
	"CREATE TABLE metrics ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, timestamp INTEGER NOT NULL,"
	" step INTEGER NOT NULL, value REAL NOT NULL, is_nan INTEGER NOT NULL,"
	" PRIMARY KEY (run_id, key, timestamp, step, value, is_nan)) WITHOUT ROWID;"
	"CREATE TABLE latest_metrics ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, timestamp INTEGER NOT NULL,"
	" step INTEGER NOT NULL, value REAL NOT NULL, is_nan INTEGER NOT NULL,"
	" PRIMARY KEY (run_id, key)) WITHOUT ROWID;"
	/* Datasets belong to an experiment; an input says that a run used one. `tags` is a JSON object. */
	"CREATE TABLE datasets ("
	" dataset_id INTEGER PRIMARY KEY, experiment_id INTEGER NOT NULL REFERENCES experiments, name TEXT NOT NULL,"
	" digest TEXT NOT NULL, source_type TEXT NOT NULL, source TEXT NOT NULL, schema TEXT, profile TEXT,"
	" UNIQUE (experiment_id, name, digest));"
	"CREATE TABLE dataset_inputs ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, dataset_id INTEGER NOT NULL REFERENCES datasets,"
	" PRIMARY KEY (run_id, dataset_id)) WITHOUT ROWID;"
	"CREATE TABLE dataset_input_tags ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, dataset_id INTEGER NOT NULL, key TEXT NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY (run_id, dataset_id, key)) WITHOUT ROWID;"
	"CREATE TABLE run_models ("
	" run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, model_id TEXT NOT NULL, is_output INTEGER NOT NULL,"
	" step INTEGER NOT NULL, PRIMARY KEY (run_id, model_id, is_output, step)) WITHOUT ROWID;";

static const char LOGGED_MODELS[] =
	"CREATE TABLE logged_models ("
	" model_id TEXT PRIMARY KEY, experiment_id INTEGER NOT NULL REFERENCES experiments, name TEXT NOT NULL,"
	" artifact_uri TEXT NOT NULL, creation_timestamp_ms INTEGER NOT NULL, last_updated_timestamp_ms INTEGER NOT NULL,"
	" status TEXT NOT NULL, lifecycle_stage TEXT NOT NULL, model_type TEXT NOT NULL, source_run_id TEXT NOT NULL,"
	" status_message TEXT) WITHOUT ROWID;"
	"CREATE INDEX logged_models_by_experiment ON logged_models (experiment_id, creation_timestamp_ms DESC);"
	"CREATE TABLE logged_model_tags ("
	" model_id TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (model_id, key)) WITHOUT ROWID;"
	"CREATE TABLE logged_model_params ("
	" model_id TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (model_id, key)) WITHOUT ROWID;"
	"CREATE TABLE logged_model_metrics ("
	" model_id TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE, key TEXT NOT NULL, timestamp INTEGER NOT NULL,"
	" step INTEGER NOT NULL, run_id TEXT NOT NULL, dataset_name TEXT, dataset_digest TEXT, value REAL NOT NULL,"
	" PRIMARY KEY (model_id, key, timestamp, step, run_id)) WITHOUT ROWID;";

/* Prompts are registered models with the tag mlflow.prompt.is_prompt. A deleted version stays, with the stage
 * Deleted_Internal: its number is never used again. */
static const char REGISTERED_MODELS[] =
	"CREATE TABLE registered_models ("
	" name TEXT PRIMARY KEY, creation_timestamp INTEGER NOT NULL, last_updated_timestamp INTEGER NOT NULL,"
	" description TEXT) WITHOUT ROWID;"
	"CREATE TABLE registered_model_tags ("
	" name TEXT NOT NULL REFERENCES registered_models ON UPDATE CASCADE ON DELETE CASCADE, key TEXT NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;"
	"CREATE TABLE model_versions ("
	" name TEXT NOT NULL REFERENCES registered_models ON UPDATE CASCADE ON DELETE CASCADE, version INTEGER NOT NULL,"
	" creation_timestamp INTEGER NOT NULL, last_updated_timestamp INTEGER NOT NULL, description TEXT,"
	" user_id TEXT, current_stage TEXT NOT NULL, source TEXT NOT NULL, storage_location TEXT NOT NULL,"
	" run_id TEXT NOT NULL, run_link TEXT NOT NULL, model_id TEXT NOT NULL, status TEXT NOT NULL,"
	" status_message TEXT, PRIMARY KEY (name, version)) WITHOUT ROWID;"
	"CREATE INDEX model_versions_by_time ON model_versions (last_updated_timestamp DESC, name, version DESC);"
	/* For the newest version of each stage, which every answer about a model holds. */
	"CREATE INDEX model_versions_by_stage ON model_versions (name, current_stage, version);"
	"CREATE TABLE model_version_tags ("
	" name TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (name, version, key),"
	" FOREIGN KEY (name, version) REFERENCES model_versions ON UPDATE CASCADE ON DELETE CASCADE) WITHOUT ROWID;"
	"CREATE TABLE registered_model_aliases ("
	" name TEXT NOT NULL REFERENCES registered_models ON UPDATE CASCADE ON DELETE CASCADE, alias TEXT NOT NULL,"
	" version INTEGER NOT NULL, PRIMARY KEY (name, alias)) WITHOUT ROWID;";

/* Who moved what when: a row a change, in the transaction of the change, never altered (history.h). `name` is the
 * model's name after the change; `model` is the id of its model_created row, which stays the same through renames. */
static const char HISTORY[] =
	"CREATE TABLE history ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, model INTEGER NOT NULL, time_us INTEGER NOT NULL, who TEXT NOT NULL,"
	" why TEXT NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, version INTEGER, alias TEXT, before TEXT,"
	" after TEXT);"
	"CREATE INDEX history_by_name ON history (name, id);"
	"CREATE INDEX history_by_model ON history (model, id);"
	"CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;"
	"CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;";

/* The tree of artifacts below mlflow-artifacts:/; folders are implied by the paths below them. A digest names a file in
 * blobs/. What no path names any more is in orphans until a sweep has removed its file. */
static const char ARTIFACTS[] =
	"CREATE TABLE artifacts ("
	" path TEXT PRIMARY KEY, digest TEXT NOT NULL, size INTEGER NOT NULL, modified_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX artifacts_by_digest ON artifacts (digest);"
	"CREATE TABLE orphans (digest TEXT PRIMARY KEY) WITHOUT ROWID;";

/*
 * The control plane's (runtime/control). An endpoint that was deleted stays, with its time, for its history; `name` is
 * unique among the others. `config_version` serves, 0: none; `pending_version` is being deployed or failed, 0: none.
 * `attributes` is a JSON object of what answers show besides. A config never changes; `resolved` says what its entities
 * stood for when it was deployed: {"slides-champion": {"version": "3", "digest": "…"}}.
 */
static const char SERVING[] =
	"CREATE TABLE endpoints ("
	" id TEXT PRIMARY KEY, name TEXT NOT NULL, creator TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL, deleted_ms INTEGER, description TEXT NOT NULL, attributes TEXT NOT NULL,"
	" config_version INTEGER NOT NULL, pending_version INTEGER NOT NULL, update_state TEXT NOT NULL,"
	" is_stopped INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX endpoints_by_name ON endpoints (name) WHERE deleted_ms IS NULL;"
	"CREATE TABLE endpoint_configs ("
	" endpoint_id TEXT NOT NULL REFERENCES endpoints, version INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	" who TEXT NOT NULL, why TEXT NOT NULL, config TEXT NOT NULL, resolved TEXT NOT NULL, state TEXT NOT NULL,"
	" message TEXT NOT NULL, served_ms INTEGER, PRIMARY KEY (endpoint_id, version)) WITHOUT ROWID;"
	"CREATE TABLE endpoint_events ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint_id TEXT NOT NULL REFERENCES endpoints, time_ms INTEGER NOT NULL,"
	" type TEXT NOT NULL, who TEXT NOT NULL, message TEXT NOT NULL, config_version INTEGER NOT NULL);"
	"CREATE INDEX endpoint_events_by_endpoint ON endpoint_events (endpoint_id, id);"
	"CREATE TABLE endpoint_build_logs ("
	" endpoint_id TEXT NOT NULL REFERENCES endpoints, version INTEGER NOT NULL, entity TEXT NOT NULL, log TEXT NOT NULL,"
	" PRIMARY KEY (endpoint_id, version, entity)) WITHOUT ROWID;";

/*
 * A commit costs what it writes, page by page: rows that are never deleted need no AUTOINCREMENT, who has which name is
 * told by the rows that gave it (history.c), and versions begin in a stage that is found without an index.
 */
static const char FEWER_PAGES[] =
	"DROP INDEX model_versions_by_stage;"
	"CREATE INDEX model_versions_by_stage ON model_versions (name, current_stage, version) WHERE current_stage <> 'None';"
	"CREATE TABLE history_lean ("
	" id INTEGER PRIMARY KEY, model INTEGER NOT NULL, time_us INTEGER NOT NULL, who TEXT NOT NULL,"
	" why TEXT NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, version INTEGER, alias TEXT, before TEXT,"
	" after TEXT);"
	"INSERT INTO history_lean SELECT * FROM history;"
	"DROP TABLE history;"
	"ALTER TABLE history_lean RENAME TO history;"
	"CREATE INDEX history_by_model ON history (model, id);"
	"CREATE INDEX history_by_name ON history (name, id) WHERE action IN ('model_created', 'model_renamed');"
	"CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;"
	"CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;";

/*
 * Who may do what (runtime/access). A credential that was revoked stays. `endpoints` is a JSON array of names, NULL:
 * everything. Grants are what the permissions of an endpoint say; `kind` is user, service or group. `generation` counts
 * the changes. A secret's `sealed` is Base64 of what only the key file opens.
 */
static const char ACCESS[] =
	"CREATE TABLE access_credentials ("
	" id TEXT PRIMARY KEY, kind TEXT NOT NULL, digest TEXT NOT NULL, subject TEXT NOT NULL, principal TEXT NOT NULL,"
	" is_service INTEGER NOT NULL, can TEXT NOT NULL, endpoints TEXT, comment TEXT NOT NULL, creator TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE access_grants ("
	" endpoint_id TEXT NOT NULL REFERENCES endpoints, kind TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL,"
	" PRIMARY KEY (endpoint_id, kind, name)) WITHOUT ROWID;"
	"CREATE TABLE access_state (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);"
	"CREATE TABLE secret_scopes ("
	" name TEXT PRIMARY KEY, creator TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE secrets ("
	" scope TEXT NOT NULL REFERENCES secret_scopes ON DELETE CASCADE, key TEXT NOT NULL, sealed TEXT NOT NULL,"
	" updated_ms INTEGER NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID;";

/*
 * What agents are measured with: datasets of questions and what is expected of their answers, which belong to any number
 * of experiments, and scorers. A record's columns are JSON texts, NULL where it says nothing; `input_hash` is of its
 * inputs, by which it is found again. A deleted scorer's number may be used again, as MLflow does.
 */
static const char EVALUATION[] =
	"CREATE TABLE eval_datasets ("
	" dataset_id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, created_time INTEGER NOT NULL,"
	" last_update_time INTEGER NOT NULL, created_by TEXT, last_updated_by TEXT, schema TEXT, profile TEXT) WITHOUT ROWID;"
	"CREATE TABLE eval_dataset_tags ("
	" dataset_id TEXT NOT NULL REFERENCES eval_datasets ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (dataset_id, key)) WITHOUT ROWID;"
	"CREATE TABLE eval_dataset_experiments ("
	" dataset_id TEXT NOT NULL REFERENCES eval_datasets ON DELETE CASCADE, experiment_id TEXT NOT NULL,"
	" PRIMARY KEY (dataset_id, experiment_id)) WITHOUT ROWID;"
	"CREATE INDEX eval_datasets_by_experiment ON eval_dataset_experiments (experiment_id);"
	"CREATE TABLE eval_records ("
	" dataset_id TEXT NOT NULL REFERENCES eval_datasets ON DELETE CASCADE, input_hash TEXT NOT NULL,"
	" record_id TEXT NOT NULL, created_time INTEGER NOT NULL, last_update_time INTEGER NOT NULL, created_by TEXT,"
	" last_updated_by TEXT, inputs TEXT NOT NULL, outputs TEXT, expectations TEXT, tags TEXT, source TEXT, source_id TEXT,"
	" source_type TEXT, PRIMARY KEY (dataset_id, input_hash)) WITHOUT ROWID;"
	"CREATE INDEX eval_records_by_time ON eval_records (dataset_id, created_time, record_id);"
	"CREATE TABLE scorers ("
	" scorer_id TEXT PRIMARY KEY, experiment_id INTEGER NOT NULL REFERENCES experiments, name TEXT NOT NULL,"
	" UNIQUE (experiment_id, name)) WITHOUT ROWID;"
	"CREATE TABLE scorer_versions ("
	" scorer_id TEXT NOT NULL REFERENCES scorers ON DELETE CASCADE, version INTEGER NOT NULL,"
	" serialized_scorer TEXT NOT NULL, creation_time INTEGER NOT NULL, PRIMARY KEY (scorer_id, version)) WITHOUT ROWID;";

/* What each version of the schema added. */
static const struct {
	int since;
	const char *sql;
} PARTS[] = {{1, EXPERIMENTS}, {1, RUNS}, {1, LOGGED_MODELS}, {1, REGISTERED_MODELS}, {1, HISTORY}, {1, ARTIFACTS},
	{2, SERVING}, {3, FEWER_PAGES}, {4, ACCESS}, {5, EVALUATION}};

static bool fail(struct sqlite3 *connection, struct error *err)
{
	return error_set(err, ERR_INTERNAL, "prepare the registry's tables: %s", sqlite3_errmsg(connection));
}

static int version_of(struct sqlite3 *connection)
{
	struct sqlite3_stmt *statement;
	int version = -1;

	if (sqlite3_prepare_v2(connection, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

/* From the version that the file has; 0: a new one. */
static bool bring_up(struct sqlite3 *connection, int version, struct error *err)
{
	char set_version[64];

	for (size_t i = 0; i < sizeof(PARTS) / sizeof(*PARTS); i++)
		if (PARTS[i].since > version && sqlite3_exec(connection, PARTS[i].sql, NULL, NULL, NULL) != SQLITE_OK)
			return fail(connection, err);
	sqlite3_snprintf(sizeof(set_version), set_version, "PRAGMA user_version = %d", DB_SCHEMA_VERSION);
	return sqlite3_exec(connection, set_version, NULL, NULL, NULL) == SQLITE_OK || fail(connection, err);
}

bool db_schema_apply(struct sqlite3 *connection, struct error *err)
{
	if (version_of(connection) == DB_SCHEMA_VERSION)
		return true;
	/* Two processes may start at once: the second finds it done. */
	if (sqlite3_exec(connection, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(connection, err);
	const int version = version_of(connection);
	bool is_fine = version == DB_SCHEMA_VERSION;
	if (version < 0)
		fail(connection, err);
	else if (version > DB_SCHEMA_VERSION)
		error_set(err, ERR_INTERNAL,
			"the registry's database has schema version %d, this program knows up to %d: use a newer Sluice",
			version, DB_SCHEMA_VERSION);
	else if (!is_fine)
		is_fine = bring_up(connection, version, err);
	if (is_fine && sqlite3_exec(connection, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return true;
	if (is_fine)
		fail(connection, err);
	sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
	return false;
}
