#include "control/rows.h"

#define ENDPOINT_COLUMNS                                                                                               \
	"id, name, creator, description, update_state, created_ms, updated_ms, attributes, config_version,"            \
	" pending_version, is_stopped"
#define CONFIG_COLUMNS "version, created_ms, who, why, config, resolved, state, message, served_ms"

/* Ours, so it can be read. */
static struct json json_of(struct arena *arena, struct str text)
{
	struct error ignored;
	struct json value = json_object();

	json_read(arena, text, &value, &ignored);
	return value;
}

static struct str text_of(struct arena *arena, const struct json *value)
{
	struct buf text = {0};

	json_write(&text, value);
	const struct str copy = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

/* ---- endpoints ---- */

static void take_endpoint(struct db_rows *rows, struct arena *arena, struct endpoint_row *ret)
{
	*ret = (struct endpoint_row){
		.id = db_text(rows, 0, arena),
		.name = db_text(rows, 1, arena),
		.creator = db_text(rows, 2, arena),
		.description = db_text(rows, 3, arena),
		.update_state = db_text(rows, 4, arena),
		.created_ms = db_integer(rows, 5),
		.updated_ms = db_integer(rows, 6),
		.attributes = json_of(arena, db_text(rows, 7, arena)),
		.config_version = db_integer(rows, 8),
		.pending_version = db_integer(rows, 9),
		.is_stopped = db_integer(rows, 10) != 0,
	};
}

static bool take_one(
	struct db_rows *rows, struct arena *arena, struct str asked, struct endpoint_row *ret, struct error *err)
{
	const bool is_there = db_next(rows);

	if (is_there)
		take_endpoint(rows, arena, ret);
	if (!db_end(rows))
		return false;
	return is_there || error_set(err, ERR_NOT_FOUND,
				   "The given endpoint does not exist, please retry after checking the specified model and "
				   "version deployment exists: '%.*s'.",
				   STR_ARGS(str_clip(asked, 200)));
}

bool rows_endpoint(struct db *db, struct arena *arena, struct str name, struct endpoint_row *ret, struct error *err)
{
	struct db_rows rows;

	return db_start(&rows, db, err,
		       "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE name = ? AND deleted_ms IS NULL", "s", name) &&
	       take_one(&rows, arena, name, ret, err);
}

bool rows_endpoint_by_id(struct db *db, struct arena *arena, struct str id, struct endpoint_row *ret, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, db, err,
		    "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE id = ? AND deleted_ms IS NULL", "s", id))
		return false;
	if (take_one(&rows, arena, id, ret, err))
		return true;
	return err->code == ERR_NOT_FOUND
		       ? error_set(err, ERR_NOT_FOUND, "No endpoint has the id '%.*s': here endpoints go by the 'id' that they show, not by their name.",
				 STR_ARGS(str_clip(id, 200)))
		       : false;
}

bool rows_endpoints(
	struct db *db, struct arena *arena, struct endpoint_row **ret, size_t *ret_count, struct error *err)
{
	struct db_rows rows;
	int64_t count = 0;
	size_t taken = 0;

	if (db_find(db, err, &count, "SELECT count(*) FROM endpoints WHERE deleted_ms IS NULL", "") < 0)
		return false;
	struct endpoint_row *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
	if (!db_start(&rows, db, err,
		    "SELECT " ENDPOINT_COLUMNS " FROM endpoints WHERE deleted_ms IS NULL ORDER BY name", ""))
		return false;
	while (db_next(&rows) && taken < (size_t)count)
		take_endpoint(&rows, arena, &list[taken++]);
	*ret = list;
	*ret_count = taken;
	return db_end(&rows);
}

bool rows_add(struct db *db, struct arena *arena, const struct endpoint_row *row, struct error *err)
{
	const int found = db_find(
		db, err, NULL, "SELECT 1 FROM endpoints WHERE name = ? AND deleted_ms IS NULL", "s", row->name);

	if (found > 0)
		return error_set(
			err, ERR_ALREADY_EXISTS, "Endpoint with name '%.*s' already exists.", STR_ARGS(row->name));
	return found == 0 &&
	       db_run(db, err,
		       "INSERT INTO endpoints (" ENDPOINT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "sssssiisiib", row->id, row->name, row->creator, row->description, row->update_state,
		       row->created_ms, row->updated_ms, text_of(arena, &row->attributes), row->config_version,
		       row->pending_version, row->is_stopped);
}

bool rows_change(struct db *db, struct arena *arena, const struct endpoint_row *row, struct error *err)
{
	return db_run(db, err,
		"UPDATE endpoints SET description = ?, update_state = ?, updated_ms = ?, attributes = ?, config_version = ?,"
		" pending_version = ?, is_stopped = ? WHERE id = ?",
		"ssisiibs", row->description, row->update_state, row->updated_ms, text_of(arena, &row->attributes),
		row->config_version, row->pending_version, row->is_stopped, row->id);
}

bool rows_delete(struct db *db, struct str id, int64_t now_ms, struct error *err)
{
	return db_run(db, err, "UPDATE endpoints SET deleted_ms = ? WHERE id = ?", "is", now_ms, id);
}

/* ---- configs ---- */

