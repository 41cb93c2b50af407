/*
 * The tree of artifacts in its table, and the files behind it.
 *
 * Folders are ranges of paths: what is below "a" stands between "a/" and "a0", as '0' is the byte after '/'.
 */
#include "store/artifacts.h"

#include "packaging/files.h"

#include <errno.h>
#include <stdlib.h>

struct range {
	struct str from, to;
};

/* The paths below a folder. No byte of UTF-8 is as high as the end of the root's. */
static struct range range_below(struct arena *arena, struct str folder)
{
	if (folder.len == 0)
		return (struct range){STR(""), STR("\xFF")};
	const char *from = arena_printf(arena, "%.*s/", STR_ARGS(folder));
	const char *to = arena_printf(arena, "%.*s0", STR_ARGS(folder));
	return (struct range){str_of(from), str_of(to)};
}

int artifacts_find(struct db *db, struct arena *arena, struct str path, struct artifact *ret, struct error *err)
{
	struct db_rows rows;
	struct artifact found = {.path = path};

	if (!db_start(&rows, db, err, "SELECT digest, size, modified_ms FROM artifacts WHERE path = ?", "s", path))
		return -1;
	const bool is_there = db_next(&rows);
	bool is_sound = true;
	if (is_there) {
		is_sound = digest_parse(db_text(&rows, 0, arena), &found.digest);
		found.size = db_integer(&rows, 1);
		found.modified_ms = db_integer(&rows, 2);
	}
	if (!db_end(&rows))
		return -1;
	if (!is_sound) {
		error_set(err, ERR_INTERNAL, "artifact '%.*s' has a malformed digest", STR_ARGS(path));
		return -1;
	}
	if (is_there)
		*ret = found;
	return is_there;
}

int artifacts_is_folder(struct db *db, struct str path, struct error *err)
{
	struct arena arena;

	if (path.len == 0)
		return 1;
	arena_init(&arena);
	const struct range range = range_below(&arena, path);
	const int found = db_find(
		db, err, NULL, "SELECT 1 FROM artifacts WHERE path >= ? AND path < ? LIMIT 1", "ss", range.from, range.to);
	arena_done(&arena);
	return found;
}

/* ---- list ---- */

struct listing {
	struct db *db;
	struct arena *arena;
	struct artifact_list list;
	size_t cap;
	struct range range; /* what was not looked at yet */
	size_t prefix;      /* bytes of the folder and its slash */
};

static void list_add(struct listing *listing, struct artifact_entry entry)
{
	struct artifact_list *list = &listing->list;

	if (list->count == listing->cap) {
		listing->cap = listing->cap == 0 ? 16 : 2 * listing->cap;
		struct artifact_entry *items = arena_array(listing->arena, listing->cap, sizeof(*items));
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
	}
	list->items[list->count++] = entry;
}

/* False where it was a folder: then the rest of it is skipped, however much it is. */
static bool list_take(struct listing *listing, struct str path, int64_t size)
{
	struct str rest = {path.data + listing->prefix, path.len - listing->prefix}, name;
	const bool is_dir = str_cut(&rest, '/', &name);

	list_add(listing, (struct artifact_entry){.name = name, .is_dir = is_dir, .size = is_dir ? 0 : size});
	if (is_dir) {
		const struct str folder = {path.data, listing->prefix + name.len};
		listing->range.from = range_below(listing->arena, folder).to;
	}
	return !is_dir;
}

/* Files up to the next folder; *ret_more where there was one. */
static bool list_some(struct listing *listing, bool *ret_more, struct error *err)
{
	struct db_rows rows;

	*ret_more = false;
	if (!db_start(&rows, listing->db, err,
		    "SELECT path, size FROM artifacts WHERE path >= ? AND path < ? ORDER BY path", "ss", listing->range.from,
		    listing->range.to))
		return false;
	while (!*ret_more && db_next(&rows))
		*ret_more = !list_take(listing, db_text(&rows, 0, listing->arena), db_integer(&rows, 1));
	return db_end(&rows);
}

static int by_name(const void *a, const void *b)
{
	const struct str x = ((const struct artifact_entry *)a)->name, y = ((const struct artifact_entry *)b)->name;
	const int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

	if (order != 0)
		return order;
	return x.len < y.len ? -1 : x.len > y.len;
}

bool artifacts_list(
	struct db *db, struct arena *arena, struct str folder, struct artifact_list *ret, struct error *err)
{
	struct listing listing = {
		.db = db,
		.arena = arena,
		.range = range_below(arena, folder),
		.prefix = folder.len > 0 ? folder.len + 1 : 0,
	};
	bool is_more = true;

	while (is_more)
		if (!list_some(&listing, &is_more, err))
			return false;
	/* "a.b" stands before "a/…" in the table, but after "a" in the folder. */
	if (listing.list.count > 1)
		qsort(listing.list.items, listing.list.count, sizeof(*listing.list.items), by_name);
	*ret = listing.list;
	return true;
}

bool artifacts_below(struct db *db, struct arena *arena, struct str folder, struct file_list *ret, struct error *err)
{
	const struct range range = range_below(arena, folder);
	const size_t prefix = folder.len > 0 ? folder.len + 1 : 0;
	struct db_rows rows;
	bool is_sound = true;

	*ret = (struct file_list){0};
	if (!db_start(&rows, db, err, "SELECT path, size, digest FROM artifacts WHERE path >= ? AND path < ? ORDER BY path",
		    "ss", range.from, range.to))
		return false;
	while (is_sound && db_next(&rows)) {
		const struct str path = db_text(&rows, 0, arena);
		struct file file = {.path = path.data + prefix, .size = (uint64_t)db_integer(&rows, 1)};

		is_sound = digest_parse(db_text(&rows, 2, arena), &file.sha256);
		files_add(arena, ret, file);
	}
	if (!db_end(&rows))
		return false;
	return is_sound || error_set(err, ERR_INTERNAL, "an artifact below '%.*s' has a malformed digest", STR_ARGS(folder));
}

