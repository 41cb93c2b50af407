/* form → grant_type → who: client and secret, or assertion → what for: everything or one endpoint → token */
#include "access/oauth.h"

#include "access/oauth_token.h"
#include "base/base64.h"
#include "base/json.h"
#include "rest/rest_decode.h"
#include "store/registry.h"

static const char BEARER_GRANT[] = "urn:ietf:params:oauth:grant-type:jwt-bearer";

struct asking {
	struct access *access;
	struct registry *registry;
	struct arena *arena;
	const struct oauth_request *request;
	struct oauth_answer *answer;
	struct str grant_type, scope, client_id, client_secret, assertion, details, group;
	struct oauth_token token;
};

/* RFC 6749 section 5.2. */
static bool refuse(struct asking *asking, int status, const char *error, const char *text)
{
	asking->answer->status = status;
	buf_add_text(&asking->answer->body, "{\"error\":");
	json_write_string(&asking->answer->body, str_of(error));
	buf_add_text(&asking->answer->body, ",\"error_description\":");
	json_write_string(&asking->answer->body, str_of(text));
	buf_add_char(&asking->answer->body, '}');
	return false;
}

/* ---- the form ---- */

static bool take_pair(struct asking *asking, struct str name, struct str value)
{
	const struct {
		const char *name;
		struct str *ret;
	} FIELDS[] = {{"grant_type", &asking->grant_type}, {"scope", &asking->scope}, {"client_id", &asking->client_id},
		{"client_secret", &asking->client_secret}, {"assertion", &asking->assertion},
		{"authorization_details", &asking->details}, {"assume_group", &asking->group}};

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(*FIELDS); i++) {
		if (!str_is(name, FIELDS[i].name))
			continue;
		if (FIELDS[i].ret->data != NULL)
			return refuse(asking, 400, "invalid_request", "a parameter stands there twice");
		*FIELDS[i].ret = value.len > 0 ? value : STR("");
	}
	return true;
}

static bool read_form(struct asking *asking)
{
	struct str rest = asking->request->form, pair, name;
	bool is_more = rest.len > 0;

	while (is_more) {
		is_more = str_cut(&rest, '&', &pair);
		str_cut(&pair, '=', &name);
		if (!rest_unescape(asking->arena, name, true, &name) || !rest_unescape(asking->arena, pair, true,
			&pair) ||
			!str_is_utf8(name) || !str_is_utf8(pair))
			return refuse(asking, 400, "invalid_request",
				"the body: expected application/x-www-form-urlencoded");
		if (!take_pair(asking, name, pair))
			return false;
	}
	return true;
}

/* Basic base64(id:secret), both of them escaped as in a form (RFC 6749 section 2.3.1). */
static bool read_basic(struct asking *asking)
{
	static const struct str SCHEME = {"Basic ", 6};
	const struct str sent = asking->request->authorization;
	struct str text, id;

	if (sent.len < SCHEME.len || !str_eq_nocase((struct str){sent.data, SCHEME.len}, SCHEME))
		return true;
	asking->answer->asks_basic = true;
	if (!base64_decode(asking->arena, (struct str){sent.data + SCHEME.len, sent.len - SCHEME.len}, &text) ||
		!str_cut(&text, ':', &id) || !rest_unescape(asking->arena, id, true, &asking->client_id) ||
		!rest_unescape(asking->arena, text, true, &asking->client_secret))
		return refuse(asking, 401, "invalid_client",
			"the Authorization field: expected Basic and Base64 of id:secret");
	return true;
}

/* ---- who ---- */

static bool take_client(struct asking *asking)
{
	if (!access_is_client(asking->access, asking->client_id, asking->client_secret, asking->request->now_ms))
		return refuse(asking, 401, "invalid_client", "Client authentication failed");
	asking->token = (struct oauth_token){
		.client = asking->client_id,
		.expires_s = asking->request->now_ms / 1000 + OAUTH_LIFETIME_S,
	};
	return true;
}

/* A token that is handed on gets no longer and no wider by it. */
static bool take_assertion(struct asking *asking)
{
	const int64_t now_ms = asking->request->now_ms;
	struct principal principal;
	struct error err;
	struct key key;

	if (!access_oauth_key(asking->access, &key) ||
		!oauth_token_read(asking->arena, &key, asking->assertion, now_ms / 1000, &asking->token, &err) ||
		!access_identify(asking->access, asking->arena,
			str_of(arena_printf(asking->arena, "Bearer %.*s", STR_ARGS(asking->assertion))),
				(struct str){NULL, 0},
			now_ms, &principal, &err))
		return refuse(asking, 400, "invalid_grant", "the assertion is no valid OAuth token from here");
	if (asking->details.data == NULL)
		return refuse(asking, 400, "invalid_request",
			"authorization_details: expected the endpoint's data_plane_info");
	return true;
}

