#pragma once
/*
 * Artifact upload: one file on its way into the registry.
 *
 *	artifact_upload_start → artifact_upload_add … → artifact_upload_end → artifact_upload_done
 *
 * Invariants: nothing is visible before artifact_upload_end() returned true; then the file is on the disk and its row
 * is committed. Whoever stops earlier, by artifact_upload_done() or by dying, leaves the old file or none. The file in
 * staging/ is locked (flock) as long as its maker lives, so that artifacts_recover() of another process lets it be.
 *
 * Everything here blocks. One thread at a time.
 */
#include "store/artifacts.h"

enum { ARTIFACT_NAME_SIZE = 17, ARTIFACT_MARKER_SIZE = DIGEST_HEX_SIZE + ARTIFACT_NAME_SIZE };

struct artifact_upload {
	struct registry *registry;
	struct sha256 hash;
	int64_t size;
	int fd; /* -1: over */
	char name[ARTIFACT_NAME_SIZE]; /* in staging/ */
};

bool artifact_upload_start(struct artifact_upload *upload, struct registry *registry, struct error *err);
bool artifact_upload_add(struct artifact_upload *upload, struct str bytes, struct error *err);
/* Makes `path` (artifact_path_read) name what was added, in place of what it named. ERR_INVALID_PARAMETER where a
 * part of the path is a file, or the path a folder. */
bool artifact_upload_end(struct artifact_upload *upload, struct str path, int64_t now_ms, struct error *err);
/* Throws away what was not ended. Harmless on a zeroed one whose start failed, and twice. */
void artifact_upload_done(struct artifact_upload *upload);

/* Private to registry/store: takes a marker away (artifact_upload.c), and before it the file that it points to where no
 * row names that. What cannot be done is left to the next start. */
void artifact_marker_clear(struct registry *registry, const char *name, bool has_row);
