#pragma once
/*
 * Store: unpacked bundles by digest, in a state folder that several processes may share.
 *
 *     STATE/bundles/DIGEST/…   whole, verified, durable; never changed afterwards
 *     STATE/staging/…          being made; each with a lock held by its maker
 *
 * Invariant: what stands under bundles/ is complete. A bundle gets there by one rename, after
 * extraction, manifest check and fsync of every file and folder; a crash at any moment leaves
 * nothing or all of it. What a crash leaves in staging/ has no locked maker any more and is removed
 * by the next store_open.
 *
 * Archives without manifest.json (plain `tar` or `zip` of a model's folder) are taken too: a
 * manifest is computed and written into the stored bundle. Where an archive holds nothing at its
 * top but one folder, that folder is the bundle.
 */
#include "packaging/archive.h"

struct store {
	const char *path; /* of the state folder */
	int bundles_fd, staging_fd;
	bool is_durable; /* false: no fsync, for a store that nobody opens again */
};

struct stored {
	const char *dir; /* on the arena */
	struct digest digest;
	bool was_present;   /* nothing was written */
	bool is_unfiltered; /* the archive's reader ran without a seccomp filter: the kernel took
			       none */
};

/* Makes what is missing of the state folder (0700). Lives on the arena, which closes it. */
bool store_open(struct arena *arena, const char *state_dir, struct store *ret, struct error *err);

/*
 * Adds an archive; concurrent calls with the same bundle all succeed. A bundle that is there
 * already is looked over (its manifest against the digest, sizes and types of its files) and
 * replaced where it was damaged; it takes the signatures of the one that comes, where there are any.
 */
bool store_add(struct arena *arena, const struct store *store, const char *archive_path,
	const struct archive_limits *limits, struct stored *ret, struct error *err);

/* Adds what `fill` writes below dir_fd (files_create()): a bundle that comes as files. Those that belong to none
 * (files_leave_out()) must not be written. */
typedef bool store_fill(void *data, int dir_fd, struct error *err);
bool store_add_files(struct arena *arena, const struct store *store, store_fill *fill, void *data, struct stored *ret,
	struct error *err);
/* Whether a bundle of that digest is there and whole. */
bool store_find(struct arena *arena, const struct store *store, const struct digest *digest, struct stored *ret);
