#include "access/credential.h"

#include "base/hash.h"
#include "base/random.h"
#include "base/json.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define COLUMNS                                                                                                        \
	"id, kind, digest, subject, principal, is_service, can, endpoints, comment, creator, created_ms, expires_ms,"  \
	" used_ms, revoked_ms"

static const struct str PREFIX = {"sluice_", 7};
static const int64_t LIFETIME_S_MAX = INT64_C(100) * 365 * 86400;

static const struct {
	const char *name;
	enum right rights;
} LEVELS[] = {
	{"none", RIGHT_NONE},
	{"query", RIGHT_QUERY},
	{"view", RIGHT_QUERY | RIGHT_VIEW},
	{"manage", RIGHT_ALL},
};

bool credential_rights(struct str can, enum right *ret)
{
	for (size_t i = 0; i < sizeof(LEVELS) / sizeof(*LEVELS); i++) {
		if (!str_is(can, LEVELS[i].name))
			continue;
		*ret = LEVELS[i].rights;
		return true;
	}
	return false;
}

/* ---- values ---- */

/* A new id and value for `row`, whose digest they set. */
static struct secret make(struct arena *arena, struct credential_row *row)
{
	enum { LEN = 7 + CREDENTIAL_ID_LEN + 1 + CREDENTIAL_SECRET_LEN };
	char value[LEN], *hex = arena_alloc(arena, DIGEST_HEX_SIZE);

	memcpy(value, PREFIX.data, PREFIX.len);
	random_hex(value + PREFIX.len, CREDENTIAL_ID_LEN);
	value[PREFIX.len + CREDENTIAL_ID_LEN] = '_';
	random_hex(value + LEN - CREDENTIAL_SECRET_LEN, CREDENTIAL_SECRET_LEN);
	const struct digest digest = digest_of((struct str){value, LEN});
	row->id = (struct str){arena_memdup(arena, value + PREFIX.len, CREDENTIAL_ID_LEN), CREDENTIAL_ID_LEN};
	row->digest = (struct str){digest_hex(&digest, hex), DIGEST_HEX_SIZE - 1};
	const struct secret secret = secret_new(arena, (struct str){value, LEN});
	OPENSSL_cleanse(value, sizeof(value));
	return secret;
}

struct str credential_id(struct str value)
{
	const size_t id_end = PREFIX.len + CREDENTIAL_ID_LEN;

	if (value.len != id_end + 1 + CREDENTIAL_SECRET_LEN || !str_starts(value, PREFIX) || value.data[id_end] != '_')
		return (struct str){NULL, 0};
	return (struct str){value.data + PREFIX.len, CREDENTIAL_ID_LEN};
}

/* ---- rows ---- */

/* The columns take no NULL. */
static struct str text_of(struct str text)
{
	return text.data != NULL ? text : STR("");
}

static bool check_text(const char *what, struct str text, struct error *err)
{
	if (text.len > CREDENTIAL_NAME_MAX || !str_is_utf8(text))
		return error_set(err, ERR_INVALID_PARAMETER, "%s: expected UTF-8 text of at most %d bytes", what,
			CREDENTIAL_NAME_MAX);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
			return error_set(err, ERR_INVALID_PARAMETER, "%s: a control character at byte %zu", what, i);
	return true;
}

static bool check_first(struct db *db, const struct credential_row *row, struct error *err)
{
	const int found = db_find(db, err, NULL, "SELECT 1 FROM access_credentials LIMIT 1", "");

	if (found != 0)
		return found > 0;
	if (str_is(row->can, "manage") && row->endpoints.data == NULL && row->expires_ms == 0)
		return true;
	return error_set(err, ERR_INVALID_STATE,
		"the first token must be able to manage everything and not expire: from then on every request needs a token, "
		"and nobody could make another one (sluice token create --can manage)");
}

static bool check_level(struct str can, struct error *err)
{
	enum right ignored;

	return credential_rights(can, &ignored) ||
	       error_set(err, ERR_INVALID_PARAMETER, "can '%.*s': expected none, query, view or manage",
		       STR_ARGS(str_clip(can, 100)));
}

static bool check_kind(struct db *db, const struct credential_row *row, struct error *err)
{
	const bool is_certificate = str_is(row->kind, CREDENTIAL_CERTIFICATE);

	if (!is_certificate && !str_is(row->kind, CREDENTIAL_TOKEN) && !str_is(row->kind, CREDENTIAL_CLIENT))
		return error_set(err, ERR_INVALID_PARAMETER, "kind '%.*s': expected token, client or certificate",
			STR_ARGS(str_clip(row->kind, 100)));
	if (is_certificate != (row->subject.len > 0))
		return error_set(err, ERR_INVALID_PARAMETER,
			"certificate: %s", is_certificate ? "expected the certificate's common name"
				: "is for the kind 'certificate' only");
	if (str_is(row->kind, CREDENTIAL_CLIENT) && !row->is_service)
		return error_set(err, ERR_INVALID_PARAMETER,
			"an OAuth client is a service principal's: give service_principal");
	if (!is_certificate)
		return true;
	const int found = db_find(db, err, NULL,
		"SELECT 1 FROM access_credentials WHERE kind = 'certificate' AND subject = ? AND revoked_ms = 0", "s",
			row->subject);
	if (found > 0)
		error_set(err, ERR_ALREADY_EXISTS, "certificate '%.*s' was given rights already: revoke those first",
			STR_ARGS(row->subject));
	return found == 0;
}

