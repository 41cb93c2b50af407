#pragma once
/*
 * Rows: endpoints, their config versions, events and build logs in the registry's database. Everything happens inside of
 * the caller's transaction. Every config version is kept, also of endpoints that were deleted: what served when.
 *
 * Errors are the database's, ERR_NOT_FOUND and ERR_ALREADY_EXISTS in the words that Databricks' clients match on.
 */
#include "base/json.h"
#include "store/db.h"

#define UPDATE_NONE     "NOT_UPDATING"
#define UPDATE_RUNNING  "IN_PROGRESS"
#define UPDATE_FAILED   "UPDATE_FAILED"
#define UPDATE_CANCELED "UPDATE_CANCELED"

#define CONFIG_PENDING    "pending"    /* being deployed */
#define CONFIG_ACTIVE     "active"     /* serves */
#define CONFIG_SUPERSEDED "superseded" /* served */
#define CONFIG_FAILED     "failed"     /* never served */

struct endpoint_row {
	struct str id, name, creator, description, update_state;
	int64_t created_ms, updated_ms;
	struct json attributes; /* object */
	int64_t config_version, pending_version;
	bool is_stopped;
};

struct config_row {
	int64_t version, created_ms;
	struct str who, why;
	struct str config; /* JSON: served_config_restore() */
	struct json resolved;
	struct str state, message;
	int64_t served_ms; /* when it began to serve; 0: never */
};

/* ERR_NOT_FOUND where there is none, or it was deleted. */
bool rows_endpoint(struct db *db, struct arena *arena, struct str name, struct endpoint_row *ret, struct error *err);
bool rows_endpoint_by_id(struct db *db, struct arena *arena, struct str id, struct endpoint_row *ret, struct error *err);
/* All that were not deleted, by name. */
bool rows_endpoints(
	struct db *db, struct arena *arena, struct endpoint_row **ret, size_t *ret_count, struct error *err);
/* ERR_ALREADY_EXISTS */
bool rows_add(struct db *db, struct arena *arena, const struct endpoint_row *row, struct error *err);
/* Everything but id, name, creator and created_ms. */
bool rows_change(struct db *db, struct arena *arena, const struct endpoint_row *row, struct error *err);
bool rows_delete(struct db *db, struct str id, int64_t now_ms, struct error *err);

/* 1, 0 where there is none, -1 */
int rows_config(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, struct config_row *ret,
	struct error *err);
/* Newest first; `below` 0: from the newest. */
bool rows_configs(struct db *db, struct arena *arena, struct str endpoint_id, int64_t below, int64_t max,
	struct config_row **ret, size_t *ret_count, struct error *err);
/* One more than the newest. */
bool rows_next_version(struct db *db, struct str endpoint_id, int64_t *ret, struct error *err);
bool rows_config_add(
	struct db *db, struct arena *arena, struct str endpoint_id, const struct config_row *row, struct error *err);
/* State, message, and where not NULL what it was resolved to. A state "active" notes the time. */
bool rows_config_change(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, const char *state,
	struct str message, const struct json *resolved, int64_t now_ms, struct error *err);

bool rows_event(struct db *db, struct str endpoint_id, int64_t config_version, const char *type, struct str who,
	struct str message, int64_t now_ms, struct error *err);
/* Objects {timestamp, type, who, message, config_version}, newest first. */
bool rows_events(
	struct db *db, struct arena *arena, struct str endpoint_id, int64_t max, struct json *ret_list, struct error *err);
bool rows_log(struct db *db, struct str endpoint_id, int64_t version, struct str entity, struct str log, struct error *err);
/* Of that config version; 0: of the newest one that has a log of the entity. As db_find. */
int rows_log_read(struct db *db, struct arena *arena, struct str endpoint_id, int64_t version, struct str entity,
	struct str *ret, struct error *err);
