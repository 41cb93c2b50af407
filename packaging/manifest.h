#pragma once
/*
 * Manifest: what a bundle consists of. manifest.json is canonical JSON (sorted keys, no spaces, one
 * line)
 *     {"files":[{"path":"MLmodel","sha256":"…","size":312}, …],"version":1}
 * sorted by path, with every file of the bundle but manifest.json and manifest.sig. The SHA-256 of
 * its bytes is the bundle's digest, whatever archive carries it.
 *
 * Errors are ERR_INVALID_BUNDLE and name the file and both values.
 */
#include "packaging/files.h"

#define MANIFEST_NAME  "manifest.json"
#define SIGNATURE_NAME "manifest.sig"
enum { MANIFEST_VERSION = 1, MANIFEST_SIZE_MAX = 16 * 1024 * 1024 };

/* True for the two names that no manifest lists. */
bool manifest_is_own(const char *path);

/* Appends the manifest of the sorted list; the two files of its own are skipped. */
void manifest_write(struct buf *out, const struct file_list *files);

/* Reads one: version, names, digests, order and duplicates are checked. Strings point into `text`
 * or the arena. */
bool manifest_read(struct arena *arena, struct str text, struct file_list *ret, struct error *err);

/* Compares what the manifest lists with what is there, both sorted: nothing missing, nothing more,
 * same bytes. */
bool manifest_check(
	const struct file_list *listed, const struct file_list *found, struct error *err);
