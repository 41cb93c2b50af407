/*
 * Files in blobs/ that no row names any more, and what interrupted uploads left in staging/.
 *
 * A file is removed inside of a write transaction: while it is open nobody can make a row, so a file that none names
 * stays unnamed until it is gone.
 */
#include "store/artifact_upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { SWEEP_AT_ONCE = 256 };

static bool drop_file(struct registry *registry, struct db *db, struct str hex, struct error *err)
{
	char blob[ARTIFACT_BLOB_SIZE];
	struct digest digest;
	const int found = db_find(db, err, NULL, "SELECT 1 FROM artifacts WHERE digest = ? LIMIT 1", "s", hex);

	if (found != 0)
		return found > 0;
	if (!digest_parse(hex, &digest) || unlinkat(registry->blobs_fd, artifact_blob_name(&digest, blob), 0) == 0 ||
		errno == ENOENT)
		return true;
	return error_set_errno(err, ERR_INTERNAL, errno, "remove artifact file '%.*s'", STR_ARGS(hex));
}

/* Names first: one statement of a text runs at a time. */
static bool sweep_some(struct registry *registry, struct db *db, bool *ret_more, struct error *err)
{
	struct str digests[SWEEP_AT_ONCE];
	size_t count = 0;
	struct arena arena;
	struct db_rows rows;

	arena_init(&arena);
	bool is_fine = db_start(&rows, db, err, "SELECT digest FROM orphans LIMIT ?", "i", (int64_t)SWEEP_AT_ONCE);
	while (is_fine && count < SWEEP_AT_ONCE && db_next(&rows))
		digests[count++] = db_text(&rows, 0, &arena);
	is_fine = is_fine && db_end(&rows);
	for (size_t i = 0; is_fine && i < count; i++)
		is_fine = drop_file(registry, db, digests[i], err) &&
			  db_run(db, err, "DELETE FROM orphans WHERE digest = ?", "s", digests[i]);
	arena_done(&arena);
	*ret_more = count == SWEEP_AT_ONCE;
	return is_fine;
}

static int has_orphans(struct registry *registry, struct error *err)
{
	struct db *db = db_begin(registry->db, DB_READ, err);

	if (db == NULL)
		return -1;
	const int found = db_find(db, err, NULL, "SELECT 1 FROM orphans LIMIT 1", "");
	db_rollback(db);
	return found;
}

static bool sweep_once(struct registry *registry, bool *ret_more, struct error *err)
{
	struct db *db = db_begin(registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	if (sweep_some(registry, db, ret_more, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

bool artifacts_sweep(struct registry *registry, struct error *err)
{
	const int found = has_orphans(registry, err);
	bool is_more = found > 0;

	while (is_more)
		if (!sweep_once(registry, &is_more, err))
			return false;
	return found >= 0;
}

/* ---- what uploads left ---- */

static bool drop_unnamed(struct registry *registry, struct str hex)
{
	struct error ignored;
	struct db *db = db_begin(registry->db, DB_WRITE, &ignored);

	if (db == NULL)
		return false;
	const bool is_done = drop_file(registry, db, hex, &ignored);
	db_rollback(db);
	return is_done;
}

void artifact_marker_clear(struct registry *registry, const char *name, bool has_row)
{
	struct str rest = str_of(name), hex;

	/* Not a marker: an upload that was never whole. */
	const bool is_marker = str_cut(&rest, '.', &hex);
	if (!is_marker || has_row || drop_unnamed(registry, hex))
		unlinkat(registry->staging_fd, name, 0);
}

/* Its maker's lock ended with the process, however that ended. */
static void recover_one(struct registry *registry, const char *name)
{
	const int fd = openat(registry->staging_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		artifact_marker_clear(registry, name, false);
	close(fd);
}

bool artifacts_recover(struct registry *registry, struct error *err)
{
	const int fd = openat(registry->staging_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return error_set_errno(err, ERR_INTERNAL, errno, "look into the registry's staging folder");
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			recover_one(registry, entry->d_name);
	closedir(dir);
	return artifacts_sweep(registry, err);
}
