/*
 * Secrets, as databricks-sdk's w.secrets speaks of them; but nobody gets one back: they are for environment_vars and
 * configurations. What was sent is wiped once it is sealed.
 */
#include "control/control.h"

#include "base/base64.h"
#include "control/fields.h"

#include <openssl/crypto.h>

/* ---- what is sent ---- */

struct secret_fields {
	struct str scope, key, string_value, bytes_value, backend;
};

#define TEXT(name_, help_)                                                                                             \
	{#name_, DECODE_STRING, .offset = offsetof(struct secret_fields, name_), .is_required = true, .help = help_}
static const struct decode_field PUT[] = {
	TEXT(scope, "the scope, which exists"),
	TEXT(key, "the secret's name in it"),
	{"string_value", DECODE_STRING, .offset = offsetof(struct secret_fields, string_value), .help = "its value"},
	{"bytes_value", DECODE_STRING, .offset = offsetof(struct secret_fields, bytes_value),
		.help = "its value in Base64"},
	{0},
};
static const struct decode_field DELETE[] = {TEXT(scope, "the scope"), TEXT(key, "the secret's name in it"), {0}};
static const struct decode_field SCOPE[] = {TEXT(scope, "the scope"), {0}};
static const struct decode_field SCOPE_CREATE[] = {
	TEXT(scope, "its name"),
	{"scope_backend_type", DECODE_STRING, .offset = offsetof(struct secret_fields, backend),
		.help = "DATABRICKS: kept here"},
	FIELD_REFUSED("initial_manage_principal",
		"scopes have no permissions of their own: who manages everything manages them"),
	FIELD_REFUSED("backend_azure_keyvault",
		"secrets are kept here, or come from files and the environment (--secrets)"),
	{0},
};

static bool read_fields(
	struct control_call *call, const struct decode_field *fields, struct secret_fields *ret, struct error *err)
{
	*ret = (struct secret_fields){.scope = {NULL, 0}};
	return fields_read(call->arena, &call->in, fields, ret, err);
}

/* ---- secrets ---- */

static void wipe(struct str text)
{
	if (text.len > 0)
		OPENSSL_cleanse((char *)text.data, text.len);
}

static bool put(struct control_call *call, const struct secret_fields *sent, struct error *err)
{
	struct str value = sent->string_value;
	const bool is_text = json_type(json_get(&call->in, STR("string_value"))) == JSON_STRING;
	const bool is_bytes = json_type(json_get(&call->in, STR("bytes_value"))) == JSON_STRING;

	if (is_text == is_bytes)
		return error_set(err, ERR_INVALID_PARAMETER, "string_value, bytes_value: expected one of them");
	if (is_bytes && !base64_decode(call->arena, sent->bytes_value, &value))
		return error_set(err, ERR_INVALID_PARAMETER, "bytes_value: expected Base64");
	const bool is_put = secret_put(call->control->secrets, call->db, call->arena, sent->scope, sent->key, value,
		call->now_ms, err);
	wipe(value);
	return is_put;
}

static bool run_put(struct control_call *call, struct error *err)
{
	struct secret_fields sent;
	const bool is_put = read_fields(call, PUT, &sent, err) && put(call, &sent, err);

	wipe(sent.string_value);
	wipe(sent.bytes_value);
	wipe(call->body);
	return is_put;
}

static bool run_delete(struct control_call *call, struct error *err)
{
	struct secret_fields sent;

	return read_fields(call, DELETE, &sent, err) && secret_delete(call->db, sent.scope, sent.key, err);
}

static bool run_list(struct control_call *call, struct error *err)
{
	const struct str scope = json_str(json_get(&call->query, STR("scope")));
	struct json list = json_array();
	struct db_rows rows;

	if (!secret_scope_check(call->db, scope, err) ||
		!db_start(&rows, call->db, err, "SELECT key, updated_ms FROM secrets WHERE scope = ? ORDER BY key", "s",
			scope))
		return false;
	while (db_next(&rows)) {
		struct json item = json_object();

		json_set(call->arena, &item, STR("key"), json_string(db_text(&rows, 0, call->arena)));
		json_set(call->arena, &item, STR("last_updated_timestamp"), json_integer(db_integer(&rows, 1)));
		json_append(call->arena, &list, item);
	}
	json_set(call->arena, &call->out, STR("secrets"), list);
	return db_end(&rows);
}

static bool run_get(struct control_call *call, struct error *err)
{
	return error_set(err, ERR_PERMISSION_DENIED,
		"secrets are never shown here: they are for environment_vars ({{secrets/scope/key}}) and configurations "
		"(${secret:scope/key})");
}

/* ---- scopes ---- */

static bool run_scope_create(struct control_call *call, struct error *err)
{
	struct secret_fields sent;

	if (!read_fields(call, SCOPE_CREATE, &sent, err))
		return false;
	if (sent.backend.len > 0 && !str_is(sent.backend, "DATABRICKS"))
		return error_set(err, ERR_INVALID_PARAMETER,
			"scope_backend_type '%.*s': expected DATABRICKS: secrets are kept here",
			STR_ARGS(str_clip(sent.backend, 100)));
	return secret_scope_create(call->db, sent.scope, call->who, call->now_ms, err);
}

static bool run_scope_delete(struct control_call *call, struct error *err)
{
	struct secret_fields sent;

	return read_fields(call, SCOPE, &sent, err) && secret_scope_delete(call->db, sent.scope, err);
}

static bool run_scopes(struct control_call *call, struct error *err)
{
	struct json list = json_array();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err, "SELECT name FROM secret_scopes ORDER BY name", ""))
		return false;
	while (db_next(&rows)) {
		struct json item = json_object();

		json_set(call->arena, &item, STR("name"), json_string(db_text(&rows, 0, call->arena)));
		json_set(call->arena, &item, STR("backend_type"), json_string(STR("DATABRICKS")));
		json_append(call->arena, &list, item);
	}
	json_set(call->arena, &call->out, STR("scopes"), list);
	return db_end(&rows);
}

const struct control_rpc control_secrets[] = {
	CONTROL_RPC("POST", "secrets/put", PERMISSION_MANAGE, run_put, DB_WRITE,
		"seals a secret, new or in place of the old one",
		PUT),
	CONTROL_RPC("POST", "secrets/delete", PERMISSION_MANAGE, run_delete, DB_WRITE, "removes one", DELETE),
	CONTROL_RPC("GET", "secrets/list", PERMISSION_VIEW, run_list, DB_READ, "the names in a `scope`", NULL),
	CONTROL_RPC("GET", "secrets/get", PERMISSION_MANAGE, run_get, DB_READ, "refused: nobody gets a secret back",
		NULL),
	CONTROL_RPC("POST", "secrets/scopes/create", PERMISSION_MANAGE, run_scope_create, DB_WRITE, "makes a scope",
		SCOPE_CREATE),
	CONTROL_RPC("POST", "secrets/scopes/delete", PERMISSION_MANAGE, run_scope_delete, DB_WRITE,
		"removes a scope and its secrets", SCOPE),
	CONTROL_RPC("GET", "secrets/scopes/list", PERMISSION_VIEW, run_scopes, DB_READ, "all scopes", NULL),
	{0},
};
