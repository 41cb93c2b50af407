#pragma once
/*
 * Credential: what a principal proves himself by: a token, an OAuth client's secret, or a certificate's name; and its rows
 * in the registry's database. The value of a token or secret is shown once and kept as SHA-256 only.
 *
 *	sluice_0123456789abcdef_… (48 hex digits)
 *
 * The middle part is the id, by which the row is found; the digest of the whole is compared in constant time.
 * A certificate has no value: TLS has verified it, its common name stands in the row.
 *
 * Rows stay when they are revoked, so that "is access on?" is "was there ever one?": revoking the last token locks out, it
 * never opens up. Every change raises the generation, by which other processes see it (access.h).
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/permission.h"
#include "base/secret.h"
#include "store/db.h"

enum { CREDENTIAL_ID_LEN = 16, CREDENTIAL_SECRET_LEN = 48, CREDENTIAL_NAME_MAX = 256, CREDENTIAL_ENDPOINTS_MAX = 100 };

#define CREDENTIAL_TOKEN       "token"
#define CREDENTIAL_CLIENT      "client"      /* OAuth's client credentials: the id is the client_id */
#define CREDENTIAL_CERTIFICATE "certificate"

struct credential_row {
	struct str id, kind;
	struct str digest;    /* hex; empty for a certificate */
	struct str subject;   /* a certificate's common name; else empty */
	struct str principal; /* a user's or a service principal's name */
	bool is_service;
	struct str can;       /* "query", "view", "manage", "none" */
	struct str endpoints; /* JSON array of names; data NULL: everything */
	struct str comment, creator;
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
	int64_t used_ms;    /* 0: never; about a minute late */
	int64_t revoked_ms; /* 0: not */
};

/* The level's rights: each has those before it. False where there is no such level. */
bool credential_rights(struct str can, enum right *ret);
/* The id in a value; data NULL where it has not the form of one. */
struct str credential_id(struct str value);

/*
 * Makes one of what `row` says: kind, principal, can, and what else there is. Sets id, digest and times; `lifetime_s` 0:
 * it does not expire. The value lives on the arena and is wiped with it; a certificate has none.
 * ERR_INVALID_PARAMETER where a field does not fit; ERR_INVALID_STATE where the first one of all cannot manage everything,
 * because nobody could then make another one.
 */
bool credential_issue(struct db *db, struct arena *arena, struct credential_row *row, int64_t lifetime_s,
	int64_t now_ms,
	struct secret *ret_value, struct error *err);
bool credential_list(struct db *db, struct arena *arena, struct credential_row **ret, size_t *ret_count,
	struct error *err);
/* As db_find: 0 where there is none. */
int credential_find(struct db *db, struct arena *arena, struct str id, struct credential_row *ret, struct error *err);
bool credential_revoke(struct db *db, struct str id, int64_t now_ms, struct error *err);
bool credential_touch(struct db *db, struct str id, int64_t used_ms, struct error *err);

/* Changes so far, of credentials and grants. */
bool access_generation(struct db *db, int64_t *ret, struct error *err);
bool access_changed(struct db *db, struct error *err);
