#include "access/access_snapshot.h"

#include "access/grant.h"
#include "base/json.h"

#include <stdlib.h>

void access_snapshot_unref(struct access_snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->refs, 1) > 1)
		return;
	arena_done(&snapshot->arena);
	free(snapshot);
}

/* ---- credentials ---- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct access_credential *)a)->id, ((const struct access_credential *)b)->id);
}

static void take_endpoints(struct arena *arena, struct str text, struct access_credential *ret)
{
	struct json list = json_array();
	struct error ignored;

	/* Ours, so it can be read; what cannot be gives no rights. */
	json_read(arena, text, &list, &ignored);
	ret->endpoints = arena_array(arena, list.size + 1, sizeof(*ret->endpoints));
	for (size_t i = 0; list.type == JSON_ARRAY && i < list.size; i++)
		ret->endpoints[ret->endpoint_count++] = json_str(&list.items[i]);
}

static void take(struct arena *arena, const struct credential_row *row, struct access_credential *ret)
{
	memcpy(ret->id, row->id.data, row->id.len < CREDENTIAL_ID_LEN ? row->id.len : CREDENTIAL_ID_LEN);
	if (!digest_parse(row->digest, &ret->digest))
		ret->digest = (struct digest){0};
	ret->kind = row->kind;
	ret->subject = row->subject;
	ret->principal = row->principal;
	ret->is_service = row->is_service;
	if (!credential_rights(row->can, &ret->rights))
		ret->rights = RIGHT_NONE;
	ret->expires_ms = row->expires_ms;
	ret->noted_ms = row->used_ms;
	ret->used_ms = row->used_ms;
	if (row->endpoints.data != NULL)
		take_endpoints(arena, row->endpoints, ret);
}

static bool read_credentials(struct db *db, struct access_snapshot *snapshot, struct error *err)
{
	struct credential_row *rows;
	size_t count;

	if (!credential_list(db, &snapshot->arena, &rows, &count, err))
		return false;
	snapshot->is_on = count > 0;
	snapshot->credentials = arena_zalloc(&snapshot->arena, (count + 1) * sizeof(*snapshot->credentials));
	for (size_t i = 0; i < count; i++)
		if (rows[i].revoked_ms == 0)
			take(&snapshot->arena, &rows[i], &snapshot->credentials[snapshot->credential_count++]);
	qsort(snapshot->credentials, snapshot->credential_count, sizeof(*snapshot->credentials), compare_ids);
	return true;
}

struct access_credential *access_snapshot_find(const struct access_snapshot *snapshot, struct str id)
{
	struct access_credential key = {0};

	if (id.len != CREDENTIAL_ID_LEN || snapshot->credential_count == 0)
		return NULL;
	memcpy(key.id, id.data, id.len);
	return bsearch(&key, snapshot->credentials, snapshot->credential_count, sizeof(key), compare_ids);
}

/* ---- grants ---- */

bool access_snapshot_read(struct db *db, int64_t generation, struct access_snapshot **ret, struct error *err)
{
	struct access_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		abort();
	snapshot->refs = 1;
	snapshot->generation = generation;
	arena_init(&snapshot->arena);
	if (read_credentials(db, snapshot, err) &&
		grants_read(db, &snapshot->arena, &snapshot->grants, &snapshot->grant_count, err)) {
		*ret = snapshot;
		return true;
	}
	access_snapshot_unref(snapshot);
	return false;
}

static int compare_names(struct str a, struct str b)
{
	const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static size_t first_grant(const struct access_snapshot *snapshot, struct str endpoint)
{
	size_t low = 0, high = snapshot->grant_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare_names(snapshot->grants[middle].endpoint, endpoint) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_meant(const struct access_grant *grant, const struct access_credential *own)
{
	if (grant->kind == GRANT_GROUP)
		return str_is(grant->name, GROUP_USERS) || (str_is(grant->name, GROUP_ADMINS) &&
			own->endpoints == NULL &&
								   own->rights == RIGHT_ALL);
	if (own->is_service != (grant->kind == GRANT_SERVICE))
		return false;
	/* Databricks' clients name a service principal by its application id: the client_id. */
	return str_eq(grant->name, own->principal) || (own->is_service && str_is(grant->name, own->id));
}

enum right access_snapshot_granted(const struct access_snapshot *snapshot, const struct access_credential *own,
	struct str endpoint)
{
	enum right rights = RIGHT_NONE;

	for (size_t i = first_grant(snapshot, endpoint);
		i < snapshot->grant_count && str_eq(snapshot->grants[i].endpoint, endpoint); i++)
		if (is_meant(&snapshot->grants[i], own))
			rights |= snapshot->grants[i].rights;
	return rights;
}
