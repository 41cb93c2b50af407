/* Config versions: update, roll back, history, stop and start. */
#include "control/control_view.h"
#include "control/secret_use.h"

#include "control/fields.h"
#include "control/served_config_fields.h"

enum { HISTORY_MAX = 100, HANDED_OVER_MS = 1000 };

/* A process that was killed, or whose disk failed, left IN_PROGRESS behind: nobody deploys it. An update that was
 * committed this moment is not with the deployer yet. */
static bool is_updating(struct control_call *call, const struct endpoint_row *row)
{
	return str_is(row->update_state, UPDATE_RUNNING) &&
	       (deployer_is_deploying(call->control->deployer, row->id) || call->now_ms - row->updated_ms < HANDED_OVER_MS);
}

static bool check_not_updating(struct control_call *call, const struct endpoint_row *row, struct error *err)
{
	return !is_updating(call, row) ||
	       error_set(err, ERR_CONFLICT, "Endpoint %.*s update is currently in progress.", STR_ARGS(row->name));
}

bool control_begin_update(struct control_call *call, struct endpoint_row *row, const struct served_config *config,
	struct str why, struct error *err)
{
	const struct json stored = served_config_stored(call->arena, config);
	struct config_row added = {.created_ms = call->now_ms, .who = call->who, .why = why, .state = STR(CONFIG_PENDING),
		.resolved = json_object()};
	struct buf text = {0};

	if (!check_not_updating(call, row, err))
		return false;
	if (config->count == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "served_entities: expected at least one");
	if (!secret_use_check(call, row->id, config, err))
		return false;
	json_write(&text, &stored);
	added.config = (struct str){arena_memdup(call->arena, text.data, text.len), text.len};
	buf_done(&text);
	if (!rows_next_version(call->db, row->id, &added.version, err) ||
		!rows_config_add(call->db, call->arena, row->id, &added, err) ||
		!rows_event(call->db, row->id, added.version, "UPDATE_STARTED", call->who, why, call->now_ms, err))
		return false;
	row->pending_version = added.version;
	row->update_state = STR(UPDATE_RUNNING);
	row->updated_ms = call->now_ms;
	call->deploys = row->id;
	call->deploys_version = added.version;
	return true;
}

static bool update(struct control_call *call, struct endpoint_row *row, const struct served_config *config,
	struct str why, struct error *err)
{
	return control_begin_update(call, row, config, why, err) && rows_change(call->db, call->arena, row, err) &&
	       control_answer_endpoint(call, row, err);
}

static bool run_update(struct control_call *call, struct error *err)
{
	struct served_config config;
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err))
		return false;
	const struct served_config_context context = {row.name, control_creator(call), call->now_ms};
	return served_config_read(call->arena, &call->in, &context, &config, err) &&
	       update(call, &row, &config, call->why, err);
}

/* ---- roll back ---- */

static const struct decode_field ROLLBACK[] = {
	{"config_version", DECODE_INTEGER, .min = 1, .max = 1e15,
		.help = "the one to go back to; default: what served before the one that does"},
	{0},
};

/* The last one that served before the one that does. */
static bool find_previous(
	struct control_call *call, const struct endpoint_row *row, struct config_row *ret, struct error *err)
{
	struct config_row *list;
	size_t count;

	if (!rows_configs(call->db, call->arena, row->id, row->config_version, HISTORY_MAX, &list, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (list[i].served_ms == 0)
			continue;
		*ret = list[i];
		return true;
	}
	return error_set(err, ERR_INVALID_STATE, "endpoint '%.*s' has no earlier config to go back to",
		STR_ARGS(row->name));
}

static bool find_wanted(
	struct control_call *call, const struct endpoint_row *row, struct config_row *ret, struct error *err)
{
	int64_t version = 0;

	if (!fields_read(call->arena, &call->in, ROLLBACK, &version, err))
		return false;
	if (version == 0)
		return find_previous(call, row, ret, err);
	const int found = rows_config(call->db, call->arena, row->id, version, ret, err);
	if (found > 0 && ret->served_ms == 0)
		return error_set(err, ERR_INVALID_STATE, "config version %lld of '%.*s' never served: %.*s",
			(long long)version, STR_ARGS(row->name), STR_ARGS(ret->message));
	return found > 0 || (found == 0 && error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no config version %lld",
						   STR_ARGS(row->name), (long long)version));
}

/* What an alias stood for then: to follow it again would lead forward again. */
static void pin(struct control_call *call, const struct config_row *row, struct served_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		struct served_config_entity *entity = &config->entities[i];

		if (entity->alias.len == 0)
			continue;
		entity->version = json_str(json_get(json_get(&row->resolved, entity->name), STR("version")));
		entity->alias = (struct str){NULL, 0};
	}
}