static bool find_who(struct asking *asking)
{
	if (asking->grant_type.data == NULL)
		return refuse(asking, 400, "invalid_request", "grant_type: expected client_credentials");
	if (str_is(asking->grant_type, BEARER_GRANT))
		return take_assertion(asking);
	if (str_is(asking->grant_type, "client_credentials"))
		return read_basic(asking) && take_client(asking);
	return refuse(asking, 400, "unsupported_grant_type", "expected client_credentials or jwt-bearer");
}

/* ---- what for ---- */

static bool check_scope(struct asking *asking)
{
	struct str rest = asking->scope, word;
	bool is_more = rest.len > 0;

	if (asking->group.len > 0)
		return refuse(asking, 400, "invalid_request", "assume_group: there are no groups here");
	while (is_more) {
		is_more = str_cut(&rest, ' ', &word);
		if (!str_is(word, "all-apis") && word.len > 0)
			return refuse(asking, 400, "invalid_scope", "expected all-apis");
	}
	return true;
}

/* The name of the endpoint that "/serving-endpoints/ID-or-name" means. */
static bool find_endpoint(struct asking *asking, struct str path, struct error *err)
{
	static const struct str HEAD = {"/serving-endpoints/", 19};
	struct db *db;

	if (!str_starts(path, HEAD))
		return refuse(asking, 400, "invalid_request", "object_path: expected /serving-endpoints/ID");
	const struct str id = {path.data + HEAD.len, path.len - HEAD.len};
	db = db_begin(asking->registry->db, DB_READ, err);
	if (db == NULL)
		return false;
	const int found = db_find_text(db, err, asking->arena, &asking->token.endpoint,
		"SELECT name FROM endpoints WHERE (id = ? OR name = ?) AND deleted_ms IS NULL", "ss", id, id);
	db_rollback(db);
	return found > 0 || (found == 0 && refuse(asking, 400, "invalid_request",
		"object_path: there is no such endpoint"));
}

/* [{"type":"workspace_permission","object_type":"serving-endpoints","object_path":…,"actions":["query_inference_endpoint"]}] */
static bool narrow(struct asking *asking, struct error *err)
{
	struct error ignored;
	struct json list;

	if (asking->details.data == NULL)
		return true;
	const bool is_list = json_read(asking->arena, asking->details, &list, &ignored) && list.type == JSON_ARRAY &&
		list.size == 1;
	const struct json *one = is_list ? &list.items[0] : NULL, *actions = json_get(one, STR("actions"));
	const bool is_query = json_type(actions) == JSON_ARRAY && actions->size == 1 &&
			      str_is(json_str(&actions->items[0]), "query_inference_endpoint");
	if (!is_query || !str_is(json_str(json_get(one, STR("object_type"))), "serving-endpoints"))
		return refuse(asking, 400, "invalid_request",
			"authorization_details: expected the one object that an endpoint's data_plane_info holds");
	const struct str before = asking->token.endpoint;
	if (!find_endpoint(asking, json_str(json_get(one, STR("object_path"))), err))
		return false;
	return before.data == NULL || str_eq(before, asking->token.endpoint) ||
	       refuse(asking, 400, "invalid_grant", "the assertion is for another endpoint");
}

/* ---- the answer ---- */

static bool write_token(struct asking *asking, struct error *err)
{
	const int64_t now_s = asking->request->now_ms / 1000;
	struct key key;

	if (!access_load_oauth_key(asking->access, asking->registry, err) || !access_oauth_key(asking->access, &key))
		return false;
	const struct str text = oauth_token_write(asking->arena, &key, &asking->token, now_s);
	asking->answer->status = 200;
	buf_printf(&asking->answer->body,
		"{\"access_token\":\"%.*s\",\"token_type\":\"Bearer\",\"expires_in\":%lld,\"scope\":\"all-apis\"}",
			STR_ARGS(text),
		(long long)(asking->token.expires_s - now_s));
	return true;
}

bool oauth_answer(struct access *access, struct registry *registry, struct arena *arena,
	const struct oauth_request *request,
	struct oauth_answer *ret, struct error *err)
{
	struct asking asking = {.access = access, .registry = registry, .arena = arena, .request = request,
		.answer = ret};

	*ret = (struct oauth_answer){0};
	if (read_form(&asking) && find_who(&asking) && check_scope(&asking) && narrow(&asking, err) &&
		write_token(&asking, err))
		return true;
	return ret->status != 0;
}
