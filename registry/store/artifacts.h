#pragma once
/*
 * Artifacts: files by their path below mlflow-artifacts:/, their bytes kept once by SHA-256.
 *
 *	table artifacts    path → digest, size; folders are implied by the paths below them
 *	blobs/ab/ab12…     the bytes; never changed, only replaced by the same
 *	table orphans      digests that lost a path: what artifacts_sweep() looks at
 *	staging/…          uploads on their way (artifact_upload.h)
 *
 * Invariants: a row never names a missing file, because a file comes before its row (in the same write transaction) and
 * goes after the commit that took its last row (in another one). What an upload wrote is not seen before its row is. No
 * path is a file and a folder: the second to come is refused. A download that has begun ends as it began, whatever is
 * deleted meanwhile.
 *
 * Everything here blocks. Errors: ERR_INVALID_PARAMETER for paths and conflicts, ERR_NOT_FOUND, and those of db.h.
 */
#include "base/hash.h"
#include "packaging/files.h"
#include "store/registry.h"

enum {
	ARTIFACT_PATH_MAX = 4096,
	ARTIFACT_NAME_MAX = 255, /* of one part: clients store them as files */
};

/*
 * Paths as clients send them. artifact_path_check is MLflow's validate_path_is_safe: decoded until nothing is left to
 * decode, control characters escaped, and refused ("Invalid path") where '#', a part ".." or an absolute path comes
 * out, or what is not UTF-8. artifact_path_normalise makes the one spelling of the table of it: no empty parts and no
 * ".", no slash at the ends, the root is empty; it refuses what is too long for a file. artifact_path_read does both.
 */
bool artifact_path_check(struct arena *arena, struct str text, struct str *ret, struct error *err);
bool artifact_path_normalise(struct arena *arena, struct str path, struct str *ret, struct error *err);
bool artifact_path_read(struct arena *arena, struct str text, struct str *ret, struct error *err);
/* mlflow-artifacts:/2/x → 2/x, with `below` (already read) behind it. ERR_INVALID_PARAMETER where the URI is another
 * store's. */
bool artifact_path_of_uri(struct arena *arena, struct str uri, struct str below, struct str *ret, struct error *err);

struct artifact {
	struct str path;
	struct digest digest;
	int64_t size, modified_ms;
};

/* ---- inside of the caller's transaction; paths as artifact_path_read gives them ---- */

/* 1: it is a file; 0: it is none (but may be a folder); -1: failed. */
int artifacts_find(struct db *db, struct arena *arena, struct str path, struct artifact *ret, struct error *err);
/* 1 where anything is below it (the root always is a folder), 0, -1. */
int artifacts_is_folder(struct db *db, struct str path, struct error *err);

struct artifact_entry {
	struct str name; /* one part of a path */
	bool is_dir;
	int64_t size; /* of a file */
};
struct artifact_list {
	struct artifact_entry *items;
	size_t count;
};
/* What is in the folder, one level, sorted by name. A folder that is not there, and a file, have nothing in it. */
bool artifacts_list(
	struct db *db, struct arena *arena, struct str folder, struct artifact_list *ret, struct error *err);

/* Every file below the folder, whatever its depth: their paths in it, sizes and digests, sorted. */
bool artifacts_below(struct db *db, struct arena *arena, struct str folder, struct file_list *ret, struct error *err);

/* Makes `path` name these bytes; their file must be in blobs/ (artifact_upload.h sees to that). */
bool artifacts_put(struct db *db, const struct artifact *artifact, struct error *err);
/* A file, or a folder with all below it; the root is all there is. Nothing there: nothing done. Call artifacts_sweep()
 * after the commit. */
bool artifacts_delete(struct db *db, struct str path, struct error *err);

/* ---- with transactions of their own ---- */

/* Opens the file's bytes. ERR_NOT_FOUND "No such artifact: '…'"; ERR_INVALID_PARAMETER for a folder. */
bool artifacts_open(
	struct registry *registry, struct arena *arena, struct str path, struct artifact *ret, int *ret_fd, struct error *err);
/* Deletes and sweeps. */
bool artifacts_remove(struct registry *registry, struct str path, struct error *err);
/* Removes the files in blobs/ that no row names any more. What fails is left to the next sweep. */
bool artifacts_sweep(struct registry *registry, struct error *err);
/* At the start: removes what uploads left whose process is gone, and sweeps. */
bool artifacts_recover(struct registry *registry, struct error *err);

/* "ab/ab12…", below blobs/. */
enum { ARTIFACT_BLOB_SIZE = DIGEST_HEX_SIZE + 3 };
const char *artifact_blob_name(const struct digest *digest, char ret[static ARTIFACT_BLOB_SIZE]);