static bool run_rollback(struct control_call *call, struct error *err)
{
	struct served_config config;
	struct config_row wanted;
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err) || !find_wanted(call, &row, &wanted, err) ||
		!served_config_restore(call->arena, wanted.config, &config, err))
		return false;
	pin(call, &wanted, &config);
	const struct str why = call->why.len > 0 ? call->why
						 : str_of(arena_printf(call->arena, "rollback to config version %lld",
							   (long long)wanted.version));
	return update(call, &row, &config, why, err);
}

/* ---- history ---- */

static bool history_entry(struct control_call *call, const struct endpoint_row *row, const struct config_row *config,
	struct json *list, struct error *err)
{
	struct json entry;

	if (!control_config_view(call, row, config, &entry, err))
		return false;
	json_set(call->arena, &entry, STR("state"), json_string(config->state));
	json_set(call->arena, &entry, STR("message"), json_string(config->message));
	json_set(call->arena, &entry, STR("who"), json_string(config->who));
	json_set(call->arena, &entry, STR("why"), json_string(config->why));
	json_set(call->arena, &entry, STR("creation_timestamp"), json_integer(config->created_ms));
	if (config->served_ms > 0)
		json_set(call->arena, &entry, STR("served_timestamp"), json_integer(config->served_ms));
	json_append(call->arena, list, entry);
	return true;
}

static bool run_history(struct control_call *call, struct error *err)
{
	int64_t below = 0;
	struct json list = json_array();
	struct config_row *configs;
	struct endpoint_row row;
	size_t count;

	if (!control_query_number(call, "below", &below, err) || !control_endpoint(call, &row, err) ||
		!rows_configs(call->db, call->arena, row.id, below, HISTORY_MAX, &configs, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!history_entry(call, &row, &configs[i], &list, err))
			return false;
	json_set(call->arena, &call->out, STR("config_versions"), list);
	/* Where there are more: ?below= this one. */
	if (count == HISTORY_MAX && configs[count - 1].version > 1)
		json_set(call->arena, &call->out, STR("next_below"), json_integer(configs[count - 1].version));
	return true;
}

/* ---- stop and start ---- */

static bool set_stopped(struct control_call *call, bool is_stopped, struct error *err)
{
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err))
		return false;
	if (row.config_version == 0)
		return error_set(err, ERR_INVALID_STATE, "endpoint '%.*s' serves nothing that could be %s",
			STR_ARGS(row.name), is_stopped ? "stopped" : "started");
	if (!check_not_updating(call, &row, err))
		return false;
	if (row.is_stopped == is_stopped)
		return control_answer_endpoint(call, &row, err);
	row.is_stopped = is_stopped;
	row.updated_ms = call->now_ms;
	call->refreshes = row.id;
	call->is_started = !is_stopped;
	return rows_change(call->db, call->arena, &row, err) &&
	       rows_event(call->db, row.id, row.config_version, is_stopped ? "ENDPOINT_STOPPED" : "ENDPOINT_STARTED",
		       call->who, call->why, call->now_ms, err) &&
	       control_answer_endpoint(call, &row, err);
}

static bool run_stop(struct control_call *call, struct error *err)
{
	return set_stopped(call, true, err);
}

/* On Databricks a start is a new config version; here what served before is served again, at once. */
static bool run_start(struct control_call *call, struct error *err)
{
	return set_stopped(call, false, err);
}

const struct control_rpc control_configs[] = {
	CONTROL_RPC("PUT", "serving-endpoints/{name}/config", PERMISSION_MANAGE, run_update, DB_WRITE, "deploys another config", served_config_fields),
	CONTROL_RPC("POST", "serving-endpoints/{name}/rollback", PERMISSION_MANAGE, run_rollback, DB_WRITE,
		"deploys an earlier config version again: the one before, or `config_version`", ROLLBACK),
	CONTROL_RPC("GET", "serving-endpoints/{name}/config-versions", PERMISSION_VIEW, run_history, DB_READ,
		"every config version: who, when, why, what became of it; 100 at once, those `below` a number", NULL),
	CONTROL_RPC("POST", "serving-endpoints/{name}/config:stop", PERMISSION_MANAGE, run_stop, DB_WRITE, "stops serving; the config stays", NULL),
	CONTROL_RPC("POST", "serving-endpoints/{name}/config:start", PERMISSION_MANAGE, run_start, DB_WRITE, "serves again", NULL),
	{0},
};
