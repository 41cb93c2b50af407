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

/* What moved: {"slides-champion": {"version": "4"}}; empty where nothing did. An alias that is gone goes on as it was. */
static bool find_moved(struct control *control, struct arena *arena, const struct endpoint *endpoint,
	const struct entity **ret_first, struct json *ret_moved, struct error *err)
{
	*ret_moved = json_object();
	for (size_t i = 0; i < endpoint->entity_count; i++) {
		const struct entity *entity = &endpoint->entities[i];
		struct str version = {NULL, 0};
		struct json one = json_object();

		if (entity->alias == NULL)
			continue;
		if (!origin_alias(control->origin, arena, str_of(entity->model), str_of(entity->alias), &version, err) &&
			err->code != ERR_NOT_FOUND)
			return false;
		if (version.len == 0 || str_is(version, entity->version))
			continue;
		if (*ret_first == NULL)
			*ret_first = entity;
		json_set(arena, &one, STR("version"), json_string(version));
		json_set(arena, ret_moved, str_of(entity->name), one);
	}
	error_clear(err);
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
	const struct str version = json_str(json_get(json_get(moved, str_of(entity->name)), STR("version")));
	struct history_row *rows;
	struct error ignored;
	size_t count = 0;

	if (call->control->origin->target == NULL)
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

static bool follow_in(struct control_call *call, const struct endpoint *endpoint, const struct entity *first,
	const struct json *moved, struct error *err)
{
	struct endpoint_row row;

	if (!rows_endpoint_by_id(call->db, call->arena, str_of(endpoint->id), &row, err) ||
		row.config_version != endpoint->config_version || was_tried(call, &row, moved))
		return false;
	take_actor(call, first, moved);
	return begin(call, &row, moved, err);
}

/* False where the registry does not answer: it would not for the others, either. */
static bool follow(struct control *control, struct arena *arena, const struct endpoint *endpoint)
{
	struct control_call call = {.control = control, .arena = arena, .now_ms = clock_wall_ms(), .who = STR(""),
		.why = STR("")};
	const struct entity *first = NULL;
	struct json moved = json_object();
	struct error err = {0};
	bool is_begun = false;

	if (find_moved(control, arena, endpoint, &first, &moved, &err) && moved.size > 0)
		call.db = db_begin(control->registry->db, DB_WRITE, &err);
	if (call.db != NULL)
		is_begun = follow_in(&call, endpoint, first, &moved, &err);
	if (call.db != NULL && !is_begun)
		db_rollback(call.db);
	/* While another update runs it fails with a conflict, and is tried again when that ends. */
	if (is_begun && db_commit(call.db, &err))
		deployer_start(control->deployer, call.deploys, call.deploys_version);
	else if (err.code != ERR_NONE && err.code != ERR_CONFLICT)
		log_warn("endpoint.follow", LOG_TEXT("endpoint", endpoint->name), LOG_ERR(&err));
	return err.code != ERR_UNAVAILABLE && err.code != ERR_DEADLINE && err.code != ERR_CANCELLED &&
	       err.code != ERR_UNREACHABLE && err.code != ERR_NO_HOST;
}

void control_follow(struct control *control)
{
	struct endpoint **endpoints;
	struct arena arena;
	bool goes_on = true;

	arena_init(&arena);
	const size_t count = serving_list(control->serving, &arena, &endpoints);
	for (size_t i = 0; goes_on && i < count && !control->origin->is_stopping; i++)
		if (follows(endpoints[i]))
			goes_on = follow(control, &arena, endpoints[i]);
	arena_done(&arena);
}
