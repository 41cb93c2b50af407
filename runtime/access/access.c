/*
 * refresh: the database's generation → a new snapshot → in place of the old one
 * identify: Authorization or certificate → the snapshot's credential → principal
 */
#include "access/access.h"

#include "access/access_snapshot.h"
#include "access/oauth_token.h"
#include "access/secret_store.h"
#include "base/base64.h"
#include "base/clock.h"
#include "store/registry.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

struct access {
	pthread_rwlock_t lock; /* of the pointer */
	struct access_snapshot *snapshot;
	pthread_mutex_t refreshing; /* one after the other: the newest stays */
	atomic_bool is_on;
	struct secret_store *secrets;
	atomic_bool has_oauth_key; /* set once */
	struct key oauth_key;
	_Atomic int64_t due_ms; /* of the next look at what others changed */
	/* The thread that looks. */
	struct registry *registry; /* NULL: none */
	pthread_t thread;
	pthread_mutex_t watch_lock;
	pthread_cond_t poked;
	bool is_poked, is_ending;
};

struct access *access_new(struct secret_store *secrets)
{
	struct access *access = calloc(1, sizeof(*access));

	if (access == NULL)
		abort();
	access->secrets = secrets;
	pthread_rwlock_init(&access->lock, NULL);
	pthread_mutex_init(&access->refreshing, NULL);
	pthread_mutex_init(&access->watch_lock, NULL);
	pthread_cond_init(&access->poked, NULL);
	return access;
}

void access_free(struct access *access)
{
	if (access == NULL)
		return;
	access_snapshot_unref(access->snapshot);
	OPENSSL_cleanse(&access->oauth_key, sizeof(access->oauth_key));
	pthread_rwlock_destroy(&access->lock);
	pthread_mutex_destroy(&access->refreshing);
	pthread_mutex_destroy(&access->watch_lock);
	pthread_cond_destroy(&access->poked);
	free(access);
}

bool access_is_on(const struct access *access)
{
	return atomic_load(&access->is_on);
}

static struct access_snapshot *take_snapshot(struct access *access)
{
	pthread_rwlock_rdlock(&access->lock);
	struct access_snapshot *snapshot = access->snapshot;
	if (snapshot != NULL)
		atomic_fetch_add(&snapshot->refs, 1);
	pthread_rwlock_unlock(&access->lock);
	return snapshot;
}

/* ---- OAuth ---- */

bool access_oauth_key(struct access *access, struct key *ret)
{
	if (!atomic_load(&access->has_oauth_key))
		return false;
	*ret = access->oauth_key;
	return true;
}

static bool load_oauth_key(struct access *access, struct db *db, struct error *err)
{
	struct key key;

	if (atomic_load(&access->has_oauth_key))
		return true;
	if (!secret_store_derive(access->secrets, db, "sluice oauth", &key, err))
		return false;
	access->oauth_key = key;
	atomic_store(&access->has_oauth_key, true);
	return true;
}

bool access_load_oauth_key(struct access *access, struct registry *registry, struct error *err)
{
	pthread_mutex_lock(&access->refreshing);
	struct db *db = db_begin(registry->db, DB_READ, err);
	const bool is_loaded = db != NULL && load_oauth_key(access, db, err);
	if (db != NULL)
		db_rollback(db);
	pthread_mutex_unlock(&access->refreshing);
	return is_loaded;
}

static bool has_client(const struct access_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->credential_count; i++)
		if (str_is(snapshot->credentials[i].kind, CREDENTIAL_CLIENT))
			return true;
	return false;
}

bool access_is_client(struct access *access, struct str id, struct str secret, int64_t now_ms)
{
	struct access_snapshot *snapshot = take_snapshot(access);
	const struct access_credential *own = snapshot != NULL ? access_snapshot_find(snapshot, id) : NULL;
	const struct digest digest = digest_of(secret);
	const bool is_client = own != NULL && str_is(own->kind, CREDENTIAL_CLIENT) &&
			       CRYPTO_memcmp(own->digest.bytes, digest.bytes, DIGEST_SIZE) == 0 &&
			       (own->expires_ms == 0 || now_ms < own->expires_ms);

	access_snapshot_unref(snapshot);
	return is_client;
}

/* ---- refresh ---- */

