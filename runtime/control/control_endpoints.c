/* Endpoints: create, get, list, delete. */
#include "control/control_view.h"

#include "access/grant.h"
#include "base/random.h"
#include "control/attributes.h"

static struct str new_id(struct control_call *call)
{
	enum { DIGITS = 32 };
	char *id = arena_zalloc(call->arena, DIGITS + 1);

	random_hex(id, DIGITS);
	return (struct str){id, DIGITS};
}

static bool check_new_name(struct str name, struct error *err)
{
	static const char *const TAKEN[] = {"chat", "completions", "embeddings", "responses", "models"};

	if (!served_config_check_name("name", name, err))
		return false;
	for (size_t i = 0; i < sizeof(TAKEN) / sizeof(*TAKEN); i++)
		if (str_is(name, TAKEN[i]))
			return error_set(err, ERR_INVALID_PARAMETER,
				"name '%s': /serving-endpoints/%s is a path of the OpenAI clients; choose another one", TAKEN[i],
				TAKEN[i]);
	return true;
}

static bool read_first_config(
	struct control_call *call, const struct endpoint_row *row, struct served_config *ret, struct error *err)
{
	const struct served_config_context context = {row->name, row->creator, call->now_ms};
	const struct json *config = json_get(&call->in, STR("config"));

	*ret = (struct served_config){0};
	if (json_type(config) == JSON_ABSENT || json_type(config) == JSON_NULL)
		return true;
	return served_config_read(call->arena, config, &context, ret, err) || error_wrap(err, "config");
}

static bool run_create(struct control_call *call, struct error *err)
{
	struct endpoint_row row = {
		.id = new_id(call),
		.name = json_str(json_get(&call->in, STR("name"))),
		.creator = control_creator(call),
		.description = STR(""),
		.update_state = STR(UPDATE_NONE),
		.created_ms = call->now_ms,
		.updated_ms = call->now_ms,
		.attributes = json_object(),
	};
	struct served_config config;

	if (!control_attributes_take(call, &row, err) || !check_new_name(row.name, err) ||
		!read_first_config(call, &row, &config, err) || !rows_add(call->db, call->arena, &row, err) ||
		!rows_event(call->db, row.id, 0, "ENDPOINT_CREATED", call->who, call->why, call->now_ms, err))
		return false;
	call->refreshes = row.id;
	if (config.count > 0 && (!control_begin_update(call, &row, &config, call->why, err) ||
					!rows_change(call->db, call->arena, &row, err)))
		return false;
	return control_answer_endpoint(call, &row, err);
}

static bool run_get(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	return control_endpoint(call, &row, err) && control_answer_endpoint(call, &row, err);
}

static bool run_list(struct control_call *call, struct error *err)
{
	struct json list = json_array();
	struct endpoint_row *rows;
	size_t count;

	if (!rows_endpoints(call->db, call->arena, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct json view;

		if ((principal_rights(call->principal, rows[i].name) & RIGHT_VIEW) == 0)
			continue;
		if (!control_view(call, &rows[i], true, &view, err))
			return false;
		json_append(call->arena, &list, view);
	}
	json_set(call->arena, &call->out, STR("endpoints"), list);
	return true;
}

static bool run_delete(struct control_call *call, struct error *err)
{
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err) || !rows_delete(call->db, row.id, call->now_ms, err) ||
		!rows_event(call->db, row.id, row.config_version, "ENDPOINT_DELETED", call->who, call->why, call->now_ms,
			err))
		return false;
	/* The next one of that name is another. */
	if (!grants_drop(call->db, row.id, err))
		return false;
	call->changes_access = true;
	call->removes = row.name;
	call->removes_id = row.id;
	return true;
}

const struct control_rpc control_endpoints[] = {
	CONTROL_RPC("POST", "serving-endpoints", PERMISSION_MANAGE, run_create, DB_WRITE, "makes an endpoint and deploys its config", attributes_new_fields),
	CONTROL_RPC("GET", "serving-endpoints", PERMISSION_KNOWN, run_list, DB_READ, "the endpoints that who asks may see", NULL),
	CONTROL_RPC("GET", "serving-endpoints/{name}", PERMISSION_VIEW, run_get, DB_READ, "one endpoint: state, config, pending config", NULL),
	CONTROL_RPC("DELETE", "serving-endpoints/{name}", PERMISSION_MANAGE, run_delete, DB_WRITE, "deletes it; its history stays", NULL),
	{0},
};
