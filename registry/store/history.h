#pragma once
/*
 * History: who moved what when in the model registry. A row a change, written in the transaction of the change, never
 * altered or removed: what MLflow's registry forgets.
 *
 * A model is known by its model_created row, through renames; a model that is created under the name of a deleted one
 * is another model. Everything here works inside of the caller's transaction; errors are the database's, or named
 * below.
 */
#include "base/arena.h"
#include "base/error.h"
#include "store/db.h"

enum history_action {
	HISTORY_MODEL_CREATED,
	HISTORY_MODEL_RENAMED, /* before and after are the names */
	HISTORY_MODEL_DELETED,
	HISTORY_VERSION_CREATED,
	HISTORY_VERSION_DELETED,
	HISTORY_STAGE_CHANGED, /* before and after are the stages */
	HISTORY_ALIAS_SET,     /* before (NULL where it is new) and after are versions */
	HISTORY_ALIAS_DELETED,
};

/* Who did it and why, as he says. Neither is NULL. */
struct history_actor {
	struct str who, why;
};

struct history_move {
	enum history_action action;
	struct str name;                 /* the model's; of a rename the new one */
	int64_t version;                 /* 0: it is about none */
	struct str alias, before, after; /* NULL: none */
};

/* Before the change where it ends something, after it where it begins something; always in its transaction. */
bool history_add(struct db *db, const struct history_actor *actor, const struct history_move *move, struct error *err);
/* The end of the aliases of a version (0: of all of the model's); of all versions that are left; the archiving of the
 * versions in a stage, but for one. Read from the tables, so: before the change. */
bool history_add_alias_ends(
	struct db *db, const struct history_actor *actor, struct str name, int64_t version, struct error *err);
bool history_add_version_ends(struct db *db, const struct history_actor *actor, struct str name, struct error *err);
bool history_add_archiving(struct db *db, const struct history_actor *actor, struct str name, const char *stage,
	int64_t except_version, struct error *err);

struct history_row {
	int64_t id, time_us; /* since 1970 */
	int64_t version;     /* 0: none */
	struct str who, why, action, name, alias, before, after;
};

struct history_query {
	struct str name;  /* of every model that ever had it, whatever else they were called */
	struct str alias; /* NULL: whatever was moved */
	int64_t below_id; /* only rows before that one; 0: from the newest */
	int64_t max;
};

/* Newest first. ERR_NOT_FOUND where no model ever had that name. */
bool history_read(struct db *db, struct arena *arena, const struct history_query *query, struct history_row **ret_rows,
	size_t *ret_count, struct error *err);

/*
 * What an alias pointed to at a time: *ret_row is the alias_set that held then (its `name` is what the model was called
 * when it was set; *ret_name what it was called at that time). The model is the one that had the name at that time;
 * where none had it, the one that got it since: models:/new@champion is asked for a time when it was models:/old.
 * ERR_NOT_FOUND where there was no such model or alias then.
 */
bool history_alias_at(struct db *db, struct arena *arena, struct str name, struct str alias, int64_t time_us,
	struct history_row *ret_row, struct str *ret_name, struct error *err);

/* RFC 3339 in UTC with microseconds: "2026-03-03T09:30:00.000000Z". */
struct str history_time_text(struct arena *arena, int64_t time_us);
