#include "access/secret_store.h"

#include "access/seal.h"
#include "base/base64.h"
#include "store/registry.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

struct secret_store {
	char *key_file;
	pthread_mutex_t lock;
	bool has_key;
	struct key key;
};

struct secret_store *secret_store_new(const char *key_file)
{
	struct secret_store *store = calloc(1, sizeof(*store));

	if (store == NULL || (store->key_file = strdup(key_file)) == NULL)
		abort();
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

void secret_store_free(struct secret_store *store)
{
	if (store == NULL)
		return;
	OPENSSL_cleanse(&store->key, sizeof(store->key));
	pthread_mutex_destroy(&store->lock);
	free(store->key_file);
	free(store);
}

static bool load_key(struct secret_store *store, bool may_make, struct error *err)
{
	pthread_mutex_lock(&store->lock);
	if (!store->has_key)
		store->has_key = may_make ? key_file_make(store->key_file, &store->key, err)
					  : key_file_read(store->key_file, &store->key, err);
	const bool has_key = store->has_key;
	pthread_mutex_unlock(&store->lock);
	return has_key || error_wrap(err, "--secret-key");
}

/* ---- names ---- */

static bool check_name(const char *what, struct str name, struct error *err)
{
	bool is_fine = name.len > 0 && name.len <= SECRET_NAME_MAX;

	for (size_t i = 0; is_fine && i < name.len; i++) {
		const char c = name.data[i];

		is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  (c != '\0' && strchr("-_.@", c) != NULL);
	}
	return is_fine || error_set(err, ERR_INVALID_PARAMETER,
				  "%s '%.*s': expected 1 to %d letters, digits, '-', '_', '.' and '@'", what,
				  STR_ARGS(str_clip(name, SECRET_NAME_MAX)), SECRET_NAME_MAX);
}

static struct str label_of(struct arena *arena, struct str scope, struct str key)
{
	return str_of(arena_printf(arena, "%.*s/%.*s", STR_ARGS(scope), STR_ARGS(key)));
}

/* ---- scopes ---- */

bool secret_scope_check(struct db *db, struct str scope, struct error *err)
{
	const int found = db_find(db, err, NULL, "SELECT 1 FROM secret_scopes WHERE name = ?", "s",
		scope.data != NULL ? scope : STR(""));

	if (found == 0)
		error_set(err, ERR_NOT_FOUND, "Scope %.*s does not exist!", STR_ARGS(str_clip(scope, SECRET_NAME_MAX)));
	return found > 0;
}

bool secret_scope_create(struct db *db, struct str scope, struct str creator, int64_t now_ms, struct error *err)
{
	if (!check_name("scope", scope, err))
		return false;
	const int found = db_find(db, err, NULL, "SELECT 1 FROM secret_scopes WHERE name = ?", "s", scope);
	if (found > 0)
		return error_set(err, ERR_ALREADY_EXISTS, "Scope %.*s already exists!", STR_ARGS(scope));
	return found == 0 && db_run(db, err, "INSERT INTO secret_scopes (name, creator, created_ms) VALUES (?, ?, ?)",
		"ssi", scope,
				     creator, now_ms);
}

bool secret_scope_delete(struct db *db, struct str scope, struct error *err)
{
	return secret_scope_check(db, scope, err) && db_run(db, err, "DELETE FROM secret_scopes WHERE name = ?", "s",
		scope);
}

/* ---- secrets ---- */

static bool check_room(struct db *db, struct str scope, struct str key, struct error *err)
{
	int64_t count = 0;

	if (db_find(db, err, &count, "SELECT count(*) FROM secrets WHERE scope = ? AND key <> ?", "ss", scope, key) < 0)
		return false;
	return count < SECRETS_MAX ||
	       error_set(err, ERR_TOO_LARGE, "scope '%.*s' has %d secrets, more are not taken", STR_ARGS(scope),
		SECRETS_MAX);
}

/* A new key beside rows of a lost one would hide that it is lost. */
static bool load_key_to_seal(struct secret_store *store, struct db *db, struct error *err)
{
	const int found = db_find(db, err, NULL, "SELECT 1 FROM secrets LIMIT 1", "");

	return found >= 0 && load_key(store, found == 0, err);
}

bool secret_store_derive(
	struct secret_store *store, struct db *db, const char *label, struct key *ret, struct error *err)
{
	unsigned len = KEY_SIZE;

	if (!load_key_to_seal(store, db, err))
		return false;
	return HMAC(EVP_sha256(), store->key.bytes, KEY_SIZE, (const unsigned char *)label, strlen(label), ret->bytes,
		&len) !=
		       NULL ||
	       error_set(err, ERR_INTERNAL, "derive the key for '%s'", label);
}

bool secret_put(struct secret_store *store, struct db *db, struct arena *arena, struct str scope, struct str key,
	struct str value, int64_t now_ms, struct error *err)
{
	struct buf sealed = {0};

	if (!secret_scope_check(db, scope, err) || !check_name("key", key, err) || !check_room(db, scope, key, err))
		return false;
	if (value.len == 0 || value.len > SECRET_VALUE_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "the secret's value has %zu bytes: expected 1 to %d",
			value.len,
			SECRET_VALUE_MAX);
	if (!load_key_to_seal(store, db, err) || !seal(&sealed, &store->key, label_of(arena, scope, key), value, err))
		return false;
	const struct str text = base64_encode(arena, buf_str(&sealed));
	buf_done(&sealed);
	return db_run(db, err,
		"INSERT INTO secrets (scope, key, sealed, updated_ms) VALUES (?, ?, ?, ?)"
		" ON CONFLICT (scope, key) DO UPDATE SET sealed = excluded.sealed, updated_ms = excluded.updated_ms",
		"sssi", scope, key, text, now_ms);
}

static bool fail_missing(struct str scope, struct str key, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "Secret does not exist with scope: %.*s and key: %.*s",
		STR_ARGS(str_clip(scope, SECRET_NAME_MAX)), STR_ARGS(str_clip(key, SECRET_NAME_MAX)));
}

bool secret_delete(struct db *db, struct str scope, struct str key, struct error *err)
{
	if (!secret_scope_check(db, scope, err) ||
		!db_run(db, err, "DELETE FROM secrets WHERE scope = ? AND key = ?", "ss", scope,
			key.data != NULL ? key : STR("")))
		return false;
	return db_changes(db) > 0 || fail_missing(scope, key, err);
}

static bool read_sealed(
	struct registry *registry, struct arena *arena, struct str scope, struct str key, struct str *ret,
		struct error *err)
{
	struct db *db = db_begin(registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const int found = db_find_text(
		db, err, arena, ret, "SELECT sealed FROM secrets WHERE scope = ? AND key = ?", "ss", scope, key);
	db_rollback(db);
	if (found == 0)
		fail_missing(scope, key, err);
	return found > 0;
}

bool secret_store_read(struct secret_store *store, struct registry *registry, struct arena *arena, struct str scope,
	struct str key, struct secret *ret, struct error *err)
{
	struct str text, sealed;

	if (!read_sealed(registry, arena, scope, key, &text, err) || !load_key(store, false, err))
		return false;
	if (!base64_decode(arena, text, &sealed))
		return error_set(err, ERR_INTERNAL, "the secret '%.*s/%.*s' is damaged", STR_ARGS(scope),
			STR_ARGS(key));
	return seal_open(arena, &store->key, label_of(arena, scope, key), sealed, ret, err) ||
	       error_wrap(err, "the secret '%.*s/%.*s'", STR_ARGS(scope), STR_ARGS(key));
}
