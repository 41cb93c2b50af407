/* refresh: the database's generation → a new snapshot → in place of the old one
 * What is checked against it: identify.c. */
#include "access/access_internal.h"
#include "access/secret_store.h"
#include "base/clock.h"
#include "store/registry.h"

#include <openssl/crypto.h>
#include <stdlib.h>

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

struct access_snapshot *access_take_snapshot(struct access *access)
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
	struct access_snapshot *snapshot = access_take_snapshot(access);
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

void access_poke(struct access *access, int64_t now_ms)
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
	struct access_snapshot *snapshot = access_take_snapshot(access);
	const struct access_credential *credential = snapshot != NULL ? access_snapshot_find(snapshot, id) : NULL;
	const int64_t used_ms = credential != NULL ? credential->used_ms : 0;

	access_snapshot_unref(snapshot);
	return used_ms;
}
