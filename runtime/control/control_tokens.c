/*
 * Tokens, as databricks-sdk's w.tokens speaks of them, and more: whose, what it may, on which endpoints; OAuth's clients and
 * certificates. Whoever manages everything sees and makes all of them; everybody else sees and revokes his own.
 */
#include "control/control.h"
#include "control/fields.h"

/* ---- what is sent ---- */

struct create_fields {
	struct str comment, user, service_principal, can, kind, certificate;
	int64_t lifetime_seconds;
	struct decode_list endpoints;
};

#define TEXT(name_, help_) {#name_, DECODE_STRING, .offset = offsetof(struct create_fields, name_), .help = help_}
static const struct decode_field CREATE[] = {
	TEXT(comment, "what it is for"),
	{"lifetime_seconds", DECODE_INTEGER, .offset = offsetof(struct create_fields, lifetime_seconds),
		.help = "until it expires; without it, never"},
	TEXT(user, "whose it is; default: who makes it"),
	TEXT(service_principal, "whose it is, where that is no person"),
	TEXT(can, "none, query, view or manage (the default); each with those before it"),
	{"endpoints", DECODE_STRINGS, .offset = offsetof(struct create_fields, endpoints),
		.help = "names of the endpoints that this is for; without it, everything"},
	TEXT(kind, "token (the default), client: OAuth's client credentials, or certificate"),
	TEXT(certificate, "the common name of a client certificate, which then needs no token"),
	FIELD_REFUSED("scopes", "tokens have levels here: can, endpoints"),
	FIELD_REFUSED("autoscope_enabled", "tokens have levels here: can, endpoints"),
	{0},
};

static const struct decode_field DELETE[] = {
	{"token_id", DECODE_STRING, .is_required = true, .help = "its id, as create and list tell"}, {0}};

static bool manages_everything(const struct control_call *call)
{
	return (principal_rights(call->principal, (struct str){NULL, 0}) & RIGHT_MANAGE) != 0;
}

static bool is_own(const struct control_call *call, const struct credential_row *row)
{
	return row->is_service == call->principal->is_service && str_eq(row->principal, call->principal->name);
}

/* A JSON array of names; data NULL where nothing was said: everything. */
static bool read_endpoints(struct control_call *call, const struct decode_list *sent, struct str *ret,
	struct error *err)
{
	const struct str *names = sent->items;
	struct json list = json_array();
	struct buf text = {0};

	*ret = (struct str){NULL, 0};
	if (json_type(json_get(&call->in, STR("endpoints"))) != JSON_ARRAY)
		return true;
	if (sent->count > CREDENTIAL_ENDPOINTS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "endpoints: at most %d names, got %zu",
			CREDENTIAL_ENDPOINTS_MAX,
			sent->count);
	for (size_t i = 0; i < sent->count; i++) {
		if (!served_config_check_name("endpoints", names[i], err))
			return false;
		json_append(call->arena, &list, json_string(names[i]));
	}
	json_write(&text, &list);
	*ret = (struct str){arena_memdup(call->arena, text.data, text.len), text.len};
	buf_done(&text);
	return true;
}

static struct str default_user(const struct control_call *call)
{
	return call->principal->name.len > 0 ? call->principal->name : call->who.len > 0 ? call->who : STR("admin");
}

static bool read_create(
	struct control_call *call, struct credential_row *ret, int64_t *ret_lifetime_s, struct error *err)
{
	struct create_fields sent = {0};

	if (!fields_read(call->arena, &call->in, CREATE, &sent, err))
		return false;
	if (sent.user.len > 0 && sent.service_principal.len > 0)
		return error_set(err, ERR_INVALID_PARAMETER, "user and service_principal: expected one of them");
	*ret = (struct credential_row){
		.kind = sent.kind.len > 0          ? sent.kind
			: sent.certificate.len > 0 ? STR(CREDENTIAL_CERTIFICATE)
						   : STR(CREDENTIAL_TOKEN),
		.subject = sent.certificate,
		.is_service = sent.service_principal.len > 0,
		.can = sent.can.len > 0 ? sent.can : STR("manage"),
		.comment = sent.comment,
		.creator = call->who,
	};
	ret->principal = ret->is_service ? sent.service_principal : sent.user.len > 0 ? sent.user : default_user(call);
	*ret_lifetime_s = sent.lifetime_seconds;
	return read_endpoints(call, &sent.endpoints, &ret->endpoints, err);
}

