#pragma once
/*
 * Package: what a command line names as a bundle, a folder or an archive, made a folder that can be
 * read.
 *
 * A folder is used in place. Where it has a manifest.json it must fit its files (packing a changed
 * folder or removing the manifest makes it fit), and gives the digest; without one package_digest()
 * works it out. An archive goes through the store (store.h): always verified, always with a digest.
 */
#include "packaging/archive.h"

struct package {
	const char *dir;    /* without trailing slash */
	const char *name;   /* "slides" of "slides/" or "slides.tar.gz" */
	const char *digest; /* 64 hex digits; "" of a folder without manifest */
	bool is_archive;
	bool is_unfiltered; /* as struct stored's */
};

/*
 * Opens it. `state_dir` is where archives are unpacked and kept; NULL unpacks into a folder below
 * TMPDIR or /tmp that goes when the arena ends. Strings live on the arena. `limits` may be NULL for
 * the defaults.
 */
bool package_open(struct arena *arena, const char *path, const char *state_dir,
	const struct archive_limits *limits, struct package *ret, struct error *err);
/* What `sluice pack` would name it where it has no digest, so that a folder and its archive show
 * the same one. Reads every file of such a folder, which must be one that can be packed: "" on
 * failure. */
bool package_digest(
	struct arena *arena, const struct package *package, const char **ret, struct error *err);
/* `path` is no folder and failed as an archive: where it is a file inside of a bundle's folder, the
 * error says that instead. Returns false. */
bool package_fail_file(struct arena *arena, const char *path, struct error *err);
