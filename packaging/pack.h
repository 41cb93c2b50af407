#pragma once
/*
 * Pack: from a folder to a bundle archive. The same files give the same bytes, whatever their
 * times, owners, modes and order on the disk, and whatever umask, locale and time zone: names are
 * sorted, times are 1980-01-01 (the first that zip can spell), owner 0, mode 0644, compression
 * levels fixed. (Compressed bytes also depend on the version of zlib or libzstd; the digest does
 * not.)
 *
 * manifest.json is made anew and is the first entry. manifest.sig goes along where it signs exactly
 * this manifest, else it is left out with a notice. files.h says which files belong.
 */
#include "packaging/archive.h"

struct pack_result {
	struct digest digest;   /* of manifest.json: the bundle's */
	struct file_list files; /* on the arena */
	uint64_t archive_size;
};

/*
 * Writes the archive `target`: .tar.gz (.tgz), .tar.zst, .tar or .zip, told by the name (ERR_USAGE
 * otherwise, and where it lies inside the folder). It appears whole or not at all: written beside
 * the target, synced and renamed. Refuses what archive_extract would refuse under the same limits.
 */
bool pack_folder(struct arena *arena, const char *folder, const char *target,
	const struct files_walk *walk, struct pack_result *ret, struct error *err);

/* The manifest that packing the folder would write, without an archive: for validation and
 * comparison. */
bool pack_manifest(struct arena *arena, int dir_fd, const struct files_walk *walk,
	struct str *ret_manifest, struct file_list *ret_files, struct error *err);

/* "bundle" of "/a/bundle.tar.gz"; true where the name ends as one of the formats above. `ret_stem`
 * may be NULL. */
bool pack_is_archive_name(const char *path, struct str *ret_stem);