/* ---- what is answered ---- */

static void set(struct control_call *call, struct json *object, const char *name, struct json value)
{
	json_set(call->arena, object, str_of(name), value);
}

static struct json info_of(struct control_call *call, const struct credential_row *row)
{
	struct json info = json_object(), endpoints;
	struct error ignored;
	const int64_t known_ms = access_used_ms(call->control->access, row->id);
	const int64_t used_ms = known_ms > row->used_ms ? known_ms : row->used_ms;

	set(call, &info, "token_id", json_string(row->id));
	set(call, &info, "creation_time", json_integer(row->created_ms));
	set(call, &info, "expiry_time", json_integer(row->expires_ms > 0 ? row->expires_ms : -1));
	if (row->comment.len > 0)
		set(call, &info, "comment", json_string(row->comment));
	set(call, &info, "kind", json_string(row->kind));
	set(call, &info, row->is_service ? "service_principal" : "user", json_string(row->principal));
	if (row->subject.len > 0)
		set(call, &info, "certificate", json_string(row->subject));
	set(call, &info, "can", json_string(row->can));
	if (row->endpoints.data != NULL && json_read(call->arena, row->endpoints, &endpoints, &ignored))
		set(call, &info, "endpoints", endpoints);
	if (row->creator.len > 0)
		set(call, &info, "created_by", json_string(row->creator));
	if (used_ms > 0)
		set(call, &info, "last_used_time", json_integer(used_ms));
	return info;
}

static bool run_create(struct control_call *call, struct error *err)
{
	struct credential_row row;
	struct secret value;
	int64_t lifetime_s = 0;

	if (!read_create(call, &row, &lifetime_s, err) ||
		!credential_issue(call->db, call->arena, &row, lifetime_s, call->now_ms, &value, err))
		return false;
	call->changes_access = true;
	const bool is_client = str_is(row.kind, CREDENTIAL_CLIENT);
	if (is_client)
		set(call, &call->out, "client_id", json_string(row.id));
	if (secret_is_set(value))
		set(call, &call->out, is_client ? "client_secret" : "token_value", json_string(secret_reveal(value)));
	set(call, &call->out, "token_info", info_of(call, &row));
	return true;
}

static bool run_list(struct control_call *call, struct error *err)
{
	struct json list = json_array();
	struct credential_row *rows;
	size_t count;

	if (!credential_list(call->db, call->arena, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (rows[i].revoked_ms == 0 && (manages_everything(call) || is_own(call, &rows[i])))
			json_append(call->arena, &list, info_of(call, &rows[i]));
	set(call, &call->out, "token_infos", list);
	return true;
}

static bool run_delete(struct control_call *call, struct error *err)
{
	struct credential_row row;
	struct str id = {NULL, 0};

	if (!fields_read(call->arena, &call->in, DELETE, &id, err))
		return false;
	const int found = credential_find(call->db, call->arena, id, &row, err);
	if (found < 0)
		return false;
	if (found == 0 || row.revoked_ms > 0 || !(manages_everything(call) || is_own(call, &row)))
		return error_set(err, ERR_NOT_FOUND, "Token with ID '%.*s' does not exist.", STR_ARGS(str_clip(id,
			100)));
	call->changes_access = true;
	return credential_revoke(call->db, row.id, call->now_ms, err);
}

const struct control_rpc control_tokens[] = {
	CONTROL_RPC("POST", "token/create", PERMISSION_MANAGE, run_create, DB_WRITE,
		"makes a token, an OAuth client, or lets a certificate in", CREATE),
	CONTROL_RPC("GET", "token/list", PERMISSION_KNOWN, run_list, DB_READ,
		"the tokens of who asks; all, for who manages everything", NULL),
	CONTROL_RPC("POST", "token/delete", PERMISSION_KNOWN, run_delete, DB_WRITE, "revokes one, at once", DELETE),
	{0},
};
