/*
 * Permissions of endpoints, as databricks-sdk's w.serving_endpoints.get_permissions and its kin speak of them: by the
 * endpoint's id. They add to what tokens are for: access.h. The rows of a call's list name one principal each.
 */
#include "control/control.h"

#include "access/grant.h"
#include "control/fields.h"

enum { GRANTS_MAX = 1000 };

static const struct {
	const char *level, *help;
} LEVELS[] = {
	{"CAN_MANAGE", "Can manage the serving endpoint: see, query, change and delete it, and say who else may"},
	{"CAN_QUERY", "Can query the serving endpoint, and see it"},
	{"CAN_VIEW", "Can see the serving endpoint"},
};

/* ---- what is sent ---- */

struct entry_fields {
	struct str user_name, group_name, service_principal_name, permission_level;
};

#define TEXT(name_, help_) {#name_, DECODE_STRING, .offset = offsetof(struct entry_fields, name_), .help = help_}
static const struct decode_field ENTRY[] = {
	TEXT(user_name, "a user"),
	TEXT(group_name, "users: whoever has a token; admins: who manages everything"),
	TEXT(service_principal_name, "a service principal, or its OAuth client's id"),
	TEXT(permission_level, "CAN_MANAGE, CAN_QUERY or CAN_VIEW"),
	{0},
};
static const struct decode_field LIST[] = {
	{"access_control_list", DECODE_LIST, .fields = ENTRY, .size = sizeof(struct entry_fields),
		.help = "who may what"},
	{0},
};

static bool read_name(const struct entry_fields *sent, struct grant_row *ret, struct error *err)
{
	const struct {
		const char *kind;
		struct str name;
	} NAMES[] = {{"user", sent->user_name}, {"group", sent->group_name}, {"service", sent->service_principal_name}};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		if (NAMES[i].name.len == 0)
			continue;
		ret->kind = str_of(NAMES[i].kind);
		ret->name = NAMES[i].name;
		count++;
	}
	if (count != 1)
		return error_set(err, ERR_INVALID_PARAMETER,
			"expected one of user_name, group_name, service_principal_name");
	if (sent->group_name.len > 0 && !str_is(ret->name, GROUP_USERS) && !str_is(ret->name, GROUP_ADMINS))
		return error_set(err, ERR_INVALID_PARAMETER,
			"group_name '%.*s': there are no groups here but users (whoever has a token) and admins (who manages everything)",
			STR_ARGS(str_clip(ret->name, 200)));
	return ret->name.len <= CREDENTIAL_NAME_MAX ||
	       error_set(err, ERR_INVALID_PARAMETER, "a name of %zu bytes, at most %d are taken", ret->name.len,
		       CREDENTIAL_NAME_MAX);
}

static bool read_list(struct control_call *call, struct grant_row **ret, size_t *ret_count, struct error *err)
{
	struct decode_list sent = {0};

	if (!fields_read(call->arena, &call->in, LIST, &sent, err))
		return false;
	if (sent.count > GRANTS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "access_control_list: %zu entries, at most %d are taken",
			sent.count,
			GRANTS_MAX);
	const struct entry_fields *entries = sent.items;
	struct grant_row *rows = arena_array(call->arena, sent.count + 1, sizeof(*rows));
	for (size_t i = 0; i < sent.count; i++) {
		enum right ignored;

		rows[i].level = entries[i].permission_level;
		if (!read_name(&entries[i], &rows[i], err))
			return error_wrap(err, "access_control_list[%zu]", i);
		if (!grant_rights(rows[i].level, &ignored))
			return error_set(err, ERR_INVALID_PARAMETER,
				"access_control_list[%zu].permission_level '%.*s': expected CAN_MANAGE, CAN_QUERY or CAN_VIEW", i,
				STR_ARGS(str_clip(rows[i].level, 100)));
	}
	*ret = rows;
	*ret_count = sent.count;
	return true;
}

/* ---- what is answered ---- */

static void set_text(struct control_call *call, struct json *object, const char *name, struct str text)
{
	json_set(call->arena, object, str_of(name), json_string(text));
}

static void add_entry(
	struct control_call *call, struct json *list, const struct grant_row *row, const char *inherited_from)
{
	const char *name = str_is(row->kind, "user")    ? "user_name"
			   : str_is(row->kind, "group") ? "group_name"
							: "service_principal_name";
	struct json entry = json_object(), permission = json_object(), permissions = json_array();

