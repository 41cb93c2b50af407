#include "store/history.h"

#include "base/clock.h"
#include "base/datetime.h"

static const char *const ACTIONS[] = {
	[HISTORY_MODEL_CREATED] = "model_created",
	[HISTORY_MODEL_RENAMED] = "model_renamed",
	[HISTORY_MODEL_DELETED] = "model_deleted",
	[HISTORY_VERSION_CREATED] = "version_created",
	[HISTORY_VERSION_DELETED] = "version_deleted",
	[HISTORY_STAGE_CHANGED] = "stage_changed",
	[HISTORY_ALIAS_SET] = "alias_set",
	[HISTORY_ALIAS_DELETED] = "alias_deleted",
};

/* The rows that give a model its name: the only ones that history_by_name holds. */
#define NAMING   "action IN ('model_created', 'model_renamed')"
/* The model that has the name ?1 now: whoever got it last. */
#define MODEL_OF "(SELECT model FROM history WHERE name = ?1 AND " NAMING " ORDER BY id DESC LIMIT 1)"
/* Times are taken while the write transaction is open, so that they rise with ids. */
#define INTO     "INSERT INTO history (model, time_us, who, why, action, name, version, alias, before, after) "
#define COLUMNS  "id, time_us, who, why, action, name, version, alias, before, after"

static bool add_creation(struct db *db, const struct history_actor *actor, struct str name, struct error *err)
{
	return db_run(db, err,
		"INSERT INTO history (id, model, time_us, who, why, action, name)"
		" SELECT next, next, ?, ?, ?, 'model_created', ?"
		" FROM (SELECT coalesce(max(id), 0) + 1 AS next FROM history)",
		"isss", clock_wall_us(), actor->who, actor->why, name);
}

bool history_add(struct db *db, const struct history_actor *actor, const struct history_move *move, struct error *err)
{
	if (move->action == HISTORY_MODEL_CREATED)
		return add_creation(db, actor, move->name, err);
	const struct str known_as = move->action == HISTORY_MODEL_RENAMED ? move->before : move->name;

	return db_run(db, err, INTO "VALUES (" MODEL_OF ", ?2, ?3, ?4, ?5, ?6, nullif(?7, 0), ?8, ?9, ?10)",
		"sissssisss", known_as, clock_wall_us(), actor->who, actor->why, str_of(ACTIONS[move->action]), move->name,
		move->version, move->alias, move->before, move->after);
}

bool history_add_alias_ends(
	struct db *db, const struct history_actor *actor, struct str name, int64_t version, struct error *err)
{
	return db_run(db, err,
		INTO "SELECT " MODEL_OF ", ?2, ?3, ?4, 'alias_deleted', name, version, alias, version, NULL"
		     " FROM registered_model_aliases WHERE name = ?1 AND (?5 = 0 OR version = ?5) ORDER BY alias",
		"sissi", name, clock_wall_us(), actor->who, actor->why, version);
}

bool history_add_version_ends(struct db *db, const struct history_actor *actor, struct str name, struct error *err)
{
	return db_run(db, err,
		INTO "SELECT " MODEL_OF ", ?2, ?3, ?4, 'version_deleted', name, version, NULL, current_stage, NULL"
		     " FROM model_versions WHERE name = ?1 AND current_stage <> 'Deleted_Internal' ORDER BY version",
		"siss", name, clock_wall_us(), actor->who, actor->why);
}

bool history_add_archiving(struct db *db, const struct history_actor *actor, struct str name, const char *stage,
	int64_t except_version, struct error *err)
{
	return db_run(db, err,
		INTO "SELECT " MODEL_OF ", ?2, ?3, ?4, 'stage_changed', name, version, NULL, current_stage, 'Archived'"
		     " FROM model_versions WHERE name = ?1 AND current_stage = ?5 AND current_stage <> 'None'"
		     " AND version <> ?6 ORDER BY version",
		"sisssi", name, clock_wall_us(), actor->who, actor->why, str_of(stage), except_version);
}

static struct history_row row_of(const struct db_rows *rows, struct arena *arena)
{
	return (struct history_row){
		.id = db_integer(rows, 0),
		.time_us = db_integer(rows, 1),
		.who = db_text(rows, 2, arena),
		.why = db_text(rows, 3, arena),
		.action = db_text(rows, 4, arena),
		.name = db_text(rows, 5, arena),
		.version = db_integer(rows, 6),
		.alias = db_text(rows, 7, arena),
		.before = db_text(rows, 8, arena),
		.after = db_text(rows, 9, arena),
	};
}

