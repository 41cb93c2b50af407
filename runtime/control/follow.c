/* Endpoints that follow an alias: where it stands for another version now, that is deployed. */
#include "control/control.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/history.h"

/* ---- who follows ---- */

/* A stopped one follows when it is started. */
static bool follows(const struct endpoint *endpoint)
{
	if (endpoint->is_stopped)
		return false;
	for (size_t i = 0; i < endpoint->entity_count; i++)
		if (endpoint->entities[i].alias != NULL)
			return true;
	return false;
}

/* The version that the alias stands for now; 0 where there is no such alias any more, -1 on failure. */
static int64_t version_now(struct db *db, const struct entity *entity, struct error *err)
{
	int64_t version = 0;
	const int found = db_find(db, err, &version,
		"SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", "ss", str_of(entity->model),
		str_of(entity->alias));

	return found < 0 ? -1 : version;
}

/* What moved: {"slides-champion": {"version": "4"}}; empty where nothing did. */
static bool find_moved(struct control_call *call, const struct endpoint *endpoint, const struct entity **ret_first,
	struct json *ret_moved, struct error *err)
{
	*ret_moved = json_object();
	for (size_t i = 0; i < endpoint->entity_count; i++) {
		const struct entity *entity = &endpoint->entities[i];
		const int64_t version = entity->alias != NULL ? version_now(call->db, entity, err) : 0;
		const char *text = arena_printf(call->arena, "%lld", (long long)version);
		struct json one = json_object();

		if (version < 0)
			return false;
		if (version == 0 || strcmp(text, entity->version) == 0)
			continue;
		if (*ret_first == NULL)
			*ret_first = entity;
		json_set(call->arena, &one, STR("version"), json_string(str_of(text)));
		json_set(call->arena, ret_moved, str_of(entity->name), one);
	}
	return true;
}

/* It was tried with the same versions, and failed: nothing has changed since. */
static bool was_tried(struct control_call *call, const struct endpoint_row *row, const struct json *moved)
{
	struct config_row last;
	struct error ignored;

	return row->pending_version > 0 &&
	       rows_config(call->db, call->arena, row->id, row->pending_version, &last, &ignored) > 0 &&
	       str_is(last.state, CONFIG_FAILED) && json_equal(&last.resolved, moved);
}

/* Who moved it, and why, as the history has it. */
static void take_actor(struct control_call *call, const struct entity *entity, const struct json *moved)
{
	const struct history_query query = {.name = str_of(entity->model), .alias = str_of(entity->alias), .max = 1};
	const struct str version = json_str(json_at(moved, str_of(arena_printf(call->arena, "%s.version", entity->name))));
	struct history_row *rows;
	struct error ignored;
	size_t count = 0;

	history_read(call->db, call->arena, &query, &rows, &count, &ignored);
	call->who = count > 0 ? rows[0].who : STR("");
	call->why = str_of(arena_printf(call->arena, "alias '%s' of '%s' moved from version %s to %.*s%s%.*s", entity->alias,
		entity->model, entity->version, STR_ARGS(version), count > 0 && rows[0].why.len > 0 ? ": " : "",
		STR_ARGS(count > 0 ? rows[0].why : STR(""))));
}

/* ---- following ---- */

static bool begin(struct control_call *call, struct endpoint_row *row, const struct json *moved, struct error *err)
{
	struct served_config config;
	struct config_row active;
	const int found = rows_config(call->db, call->arena, row->id, row->config_version, &active, err);

	return found > 0 && served_config_restore(call->arena, active.config, &config, err) &&
	       control_begin_update(call, row, &config, call->why, err) &&
	       rows_config_change(call->db, call->arena, row->id, row->pending_version, CONFIG_PENDING, STR(""), moved,
		       call->now_ms, err) &&
	       rows_change(call->db, call->arena, row, err);
}

static bool follow_in(struct control_call *call, const struct endpoint *endpoint, struct error *err)
{
	const struct entity *first = NULL;
	struct endpoint_row row;
	struct json moved;

	if (!find_moved(call, endpoint, &first, &moved, err) || moved.size == 0)
		return false;
	if (!rows_endpoint_by_id(call->db, call->arena, str_of(endpoint->id), &row, err) ||
		row.config_version != endpoint->config_version || was_tried(call, &row, &moved))
		return false;
	take_actor(call, first, &moved);
	return begin(call, &row, &moved, err);
}

static void follow(struct control *control, struct arena *arena, const struct endpoint *endpoint)
{
	struct control_call call = {.control = control, .arena = arena, .now_ms = clock_wall_ms(), .who = STR(""),
		.why = STR("")};
	struct error err = {0};

	call.db = db_begin(control->registry->db, DB_WRITE, &err);
	const bool is_begun = call.db != NULL && follow_in(&call, endpoint, &err);
	if (call.db != NULL && !is_begun)
		db_rollback(call.db);
	/* While another update runs it fails with a conflict, and is tried again when that ends. */
	if (is_begun && db_commit(call.db, &err))
		deployer_start(control->deployer, call.deploys, call.deploys_version);
	else if (err.code != ERR_NONE && err.code != ERR_CONFLICT)
		log_warn("endpoint.follow", LOG_TEXT("endpoint", endpoint->name), LOG_ERR(&err));
}

/* Reading holds up nobody: only those that moved are written. */
static bool has_moved(struct control *control, struct db *db, struct arena *arena, const struct endpoint *endpoint)
{
	struct control_call call = {.control = control, .arena = arena, .db = db};
	const struct entity *first = NULL;
	struct error ignored;
	struct json moved;

	return follows(endpoint) && find_moved(&call, endpoint, &first, &moved, &ignored) && moved.size > 0;
}

void control_follow(struct control *control)
{
	struct endpoint **endpoints;
	struct arena arena;
	struct error err;
	size_t moved = 0;

	arena_init(&arena);
	const size_t count = serving_list(control->serving, &arena, &endpoints);
	struct db *db = db_begin(control->registry->db, DB_READ, &err);
	for (size_t i = 0; db != NULL && i < count; i++)
		if (has_moved(control, db, &arena, endpoints[i]))
			endpoints[moved++] = endpoints[i];
	if (db != NULL)
		db_rollback(db);
	else
		log_warn("endpoint.follow", LOG_ERR(&err));
	for (size_t i = 0; i < moved; i++)
		follow(control, &arena, endpoints[i]);
	arena_done(&arena);
}