	set_text(call, &entry, name, row->name);
	set_text(call, &entry, "display_name", row->name);
	set_text(call, &permission, "permission_level", row->level);
	json_set(call->arena, &permission, STR("inherited"), json_bool(inherited_from != NULL));
	if (inherited_from != NULL) {
		struct json from = json_array();

		json_append(call->arena, &from, json_string(str_of(inherited_from)));
		json_set(call->arena, &permission, STR("inherited_from_object"), from);
	}
	json_append(call->arena, &permissions, permission);
	json_set(call->arena, &entry, STR("all_permissions"), permissions);
	json_append(call->arena, list, entry);
}

static bool answer(struct control_call *call, const struct endpoint_row *endpoint, struct error *err)
{
	static const struct grant_row ADMINS = {{"group", 5}, {GROUP_ADMINS, 6}, {"CAN_MANAGE", 10}};
	struct json list = json_array();
	struct grant_row *rows;
	size_t count;

	if (!grants_of(call->db, call->arena, endpoint->id, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		add_entry(call, &list, &rows[i], NULL);
	add_entry(call, &list, &ADMINS, "/serving-endpoints/");
	set_text(call, &call->out, "object_id",
		str_of(arena_printf(call->arena, "/serving-endpoints/%.*s", STR_ARGS(endpoint->id))));
	set_text(call, &call->out, "object_type", STR("serving-endpoint"));
	json_set(call->arena, &call->out, STR("access_control_list"), list);
	return true;
}

/* ---- the calls ---- */

static bool find(struct control_call *call, enum permission permission, struct endpoint_row *ret, struct error *err)
{
	return rows_endpoint_by_id(call->db, call->arena, call->ids[0], ret, err) &&
	       access_check(call->principal, permission, ret->name, err);
}

static bool run_get(struct control_call *call, struct error *err)
{
	struct endpoint_row endpoint;

	return find(call, PERMISSION_VIEW, &endpoint, err) && answer(call, &endpoint, err);
}

static bool run_levels(struct control_call *call, struct error *err)
{
	struct json list = json_array();
	struct endpoint_row endpoint;

	if (!find(call, PERMISSION_VIEW, &endpoint, err))
		return false;
	for (size_t i = 0; i < sizeof(LEVELS) / sizeof(*LEVELS); i++) {
		struct json level = json_object();

		set_text(call, &level, "permission_level", str_of(LEVELS[i].level));
		set_text(call, &level, "description", str_of(LEVELS[i].help));
		json_append(call->arena, &list, level);
	}
	json_set(call->arena, &call->out, STR("permission_levels"), list);
	return true;
}

static bool change(struct control_call *call, bool replaces, struct error *err)
{
	struct endpoint_row endpoint;
	struct grant_row *rows = NULL;
	size_t count = 0;

	if (!find(call, PERMISSION_MANAGE, &endpoint, err) || !read_list(call, &rows, &count, err) ||
		!grants_set(call->db, endpoint.id, rows, count, replaces, err) ||
		!rows_event(call->db, endpoint.id, endpoint.config_version, "PERMISSIONS_CHANGED", call->who, call->why,
			call->now_ms, err))
		return false;
	call->changes_access = true;
	return answer(call, &endpoint, err);
}

static bool run_set(struct control_call *call, struct error *err)
{
	return change(call, true, err);
}

static bool run_update(struct control_call *call, struct error *err)
{
	return change(call, false, err);
}

const struct control_rpc control_permissions[] = {
	CONTROL_RPC("GET", "permissions/serving-endpoints/{id}", PERMISSION_KNOWN, run_get, DB_READ,
		"who may what on an endpoint; needs view on it", NULL),
	CONTROL_RPC("PUT", "permissions/serving-endpoints/{id}", PERMISSION_KNOWN, run_set, DB_WRITE,
		"replaces that; needs manage on it", LIST),
	CONTROL_RPC("PATCH", "permissions/serving-endpoints/{id}", PERMISSION_KNOWN, run_update, DB_WRITE,
		"adds to that; needs manage on it", LIST),
	CONTROL_RPC("GET", "permissions/serving-endpoints/{id}/permissionLevels", PERMISSION_KNOWN, run_levels, DB_READ,
		"the levels there are; needs view on it", NULL),
	{0},
};
