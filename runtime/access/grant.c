#include "access/grant.h"

#include "access/access_snapshot.h"

static const char *const KINDS[] = {[GRANT_USER] = "user", [GRANT_SERVICE] = "service", [GRANT_GROUP] = "group"};

bool grant_rights(struct str level, enum right *ret)
{
	if (str_is(level, "CAN_VIEW"))
		*ret = RIGHT_VIEW;
	else if (str_is(level, "CAN_QUERY"))
		*ret = RIGHT_VIEW | RIGHT_QUERY;
	else if (str_is(level, "CAN_MANAGE"))
		*ret = RIGHT_ALL;
	else
		return false;
	return true;
}

static void take(struct db_rows *rows, struct arena *arena, struct access_grant *ret)
{
	const struct str kind = db_text(rows, 1, arena);

	*ret = (struct access_grant){.endpoint = db_text(rows, 0, arena), .name = db_text(rows, 2, arena)};
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++)
		if (str_is(kind, KINDS[i]))
			ret->kind = (enum grant_kind)i;
	grant_rights(db_text(rows, 3, arena), &ret->rights);
}

bool grants_read(struct db *db, struct arena *arena, struct access_grant **ret, size_t *ret_count, struct error *err)
{
	struct db_rows rows;
	int64_t count = 0;
	size_t taken = 0;

	if (db_find(db, err, &count, "SELECT count(*) FROM access_grants", "") < 0)
		return false;
	struct access_grant *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
	/* BINARY: as memcmp orders names. */
	if (!db_start(&rows, db, err,
		    "SELECT e.name, g.kind, g.name, g.level FROM access_grants g JOIN endpoints e ON e.id = g.endpoint_id"
		    " WHERE e.deleted_ms IS NULL ORDER BY e.name",
		    ""))
		return false;
	while (taken < (size_t)count && db_next(&rows))
		take(&rows, arena, &list[taken++]);
	*ret = list;
	*ret_count = taken;
	return db_end(&rows);
}

bool grants_of(struct db *db, struct arena *arena, struct str endpoint_id, struct grant_row **ret, size_t *ret_count,
	struct error *err)
{
	struct db_rows rows;
	int64_t count = 0;
	size_t taken = 0;

	if (db_find(db, err, &count, "SELECT count(*) FROM access_grants WHERE endpoint_id = ?", "s", endpoint_id) < 0)
		return false;
	struct grant_row *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
	if (!db_start(&rows, db, err,
		"SELECT kind, name, level FROM access_grants WHERE endpoint_id = ? ORDER BY kind, name",
		    "s", endpoint_id))
		return false;
	while (taken < (size_t)count && db_next(&rows)) {
		struct grant_row *row = &list[taken++];

		row->kind = db_text(&rows, 0, arena);
		row->name = db_text(&rows, 1, arena);
		row->level = db_text(&rows, 2, arena);
	}
	*ret = list;
	*ret_count = taken;
	return db_end(&rows);
}

bool grants_drop(struct db *db, struct str endpoint_id, struct error *err)
{
	return grants_set(db, endpoint_id, NULL, 0, true, err);
}

bool grants_set(struct db *db, struct str endpoint_id, const struct grant_row *rows, size_t count, bool replaces,
	struct error *err)
{
	if (replaces && !db_run(db, err, "DELETE FROM access_grants WHERE endpoint_id = ?", "s", endpoint_id))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!db_run(db, err,
			    "INSERT INTO access_grants (endpoint_id, kind, name, level) VALUES (?, ?, ?, ?)"
			    " ON CONFLICT (endpoint_id, kind, name) DO UPDATE SET level = excluded.level",
			    "ssss", endpoint_id, rows[i].kind, rows[i].name, rows[i].level))
			return false;
	return access_changed(db, err);
}