static void publish(struct access *access, struct access_snapshot *snapshot)
{
	struct access_snapshot *old = access->snapshot;

	for (size_t i = 0; old != NULL && i < old->credential_count; i++) {
		struct access_credential *from = &old->credentials[i];
		struct access_credential *to = access_snapshot_find(snapshot, str_of(from->id));

		if (to != NULL && to->used_ms < from->used_ms)
			to->used_ms = from->used_ms;
	}
	pthread_rwlock_wrlock(&access->lock);
	access->snapshot = snapshot;
	pthread_rwlock_unlock(&access->lock);
	atomic_store(&access->is_on, snapshot->is_on);
	access_snapshot_unref(old);
}

static bool refresh(struct access *access, struct registry *registry, struct error *err)
{
	struct access_snapshot *snapshot = NULL;
	struct db *db = db_begin(registry->db, DB_READ, err);
	int64_t generation;

	if (db == NULL)
		return false;
	bool is_read = access_generation(db, &generation, err);
	if (is_read && generation > 0 && (access->snapshot == NULL || access->snapshot->generation != generation))
		is_read = access_snapshot_read(db, generation, &snapshot, err);
	if (snapshot != NULL && has_client(snapshot) && !load_oauth_key(access, db, err)) {
		access_snapshot_unref(snapshot);
		snapshot = NULL;
		is_read = false;
	}
	db_rollback(db);
	if (snapshot != NULL)
		publish(access, snapshot);
	return is_read;
}

static bool note_used(struct access_snapshot *snapshot, struct db *db, int64_t older_than_ms)
{
	struct error ignored;
	bool is_fine = true;

	for (size_t i = 0; is_fine && i < snapshot->credential_count; i++) {
		struct access_credential *credential = &snapshot->credentials[i];
		const int64_t used_ms = credential->used_ms;

		if (used_ms <= credential->noted_ms + older_than_ms)
			continue;
		credential->noted_ms = used_ms;
		is_fine = credential_touch(db, str_of(credential->id), used_ms, &ignored);
	}
	return is_fine;
}

static bool has_unnoted(const struct access_snapshot *snapshot, int64_t older_than_ms)
{
	for (size_t i = 0; snapshot != NULL && i < snapshot->credential_count; i++)
		if (snapshot->credentials[i].used_ms > snapshot->credentials[i].noted_ms + older_than_ms)
			return true;
	return false;
}

static void save_used(struct access *access, struct registry *registry, int64_t older_than_ms)
{
	struct error ignored;

	if (!has_unnoted(access->snapshot, older_than_ms))
		return;
	struct db *db = db_begin(registry->db, DB_WRITE, &ignored);
	if (db == NULL)
		return;
	if (note_used(access->snapshot, db, older_than_ms))
		db_commit(db, &ignored);
	else
		db_rollback(db);
}

bool access_refresh(struct access *access, struct registry *registry, struct error *err)
{
	pthread_mutex_lock(&access->refreshing);
	const bool is_read = refresh(access, registry, err);
	save_used(access, registry, ACCESS_TOUCH_MS);
	pthread_mutex_unlock(&access->refreshing);
	return is_read;
}

/* ---- what other processes change ---- */

static bool wait_poke(struct access *access)
{
	pthread_mutex_lock(&access->watch_lock);
	while (!access->is_poked && !access->is_ending)
		pthread_cond_wait(&access->poked, &access->watch_lock);
	access->is_poked = false;
	const bool goes_on = !access->is_ending;
	pthread_mutex_unlock(&access->watch_lock);
	return goes_on;
}

/* Where it fails, what was known stays in force; whoever needs the database will say why. */
static void *watch(void *data)
{
	struct access *access = data;
	struct error ignored;

	while (wait_poke(access))
		access_refresh(access, access->registry, &ignored);
	return NULL;
}

void access_watch(struct access *access, struct registry *registry)
{
	access->registry = registry;
	if (pthread_create(&access->thread, NULL, watch, access) != 0)
		abort();
	atomic_store(&access->due_ms, clock_wall_ms() + ACCESS_POLL_MS);
}

void access_unwatch(struct access *access)
{
	if (access->registry == NULL)
		return;
	pthread_mutex_lock(&access->watch_lock);
	access->is_ending = true;
	pthread_cond_signal(&access->poked);
	pthread_mutex_unlock(&access->watch_lock);
	pthread_join(access->thread, NULL);
	save_used(access, access->registry, 0);
	access->registry = NULL;
	access->is_ending = false;
}

