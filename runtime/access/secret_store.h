#pragma once
/*
 * Secret store: secrets by scope and key, sealed in the registry's database. AES-256-GCM with the key file's key, a random
 * nonce each time, and "scope/key" as what is authenticated besides: a row that was moved or altered does not open.
 *
 *	base64(version 1 │ key's id 8 │ nonce 12 │ ciphertext │ tag 16)
 *
 * The id, part of a digest of the key, tells a wrong key from a damaged row. Values leave by secret_store_read() alone, in
 * memory that is wiped; no call of the REST API answers them. Thread-safe; everything blocks.
 */
#include "access/key_file.h"
#include "base/secret.h"
#include "store/db.h"

struct registry;
struct secret_store;

enum { SECRET_VALUE_MAX = 128 << 10, SECRET_NAME_MAX = 128, SECRETS_MAX = 1000 /* in a scope */ };

/* The key is read, or made, when it is first needed. */
struct secret_store *secret_store_new(const char *key_file);
void secret_store_free(struct secret_store *store);

/* In a transaction of its own. ERR_NOT_FOUND; ERR_INVALID_STATE without the key, or with a wrong one. */
bool secret_store_read(struct secret_store *store, struct registry *registry, struct arena *arena, struct str scope,
	struct str key, struct secret *ret, struct error *err);

/* In the caller's. Letters, digits and "-_.@" make a name. */
bool secret_put(struct secret_store *store, struct db *db, struct arena *arena, struct str scope, struct str key,
	struct str value, int64_t now_ms, struct error *err);
bool secret_delete(struct db *db, struct str scope, struct str key, struct error *err);
bool secret_scope_create(struct db *db, struct str scope, struct str creator, int64_t now_ms, struct error *err);
bool secret_scope_delete(struct db *db, struct str scope, struct error *err);
/* ERR_NOT_FOUND where there is no such scope. */
bool secret_scope_check(struct db *db, struct str scope, struct error *err);

/* A key of its own for another purpose, which `label` names: HMAC-SHA256 of it. Makes the key file where no secret
 * was sealed with a lost one. */
bool secret_store_derive(
	struct secret_store *store, struct db *db, const char *label, struct key *ret, struct error *err);