static void take_config(struct db_rows *rows, struct arena *arena, struct config_row *ret)
{
	*ret = (struct config_row){
		.version = db_integer(rows, 0),
		.created_ms = db_integer(rows, 1),
		.who = db_text(rows, 2, arena),
		.why = db_text(rows, 3, arena),
		.config = db_text(rows, 4, arena),
		.resolved = json_of(arena, db_text(rows, 5, arena)),
		.state = db_text(rows, 6, arena),
		.message = db_text(rows, 7, arena),
		.served_ms = db_integer(rows, 8),
	};
}

int rows_config(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, struct config_row *ret,
	struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, db, err,
		    "SELECT " CONFIG_COLUMNS " FROM endpoint_configs WHERE endpoint_id = ? AND version = ?", "si",
		    endpoint_id, version))
		return -1;
	const bool is_there = db_next(&rows);
	if (is_there)
		take_config(&rows, arena, ret);
	return db_end(&rows) ? is_there : -1;
}

bool rows_configs(struct db *db, struct arena *arena, struct str endpoint_id, int64_t below, int64_t max,
	struct config_row **ret, size_t *ret_count, struct error *err)
{
	struct config_row *list = arena_array(arena, (size_t)max + 1, sizeof(*list));
	struct db_rows rows;
	size_t count = 0;

	if (!db_start(&rows, db, err,
		    "SELECT " CONFIG_COLUMNS " FROM endpoint_configs WHERE endpoint_id = ?1 AND (?2 = 0 OR version < ?2)"
		    " ORDER BY version DESC LIMIT ?3",
		    "sii", endpoint_id, below, max))
		return false;
	while (count < (size_t)max && db_next(&rows))
		take_config(&rows, arena, &list[count++]);
	*ret = list;
	*ret_count = count;
	return db_end(&rows);
}

bool rows_next_version(struct db *db, struct str endpoint_id, int64_t *ret, struct error *err)
{
	return db_find(db, err, ret, "SELECT coalesce(max(version), 0) + 1 FROM endpoint_configs WHERE endpoint_id = ?",
		       "s", endpoint_id) > 0;
}

bool rows_config_add(
	struct db *db, struct arena *arena, struct str endpoint_id, const struct config_row *row, struct error *err)
{
	return db_run(db, err,
		"INSERT INTO endpoint_configs (endpoint_id, version, created_ms, who, why, config, resolved, state, message)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
		"siisssss", endpoint_id, row->version, row->created_ms, row->who, row->why, row->config,
		text_of(arena, &row->resolved), row->state);
}

bool rows_config_change(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, const char *state,
	struct str message, const struct json *resolved, int64_t now_ms, struct error *err)
{
	const struct str none = {NULL, 0};

	return db_run(db, err,
		"UPDATE endpoint_configs SET state = ?3, message = ?4, resolved = coalesce(?5, resolved),"
		" served_ms = CASE WHEN ?3 = '" CONFIG_ACTIVE "' THEN ?6 ELSE served_ms END"
		" WHERE endpoint_id = ?1 AND version = ?2",
		"sisssi", endpoint_id, version, str_of(state), message,
		resolved != NULL ? text_of(arena, resolved) : none, now_ms);
}

/* ---- events and logs ---- */

bool rows_event(struct db *db, struct str endpoint_id, int64_t config_version, const char *type, struct str who,
	struct str message, int64_t now_ms, struct error *err)
{
	return db_run(db, err,
		"INSERT INTO endpoint_events (endpoint_id, time_ms, type, who, message, config_version)"
		" VALUES (?, ?, ?, ?, ?, ?)",
		"sisssi", endpoint_id, now_ms, str_of(type), who, message, config_version);
}

bool rows_events(
	struct db *db, struct arena *arena, struct str endpoint_id, int64_t max, struct json *ret_list, struct error *err)
{
	struct db_rows rows;

	*ret_list = json_array();
	if (!db_start(&rows, db, err,
		    "SELECT time_ms, type, who, message, config_version FROM endpoint_events WHERE endpoint_id = ?"
		    " ORDER BY id DESC LIMIT ?",
		    "si", endpoint_id, max))
		return false;
	while (db_next(&rows)) {
		struct json event = json_object();

		json_set(arena, &event, STR("timestamp"), json_integer(db_integer(&rows, 0)));
		json_set(arena, &event, STR("type"), json_string(db_text(&rows, 1, arena)));
		json_set(arena, &event, STR("who"), json_string(db_text(&rows, 2, arena)));
		json_set(arena, &event, STR("message"), json_string(db_text(&rows, 3, arena)));
		json_set(arena, &event, STR("config_version"), json_integer(db_integer(&rows, 4)));
		json_append(arena, ret_list, event);
	}
	return db_end(&rows);
}

bool rows_log(struct db *db, struct str endpoint_id, int64_t version, struct str entity, struct str log, struct error *err)
{
	return db_run(db, err,
		"INSERT OR REPLACE INTO endpoint_build_logs (endpoint_id, version, entity, log) VALUES (?, ?, ?, ?)", "siss",
		endpoint_id, version, entity, log);
}

int rows_log_read(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, struct str entity,
	struct str *ret, struct error *err)
{
	return db_find_text(db, err, arena, ret,
		"SELECT log FROM endpoint_build_logs WHERE endpoint_id = ?1 AND entity = ?3 AND (?2 = 0 OR version = ?2)"
		" ORDER BY version DESC LIMIT 1",
		"sis", endpoint_id, version, entity);
}