static void poke_watch(struct access *access, int64_t now_ms)
{
	int64_t due_ms = atomic_load_explicit(&access->due_ms, memory_order_relaxed);

	if (due_ms == 0 || now_ms < due_ms ||
		!atomic_compare_exchange_strong(&access->due_ms, &due_ms, now_ms + ACCESS_POLL_MS))
		return;
	pthread_mutex_lock(&access->watch_lock);
	access->is_poked = true;
	pthread_cond_signal(&access->poked);
	pthread_mutex_unlock(&access->watch_lock);
}

int64_t access_used_ms(struct access *access, struct str id)
{
	struct access_snapshot *snapshot = take_snapshot(access);
	const struct access_credential *credential = snapshot != NULL ? access_snapshot_find(snapshot, id) : NULL;
	const int64_t used_ms = credential != NULL ? credential->used_ms : 0;

	access_snapshot_unref(snapshot);
	return used_ms;
}

/* ---- who is it ---- */

static void release(void *data)
{
	access_snapshot_unref(data);
}

static bool cut_scheme(struct str *value, struct str scheme)
{
	if (value->len <= scheme.len || value->data[scheme.len] != ' ' ||
		!str_eq_nocase((struct str){value->data, scheme.len}, scheme))
		return false;
	*value = str_trim((struct str){value->data + scheme.len, value->len - scheme.len});
	return true;
}

static bool refuse(struct error *err)
{
	return error_set(err, ERR_UNAUTHENTICATED, "the token is not valid: it is unknown or was revoked");
}

static bool accept(const struct access_snapshot *snapshot, struct access_credential *own, enum principal_by by,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	if (own->expires_ms > 0 && now_ms >= own->expires_ms)
		return error_set(err, ERR_UNAUTHENTICATED, "the token '%s' has expired: sluice token create makes another one",
			own->id);
	atomic_store_explicit(&own->used_ms, now_ms, memory_order_relaxed);
	*ret = (struct principal){
		.name = own->principal,
		.credential = str_of(own->id),
		.by = by,
		.is_service = own->is_service,
		.rights = own->endpoints == NULL ? own->rights : RIGHT_NONE,
		.rights_max = RIGHT_ALL,
		.snapshot = snapshot,
		.own = own,
	};
	return true;
}

static bool identify_token(const struct access_snapshot *snapshot, struct str value, enum principal_by by,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	struct access_credential *own = access_snapshot_find(snapshot, credential_id(value));
	const struct digest digest = digest_of(value);

	if (own == NULL || !str_is(own->kind, CREDENTIAL_TOKEN) ||
		CRYPTO_memcmp(own->digest.bytes, digest.bytes, DIGEST_SIZE) != 0)
		return refuse(err);
	return accept(snapshot, own, by, now_ms, ret, err);
}

static bool identify_oauth(struct access *access, const struct access_snapshot *snapshot, struct arena *arena,
	struct str value, int64_t now_ms, struct principal *ret, struct error *err)
{
	struct oauth_token token;

	if (!atomic_load(&access->has_oauth_key))
		return refuse(err);
	if (!oauth_token_read(arena, &access->oauth_key, value, now_ms / 1000, &token, err))
		return false;
	struct access_credential *own = access_snapshot_find(snapshot, token.client);
	if (own == NULL || !str_is(own->kind, CREDENTIAL_CLIENT))
		return refuse(err);
	if (!accept(snapshot, own, PRINCIPAL_BY_BEARER, now_ms, ret, err))
		return false;
	ret->endpoint = token.endpoint;
	if (token.endpoint.data != NULL)
		ret->rights_max = RIGHT_QUERY;
	return true;
}

/* "token:VALUE", as Databricks' samples have it, or "NAME:VALUE". */
static bool identify_basic(const struct access_snapshot *snapshot, struct arena *arena, struct str encoded, int64_t now_ms,
	struct principal *ret, struct error *err)
{
	struct str text, user;

	if (!base64_decode(arena, encoded, &text) || !str_cut(&text, ':', &user))
		return error_set(err, ERR_UNAUTHENTICATED, "the Authorization field: expected Basic and Base64 of 'token:TOKEN'");
	if (!identify_token(snapshot, text, PRINCIPAL_BY_BASIC, now_ms, ret, err))
		return false;
	return str_is(user, "token") || str_eq(user, ret->name) ||
	       error_set(err, ERR_UNAUTHENTICATED, "the token is not that user's: send the user 'token'");
}

