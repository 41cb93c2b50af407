/*
 * start → add … → end: fsync → transaction { marker, row, file into blobs/ } → marker away
 *
 * The marker is a second name of the file in staging/, "ab12….0123456789abcdef", its digest in front. A process that
 * dies between moving the file and the commit leaves it, and artifacts_recover() then knows which file in blobs/ may
 * have no row, without looking at all of them.
 */
#include "store/artifact_upload.h"

#include "packaging/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ATTEMPTS_MAX = 100,
	/* So much is on its way to the disk before the next piece is taken: the fsync at the end then waits for little. */
	WRITE_BEHIND = 8 << 20,
};

/* Between making and locking, a recovery may take the file for a left one: then it is tried again. */
static bool try_make(struct artifact_upload *upload, bool *ret_again)
{
	const int staging_fd = upload->registry->staging_fd;
	uint64_t random;
	struct stat st;

	*ret_again = false;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(upload->name, sizeof(upload->name), "%016llx", (unsigned long long)random);
	upload->fd = openat(staging_fd, upload->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (upload->fd < 0) {
		*ret_again = errno == EEXIST;
		return false;
	}
	if (flock(upload->fd, LOCK_EX | LOCK_NB) == 0 && fstat(upload->fd, &st) == 0 && st.st_nlink > 0)
		return true;
	close(upload->fd);
	upload->fd = -1;
	*ret_again = true;
	return false;
}

bool artifact_upload_start(struct artifact_upload *upload, struct registry *registry, struct error *err)
{
	bool is_made = false, again = true;

	*upload = (struct artifact_upload){.registry = registry, .fd = -1};
	for (int i = 0; i < ATTEMPTS_MAX && again && !is_made; i++)
		is_made = try_make(upload, &again);
	if (!is_made)
		return error_set_errno(err, ERR_INTERNAL, errno, "make a file in staging");
	sha256_init(&upload->hash);
	return true;
}

bool artifact_upload_add(struct artifact_upload *upload, struct str bytes, struct error *err)
{
	const int64_t before = upload->size / WRITE_BEHIND;

	if (!files_write_all(upload->fd, bytes))
		return error_set_errno(err, ERR_INTERNAL, errno, "write the upload");
	sha256_add(&upload->hash, bytes.data, bytes.len);
	upload->size += (int64_t)bytes.len;
	if (upload->size / WRITE_BEHIND > before)
		sync_file_range(upload->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return true;
}

/* blobs/ab; -1 with errno. */
static int open_shelf(const struct registry *registry, const char *blob)
{
	const char name[3] = {blob[0], blob[1], '\0'};

	if (mkdirat(registry->blobs_fd, name, 0700) == 0)
		fsync(registry->blobs_fd);
	else if (errno != EEXIST)
		return -1;
	return openat(registry->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Over what is there: a file that is about to be swept, or that is damaged, is no file to rely on. */
static bool move_in(struct artifact_upload *upload, const char *blob, const char *marker)
{
	const int staging_fd = upload->registry->staging_fd;
	const int shelf_fd = open_shelf(upload->registry, blob);

	if (shelf_fd < 0)
		return false;
	const bool is_moved = renameat(staging_fd, upload->name, staging_fd, marker) == 0 &&
			      linkat(staging_fd, marker, staging_fd, upload->name, 0) == 0 &&
			      renameat(staging_fd, upload->name, shelf_fd, blob + 3) == 0 && fsync(shelf_fd) == 0;
	const int failed = errno;
	close(shelf_fd);
	errno = failed;
	return is_moved;
}

/* *ret_unsure: the commit failed, and only the next start of the database tells whether its row is there. */
static bool commit(struct artifact_upload *upload, const struct artifact *artifact, const char *marker,
	bool *ret_unsure, struct error *err)
{
	char blob[ARTIFACT_BLOB_SIZE];
	struct db *db = db_begin(upload->registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	bool is_done = artifacts_put(db, artifact, err);
	if (is_done && !move_in(upload, artifact_blob_name(&artifact->digest, blob), marker))
		is_done = error_set_errno(err, ERR_INTERNAL, errno, "move the upload in");
	if (!is_done) {
		db_rollback(db);
		return false;
	}
	is_done = db_commit(db, err);
	*ret_unsure = !is_done;
	return is_done;
}

bool artifact_upload_end(struct artifact_upload *upload, struct str path, int64_t now_ms, struct error *err)
{
	const struct artifact artifact = {
		.path = path,
		.digest = sha256_end(&upload->hash),
		.size = upload->size,
		.modified_ms = now_ms,
	};
	char marker[ARTIFACT_MARKER_SIZE], hex[DIGEST_HEX_SIZE];
	struct error ignored;
	bool is_unsure = false;

	if (fsync(upload->fd) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "write the upload to the disk");
	snprintf(marker, sizeof(marker), "%s.%s", digest_hex(&artifact.digest, hex), upload->name);
	const bool is_done = commit(upload, &artifact, marker, &is_unsure, err);
	/* Else the marker stays for artifacts_recover(): a journal that could not be synced may hold the row all the same. */
	if (!is_unsure)
		artifact_marker_clear(upload->registry, marker, is_done);
	artifact_upload_done(upload);
	if (is_done)
		artifacts_sweep(upload->registry, &ignored);
	return is_done;
}

void artifact_upload_done(struct artifact_upload *upload)
{
	if (upload->registry == NULL || upload->fd < 0)
		return;
	unlinkat(upload->registry->staging_fd, upload->name, 0);
	close(upload->fd);
	upload->fd = -1;
}
