#pragma once
/*
 * Logged files: what stands beside a bundle's own files where sluice logged it: the bundle itself, as its archive
 * (sluice/bundle.tar.gz, .tar.zst, .tar or .zip), and its manifest, whose SHA-256 is the digest.
 */
#include "packaging/files.h"

#define LOGGED_FOLDER   "sluice"
#define LOGGED_MANIFEST "bundle.manifest.json"
#define DIGEST_TAG      "sluice.digest" /* of runs, logged models and versions */

/* The archive among the files of a model, "sluice/bundle.tar.zst"; NULL where others logged it. */
const struct file *logged_archive(const struct file_list *files);
