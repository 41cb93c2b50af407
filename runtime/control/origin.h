#pragma once
/*
 * Origin: where bundles of registered models come from: the embedded registry, or another one (an MLflow server, Unity
 * Catalog, another sluiced), from whose files they are put, verified, into the store of bundles. What is in the store
 * already is not fetched again.
 *
 * Blocks; thread-safe. Errors: ERR_NOT_FOUND where there is no such model, version or alias; ERR_INVALID_BUNDLE where the
 * files are no bundle or do not fit their manifest; those of client/client.h.
 */
#include "packaging/store.h"
#include "store/registry.h"

struct target;

struct origin {
	struct registry *registry; /* the embedded one */
	const struct store *store;
	const struct target *target; /* the other one; NULL: the embedded one */
	_Atomic bool is_stopping;    /* calls to the other one end soon, with ERR_CANCELLED */
};

struct fetched_bundle {
	const char *dir; /* in the store, on the arena */
	char digest[DIGEST_HEX_SIZE];
	bool was_present;
	bool has_manifest; /* it came with one, so its digest is the one that it was packed with */
};

/* The version that the alias stands for now: "3". */
bool origin_alias(struct origin *origin, struct arena *arena, struct str model, struct str alias, struct str *ret,
	struct error *err);
/* `anew`: also where the store has it, whose signatures may be older. */
bool origin_fetch(struct origin *origin, struct arena *arena, struct str model, struct str version, bool anew,
	struct fetched_bundle *ret, struct error *err);