/* ---- put and delete ---- */

/* No part of the way to it may be a file, and it may not be a folder. */
static bool check_conflicts(struct db *db, struct str path, struct error *err)
{
	for (size_t i = 1; i < path.len; i++) {
		const struct str folder = {path.data, i};
		if (path.data[i] != '/')
			continue;
		const int found = db_find(db, err, NULL, "SELECT 1 FROM artifacts WHERE path = ? LIMIT 1", "s", folder);
		if (found > 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"Invalid path: '%.*s' cannot be stored, because '%.*s' is a file", STR_ARGS(path),
				STR_ARGS(folder));
		if (found < 0)
			return false;
	}
	const int found = artifacts_is_folder(db, path, err);
	if (found > 0)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid path: '%.*s' cannot be stored as a file, because it is a directory", STR_ARGS(path));
	return found == 0;
}

bool artifacts_put(struct db *db, const struct artifact *artifact, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];
	const struct str digest = str_of(digest_hex(&artifact->digest, hex));

	return check_conflicts(db, artifact->path, err) &&
	       db_run(db, err,
		       "INSERT OR IGNORE INTO orphans (digest)"
		       " SELECT digest FROM artifacts WHERE path = ? AND digest <> ?",
		       "ss", artifact->path, digest) &&
	       db_run(db, err,
		       "INSERT INTO artifacts (path, digest, size, modified_ms) VALUES (?, ?, ?, ?)"
		       " ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size = excluded.size,"
		       " modified_ms = excluded.modified_ms",
		       "ssii", artifact->path, digest, artifact->size, artifact->modified_ms);
}

bool artifacts_delete(struct db *db, struct str path, struct error *err)
{
	struct arena arena;

	arena_init(&arena);
	const struct range range = range_below(&arena, path);
	const bool is_done =
		db_run(db, err,
			"INSERT OR IGNORE INTO orphans (digest) SELECT DISTINCT digest FROM artifacts"
			" WHERE path = ? OR (path >= ? AND path < ?)",
			"sss", path, range.from, range.to) &&
		db_run(db, err, "DELETE FROM artifacts WHERE path = ?", "s", path) &&
		db_run(db, err, "DELETE FROM artifacts WHERE path >= ? AND path < ?", "ss", range.from, range.to);
	arena_done(&arena);
	return is_done;
}

bool artifacts_remove(struct registry *registry, struct str path, struct error *err)
{
	struct error ignored;
	struct db *db = db_begin(registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	if (!artifacts_delete(db, path, err)) {
		db_rollback(db);
		return false;
	}
	if (!db_commit(db, err))
		return false;
	artifacts_sweep(registry, &ignored);
	return true;
}

/* ---- files ---- */

const char *artifact_blob_name(const struct digest *digest, char ret[static ARTIFACT_BLOB_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(digest, hex);
	memcpy(ret, hex, 2);
	ret[2] = '/';
	memcpy(ret + 3, hex, sizeof(hex));
	return ret;
}

static int not_there(struct db *db, struct str path, struct error *err)
{
	const int is_folder = artifacts_is_folder(db, path, err);

	if (is_folder > 0)
		error_set(err, ERR_INVALID_PARAMETER, "Artifact path refers to a directory, not a file: '%.*s'",
			STR_ARGS(path));
	else if (is_folder == 0)
		error_set(err, ERR_NOT_FOUND, "No such artifact: '%.*s'", STR_ARGS(path));
	return -1;
}

/* 1: open; 0: it has a row, but its file is gone; -1 */
static int try_open(struct registry *registry, enum db_mode mode, struct arena *arena, struct str path,
	struct artifact *ret, int *ret_fd, struct error *err)
{
	char blob[ARTIFACT_BLOB_SIZE];
	struct db *db = db_begin(registry->db, mode, err);
	int found;

	if (db == NULL)
		return -1;
	found = artifacts_find(db, arena, path, ret, err);
	if (found == 0)
		found = not_there(db, path, err);
	if (found > 0)
		*ret_fd = files_open(registry->blobs_fd, artifact_blob_name(&ret->digest, blob));
	const int failed = errno;
	db_rollback(db);
	if (found < 0 || *ret_fd >= 0)
		return found;
	error_set_errno(err, ERR_INTERNAL, failed, "open artifact '%.*s'", STR_ARGS(path));
	return failed == ENOENT ? 0 : -1;
}

/* What a reader sees may be a moment old: its row and file were taken away meanwhile. Then it looks again, and at last
 * while nobody can take anything away. */
bool artifacts_open(
	struct registry *registry, struct arena *arena, struct str path, struct artifact *ret, int *ret_fd, struct error *err)
{
	static const enum db_mode LOOKS[] = {DB_READ, DB_READ, DB_WRITE};
	struct error failed;
	int found = 0;

	*ret_fd = -1;
	for (size_t i = 0; i < sizeof(LOOKS) / sizeof(*LOOKS) && found == 0; i++)
		found = try_open(registry, LOOKS[i], arena, path, ret, ret_fd, &failed);
	if (found <= 0)
		*err = failed;
	return found > 0;
}
