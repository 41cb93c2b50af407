#pragma once
/*
 * Origin: where bundles of registered models come from: the registry, from whose files they are put, verified, into the
 * store of bundles.
 *
 * Blocks. Errors: ERR_NOT_FOUND where there is no such model, version or alias; ERR_INVALID_BUNDLE where the files are no
 * bundle or do not fit their manifest.
 */
#include "packaging/store.h"
#include "store/registry.h"

struct origin {
	struct registry *registry;
	const struct store *store;
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
bool origin_fetch(struct origin *origin, struct arena *arena, struct str model, struct str version, struct fetched_bundle *ret,
	struct error *err);
