#pragma once
/* The credentials and grants of one generation, frozen. Private to runtime/access. */
#include "access/access.h"
#include "base/hash.h"

#include <stdatomic.h>

struct access_credential {
	char id[CREDENTIAL_ID_LEN + 1];
	struct digest digest;
	struct str kind, subject, principal;
	bool is_service;
	enum right rights;
	struct str *endpoints; /* NULL: everything */
	size_t endpoint_count;
	int64_t expires_ms;
	int64_t noted_ms; /* what its row says of its use */
	_Atomic int64_t used_ms;
};

enum grant_kind { GRANT_USER, GRANT_SERVICE, GRANT_GROUP };

struct access_grant {
	enum grant_kind kind;
	struct str name, endpoint;
	enum right rights;
};

struct access_snapshot {
	atomic_uint refs;
	struct arena arena;
	int64_t generation;
	struct access_credential *credentials; /* by id; without the revoked */
	size_t credential_count;
	bool is_on; /* there is one, or was */
	struct access_grant *grants; /* by endpoint */
	size_t grant_count;
};

/* Reads one of the database; on success with one reference. */
bool access_snapshot_read(struct db *db, int64_t generation, struct access_snapshot **ret, struct error *err);
void access_snapshot_unref(struct access_snapshot *snapshot);
struct access_credential *access_snapshot_find(const struct access_snapshot *snapshot, struct str id);
/* What the endpoint's grants give him. */
enum right access_snapshot_granted(const struct access_snapshot *snapshot, const struct access_credential *own,
	struct str endpoint);
