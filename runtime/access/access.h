#pragma once
/*
 * Access: the check of each request against an immutable snapshot of credentials and grants: no SQLite on the way.
 *
 *	access_identify → principal → access_check (permission, on an endpoint or on everything)
 *
 * While there never was a credential, access is off: everybody may do everything (main.c allows that on loopback and with
 * client certificates only). From the first one on it stays on.
 *
 * Invariants: a request that begins after access_refresh() returned is checked against what the database held at its
 * beginning: whoever revokes calls it before he answers. Changes of other processes are seen within ACCESS_POLL_MS of
 * requests. What a principal may does not change while his request runs.
 */
#include "access/credential.h"

struct access;
struct access_snapshot;
struct access_credential;
struct registry;

enum { ACCESS_POLL_MS = 1000, ACCESS_TOUCH_MS = 60000 };

enum principal_by { PRINCIPAL_BY_NOTHING, PRINCIPAL_BY_BEARER, PRINCIPAL_BY_BASIC, PRINCIPAL_BY_CERTIFICATE };

struct principal {
	struct str name;       /* empty where access is off and nobody was verified */
	struct str credential; /* its id */
	enum principal_by by;
	bool is_service;
	bool is_anybody;       /* access is off */
	enum right rights;     /* on everything */
	enum right rights_max; /* an OAuth token may be for less than its client: what it is for, */
	struct str endpoint;   /* and the only endpoint it is for; data NULL: any */
	const struct access_snapshot *snapshot; /* held until the arena ends */
	const struct access_credential *own;
};

struct key;
struct secret_store;

/* The store, whose key signs OAuth tokens, outlives it. */
struct access *access_new(struct secret_store *secrets);
/* No principal is alive any more. NULL is fine. */
void access_free(struct access *access);

/* Reads what changed, and notes when credentials were used. Blocks. */
bool access_refresh(struct access *access, struct registry *registry, struct error *err);
/* From now on a thread of its own looks, while requests come, once in ACCESS_POLL_MS what other processes changed; until
 * access_unwatch(), which is before the registry is closed, and notes what was used. */
void access_watch(struct access *access, struct registry *registry);
void access_unwatch(struct access *access);
bool access_is_on(const struct access *access);
/* When it was used last, as far as memory knows; 0: not. */
int64_t access_used_ms(struct access *access, struct str credential);

/* The secret is that OAuth client's. */
bool access_is_client(struct access *access, struct str id, struct str secret, int64_t now_ms);
/* What OAuth tokens are signed by: read, or made, when the first client is. False: not loaded. */
bool access_oauth_key(struct access *access, struct key *ret);
bool access_load_oauth_key(struct access *access, struct registry *registry, struct error *err);

/* `authorization` is the field's value, `subject` the verified certificate's name; either may be empty.
 * ERR_UNAUTHENTICATED; its text never holds what was sent. */
bool access_identify(struct access *access, struct arena *arena, struct str authorization, struct str subject,
	int64_t now_ms, struct principal *ret, struct error *err);
/* What he may do to that endpoint; on everything where data is NULL. */
enum right principal_rights(const struct principal *principal, struct str endpoint);
/* ERR_PERMISSION_DENIED, with the permission that is missing. */
bool access_check(const struct principal *principal, enum permission permission, struct str endpoint,
	struct error *err);