static bool check(struct db *db, const struct credential_row *row, int64_t lifetime_s, struct error *err)
{
	if (row->principal.len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "a token needs the name of a user or a service principal");
	if (lifetime_s < 0 || lifetime_s > LIFETIME_S_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "lifetime_seconds %lld: expected 1 to %lld, or none",
			(long long)lifetime_s, (long long)LIFETIME_S_MAX);
	return check_level(row->can, err) && check_text("the name", row->principal, err) &&
	       check_text("comment", row->comment, err) && check_text("certificate", row->subject, err) &&
	       check_kind(db, row, err) && check_first(db, row, err);
}

bool credential_issue(struct db *db, struct arena *arena, struct credential_row *row, int64_t lifetime_s,
	int64_t now_ms,
	struct secret *ret_value, struct error *err)
{
	row->created_ms = now_ms;
	row->expires_ms = lifetime_s > 0 ? now_ms + lifetime_s * 1000 : 0;
	if (!check(db, row, lifetime_s, err))
		return false;
	const struct secret value = make(arena, row);
	const bool has_value = !str_is(row->kind, CREDENTIAL_CERTIFICATE);
	if (!has_value)
		row->digest = STR("");
	if (!db_run(db, err,
		    "INSERT INTO access_credentials (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
		    "sssssbssssii", row->id, row->kind, row->digest, text_of(row->subject), row->principal,
			row->is_service,
		    row->can, row->endpoints, text_of(row->comment), text_of(row->creator), row->created_ms,
			row->expires_ms) ||
		!access_changed(db, err))
		return false;
	*ret_value = has_value ? value : (struct secret){0};
	return true;
}

static void take(struct db_rows *rows, struct arena *arena, struct credential_row *ret)
{
	*ret = (struct credential_row){
		.id = db_text(rows, 0, arena),
		.kind = db_text(rows, 1, arena),
		.digest = db_text(rows, 2, arena),
		.subject = db_text(rows, 3, arena),
		.principal = db_text(rows, 4, arena),
		.is_service = db_integer(rows, 5) != 0,
		.can = db_text(rows, 6, arena),
		.endpoints = db_text(rows, 7, arena),
		.comment = db_text(rows, 8, arena),
		.creator = db_text(rows, 9, arena),
		.created_ms = db_integer(rows, 10),
		.expires_ms = db_integer(rows, 11),
		.used_ms = db_integer(rows, 12),
		.revoked_ms = db_integer(rows, 13),
	};
}

bool credential_list(struct db *db, struct arena *arena, struct credential_row **ret, size_t *ret_count,
	struct error *err)
{
	struct db_rows rows;
	int64_t count = 0;
	size_t taken = 0;

	if (db_find(db, err, &count, "SELECT count(*) FROM access_credentials", "") < 0)
		return false;
	struct credential_row *list = arena_array(arena, (size_t)count + 1, sizeof(*list));
	if (!db_start(&rows, db, err, "SELECT " COLUMNS " FROM access_credentials ORDER BY created_ms, id", ""))
		return false;
	while (taken < (size_t)count && db_next(&rows))
		take(&rows, arena, &list[taken++]);
	*ret = list;
	*ret_count = taken;
	return db_end(&rows);
}

int credential_find(struct db *db, struct arena *arena, struct str id, struct credential_row *ret, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, db, err, "SELECT " COLUMNS " FROM access_credentials WHERE id = ?", "s", id))
		return -1;
	const bool is_there = db_next(&rows);
	if (is_there)
		take(&rows, arena, ret);
	return !db_end(&rows) ? -1 : is_there;
}

bool credential_revoke(struct db *db, struct str id, int64_t now_ms, struct error *err)
{
	return db_run(db, err, "UPDATE access_credentials SET revoked_ms = ? WHERE id = ? AND revoked_ms = 0", "is",
		now_ms,
		       id) &&
	       access_changed(db, err);
}

bool credential_touch(struct db *db, struct str id, int64_t used_ms, struct error *err)
{
	return db_run(db, err, "UPDATE access_credentials SET used_ms = max(used_ms, ?) WHERE id = ?", "is", used_ms,
		id);
}

/* ---- the generation ---- */

bool access_generation(struct db *db, int64_t *ret, struct error *err)
{
	*ret = 0;
	return db_find(db, err, ret, "SELECT generation FROM access_state", "") >= 0;
}

bool access_changed(struct db *db, struct error *err)
{
	return db_run(db, err,
		"INSERT INTO access_state (id, generation) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET generation = generation + 1",
		"");
}