static bool identify_certificate(const struct access_snapshot *snapshot, struct str subject, int64_t now_ms,
	struct principal *ret, struct error *err)
{
	for (size_t i = 0; i < snapshot->credential_count; i++) {
		struct access_credential *own = &snapshot->credentials[i];

		if (str_is(own->kind, CREDENTIAL_CERTIFICATE) && str_eq(own->subject, subject))
			return accept(snapshot, own, PRINCIPAL_BY_CERTIFICATE, now_ms, ret, err);
	}
	return error_set(err, ERR_UNAUTHENTICATED, "the certificate's name '%.*s' was given no rights: sluice token create --certificate",
		STR_ARGS(str_clip(subject, 200)));
}

static bool identify(struct access *access, const struct access_snapshot *snapshot, struct arena *arena,
	struct str authorization, struct str subject, int64_t now_ms, struct principal *ret, struct error *err)
{
	if (authorization.len == 0 && subject.len > 0)
		return identify_certificate(snapshot, subject, now_ms, ret, err);
	if (authorization.len == 0)
		return error_set(err, ERR_UNAUTHENTICATED,
			"no token was sent: send 'Authorization: Bearer TOKEN' (sluice token create makes one)");
	if (cut_scheme(&authorization, STR("Bearer")))
		return oauth_token_is(authorization)
			       ? identify_oauth(access, snapshot, arena, authorization, now_ms, ret, err)
			       : identify_token(snapshot, authorization, PRINCIPAL_BY_BEARER, now_ms, ret, err);
	if (cut_scheme(&authorization, STR("Basic")))
		return identify_basic(snapshot, arena, authorization, now_ms, ret, err);
	return error_set(err, ERR_UNAUTHENTICATED, "the Authorization field: expected 'Bearer TOKEN', or Basic with the user 'token'");
}

bool access_identify(struct access *access, struct arena *arena, struct str authorization, struct str subject,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	poke_watch(access, now_ms);
	struct access_snapshot *snapshot = access_is_on(access) ? take_snapshot(access) : NULL;

	if (snapshot != NULL) {
		arena_on_end(arena, release, snapshot);
		return identify(access, snapshot, arena, authorization, subject, now_ms, ret, err);
	}
	*ret = (struct principal){
		.name = subject,
		.by = subject.len > 0 ? PRINCIPAL_BY_CERTIFICATE : PRINCIPAL_BY_NOTHING,
		.is_anybody = true,
		.rights = RIGHT_ALL,
		.rights_max = RIGHT_ALL,
	};
	return true;
}

/* ---- may he ---- */

enum right principal_rights(const struct principal *principal, struct str endpoint)
{
	enum right rights = principal->rights;

	if (endpoint.data == NULL || principal->own == NULL)
		return principal->endpoint.data == NULL ? rights & principal->rights_max : RIGHT_NONE;
	if (principal->endpoint.data != NULL && !str_eq(principal->endpoint, endpoint))
		return RIGHT_NONE;
	for (size_t i = 0; i < principal->own->endpoint_count; i++)
		if (str_eq(principal->own->endpoints[i], endpoint))
			rights |= principal->own->rights;
	return (rights | access_snapshot_granted(principal->snapshot, principal->own, endpoint)) & principal->rights_max;
}

bool access_check(const struct principal *principal, enum permission permission, struct str endpoint, struct error *err)
{
	const enum right needed = permission_right(permission);

	if ((principal_rights(principal, endpoint) & needed) == needed)
		return true;
	const char *kind = principal->is_service ? "service principal" : "user";
	if (endpoint.data == NULL)
		return error_set(err, ERR_PERMISSION_DENIED, "%s '%.*s' may not do that: the permission '%s' on everything is needed",
			kind, STR_ARGS(principal->name), permission_name(permission));
	return error_set(err, ERR_PERMISSION_DENIED,
		"%s '%.*s' may not do that: the permission '%s' on endpoint '%.*s' is needed", kind, STR_ARGS(principal->name),
		permission_name(permission), STR_ARGS(str_clip(endpoint, 200)));
}