bool history_read(struct db *db, struct arena *arena, const struct history_query *query, struct history_row **ret_rows,
	size_t *ret_count, struct error *err)
{
	const int found =
		db_find(db, err, NULL, "SELECT 1 FROM history WHERE name = ? AND " NAMING " LIMIT 1", "s", query->name);
	struct db_rows rows;
	size_t count = 0;

	if (found <= 0)
		return found == 0 && error_set(err, ERR_NOT_FOUND, "no registered model was ever called '%.*s'",
					     STR_ARGS(query->name));
	struct history_row *list = arena_array(arena, (size_t)query->max, sizeof(*list));
	if (!db_start(&rows, db, err,
		    "SELECT " COLUMNS " FROM history"
		    " WHERE model IN (SELECT model FROM history WHERE name = ?1 AND " NAMING ")"
		    " AND (?2 IS NULL OR alias = ?2) AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
		    "ssii", query->name, query->alias, query->below_id, query->max))
		return false;
	while (db_next(&rows))
		list[count++] = row_of(&rows, arena);
	*ret_rows = list;
	*ret_count = count;
	return db_end(&rows);
}

/* The name of a model at a time: 1, or 0 where it did not exist then, or -1 on failure. */
static int name_at(
	struct db *db, struct arena *arena, int64_t model, int64_t time_us, struct str *ret_name, struct error *err)
{
	struct str action = {0};
	struct db_rows rows;

	if (!db_start(&rows, db, err,
		    "SELECT name, action FROM history WHERE model = ? AND time_us <= ? ORDER BY id DESC LIMIT 1", "ii",
		    model, time_us))
		return -1;
	if (db_next(&rows)) {
		*ret_name = db_text(&rows, 0, arena);
		action = db_text(&rows, 1, arena);
	}
	if (!db_end(&rows))
		return -1;
	return action.data != NULL && !str_is(action, ACTIONS[HISTORY_MODEL_DELETED]);
}

/* As name_at. */
static int model_at(struct db *db, struct arena *arena, struct str name, int64_t time_us, int64_t *ret_model,
	struct str *ret_name, struct error *err)
{
	int found = db_find(db, err, ret_model,
		"SELECT model FROM history WHERE name = ? AND " NAMING " AND time_us <= ? ORDER BY id DESC LIMIT 1", "si",
		name, time_us);

	if (found > 0)
		found = name_at(db, arena, *ret_model, time_us, ret_name, err);
	if (found < 0 || (found > 0 && str_eq(*ret_name, name)))
		return found;
	/* Nobody had the name then (or had lost it to a rename): whose name has it been since? */
	found = db_find(db, err, ret_model,
		"SELECT model FROM history WHERE name = ? AND " NAMING " ORDER BY id DESC LIMIT 1", "s", name);
	return found <= 0 ? found : name_at(db, arena, *ret_model, time_us, ret_name, err);
}

bool history_alias_at(struct db *db, struct arena *arena, struct str name, struct str alias, int64_t time_us,
	struct history_row *ret_row, struct str *ret_name, struct error *err)
{
	const struct str time = history_time_text(arena, time_us);
	struct history_row row = {0};
	struct str name_then;
	struct db_rows rows;
	int64_t model;

	const int found = model_at(db, arena, name, time_us, &model, &name_then, err);
	if (found <= 0)
		return found == 0 && error_set(err, ERR_NOT_FOUND, "there was no registered model '%.*s' at %.*s",
					     STR_ARGS(name), STR_ARGS(time));
	if (!db_start(&rows, db, err,
		    "SELECT " COLUMNS " FROM history WHERE model = ? AND alias = ? AND time_us <= ?"
		    " ORDER BY id DESC LIMIT 1",
		    "isi", model, alias, time_us))
		return false;
	if (db_next(&rows))
		row = row_of(&rows, arena);
	if (!db_end(&rows))
		return false;
	if (!str_is(row.action, ACTIONS[HISTORY_ALIAS_SET]))
		return error_set(err, ERR_NOT_FOUND, "registered model '%.*s' had no alias '%.*s' at %.*s",
			STR_ARGS(name_then), STR_ARGS(alias), STR_ARGS(time));
	*ret_row = row;
	*ret_name = name_then;
	return true;
}

struct str history_time_text(struct arena *arena, int64_t time_us)
{
	/* What no nanoseconds of int64 hold is later than any row, or earlier. */
	const int64_t max_us = INT64_MAX / 1000;
	const int64_t us = time_us > max_us ? max_us : time_us < -max_us ? -max_us : time_us;
	char *text = arena_alloc(arena, DATETIME_TEXT_MAX);
	size_t len = datetime_format(us * 1000, text);

	if (us % 1000000 == 0) {
		memcpy(text + len, ".000000", 7);
		len += 7;
	}
	text[len] = 'Z';
	return (struct str){text, len + 1};
}
