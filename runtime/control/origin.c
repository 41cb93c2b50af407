/*
 * version → its artifacts → { what sluice logged: manifest's digest → in the store already, or from its archive
 *                           | what others logged: the files themselves → the same }
 */
#include "control/origin.h"

#include "control/origin_remote.h"

#include "packaging/logged_files.h"
#include "packaging/manifest.h"
#include "packaging/names.h"
#include "store/artifact_source.h"
#include "store/artifacts.h"

#include <errno.h>
#include <unistd.h>

#define MANIFEST_PATH LOGGED_FOLDER "/" LOGGED_MANIFEST

struct fetching {
	struct origin *origin;
	struct arena *arena;
	struct str folder;      /* of the version's artifacts */
	struct file_list files; /* below it */
	bool anew;
	struct fetched_bundle *ret;
};

bool origin_alias(struct origin *origin, struct arena *arena, struct str model, struct str alias, struct str *ret,
	struct error *err)
{
	int64_t version = 0;

	if (origin->target != NULL)
		return origin_remote_alias(origin, arena, model, alias, ret, err);
	struct db *db = db_begin(origin->registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const int found = db_find(db, err, &version,
		"SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", "ss", model, alias);
	db_rollback(db);
	if (found > 0)
		*ret = str_of(arena_printf(arena, "%lld", (long long)version));
	if (found == 0)
		error_set(err, ERR_NOT_FOUND, "registered model '%.*s' has no alias '%.*s'", STR_ARGS(model),
			STR_ARGS(alias));
	return found > 0;
}

static bool find_files(struct fetching *fetching, struct str model, struct str version, struct error *err)
{
	struct db *db = db_begin(fetching->origin->registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const bool is_fine =
		artifact_source_of_version(db, fetching->arena, model, version, STR(""), &fetching->folder, err) &&
		artifacts_below(db, fetching->arena, fetching->folder, &fetching->files, err);
	db_rollback(db);
	if (is_fine && fetching->files.count == 0)
		return error_set(err, ERR_NOT_FOUND, "version %.*s of '%.*s' has no files", STR_ARGS(version),
			STR_ARGS(model));
	return is_fine;
}

static bool take(struct fetching *fetching, const struct stored *stored, bool has_manifest)
{
	*fetching->ret = (struct fetched_bundle){
		.dir = stored->dir, .was_present = stored->was_present, .has_manifest = has_manifest};
	digest_hex(&stored->digest, fetching->ret->digest);
	return true;
}

static const char *blob_path(struct fetching *fetching, const struct file *file)
{
	char blob[ARTIFACT_BLOB_SIZE];

	return arena_printf(fetching->arena, "%s/blobs/%s", fetching->origin->registry->dir,
		artifact_blob_name(&file->sha256, blob));
}

/* ---- what sluice logged ---- */

static bool fetch_archive(
	struct fetching *fetching, const struct file *manifest, const struct file *archive, struct error *err)
{
	const struct store *store = fetching->origin->store;
	struct stored stored;
	char hex[DIGEST_HEX_SIZE];

	if (!fetching->anew && store_find(fetching->arena, store, &manifest->sha256, &stored))
		return take(fetching, &stored, true);
	if (!store_add(fetching->arena, store, blob_path(fetching, archive), &archive_limits_default, &stored, err))
		return false;
	if (!digest_eq(&stored.digest, &manifest->sha256))
		return error_set(err, ERR_INVALID_BUNDLE,
			"%s is not the bundle that " MANIFEST_PATH " describes, whose digest is %s", archive->path,
			digest_hex(&manifest->sha256, hex));
	return take(fetching, &stored, true);
}

/* ---- what others logged ---- */

static bool belongs(const char *path)
{
	struct str rest = str_of(path), part;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&rest, '/', &part);
		char name[NAME_PART_MAX + 1] = "";
		if (part.len < sizeof(name))
			memcpy(name, part.data, part.len);
		if (name[0] == '\0' || files_leave_out(name) != NULL)
			return false;
	}
	return true;
}

static bool copy_file(struct fetching *fetching, const struct file *file, int dir_fd, struct error *err)
{
	char blob[ARTIFACT_BLOB_SIZE], bytes[64 << 10];
	const int from = files_open(fetching->origin->registry->blobs_fd, artifact_blob_name(&file->sha256, blob));
	const int to = from >= 0 ? files_create(dir_fd, file->path) : -1;
	bool is_fine = to >= 0;
	size_t len = 1;

	while (is_fine && len > 0)
		is_fine = files_read_all(from, bytes, sizeof(bytes), &len) &&
			  files_write_all(to, (struct str){bytes, len});
	if (!is_fine)
		error_set_errno(err, ERR_INTERNAL, errno, "copy '%s'", file->path);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return is_fine;
}

static bool fill(void *data, int dir_fd, struct error *err)
{
	struct fetching *fetching = data;

	for (size_t i = 0; i < fetching->files.count; i++) {
		const struct file *file = &fetching->files.items[i];
		struct error why;

		if (!belongs(file->path))
			continue;
		if (!name_check(str_of(file->path), &why)) {
			*err = why;
			return error_wrap(err, "file '%s'", file->path);
		}
		if (!copy_file(fetching, file, dir_fd, err))
			return false;
	}
	return true;
}

/* The digest that the files will have in the store, so that a bundle that is there is not copied. */
static bool find_digest(struct fetching *fetching, struct digest *ret)
{
	const struct file *manifest = files_find(&fetching->files, MANIFEST_NAME);
	struct file_list belonging = {0};
	struct buf text = {0};

	if (manifest != NULL) {
		*ret = manifest->sha256;
		return true;
	}
	for (size_t i = 0; i < fetching->files.count; i++)
		if (belongs(fetching->files.items[i].path))
			files_add(fetching->arena, &belonging, fetching->files.items[i]);
	manifest_write(&text, &belonging);
	*ret = digest_of(buf_str(&text));
	buf_done(&text);
	return false;
}

static bool fetch_files(struct fetching *fetching, struct error *err)
{
	struct stored stored;
	struct digest digest;

	files_sort(&fetching->files);
	const bool has_manifest = find_digest(fetching, &digest);
	if ((fetching->anew || !store_find(fetching->arena, fetching->origin->store, &digest, &stored)) &&
		!store_add_files(fetching->arena, fetching->origin->store, fill, fetching, &stored, err))
		return false;
	return take(fetching, &stored, has_manifest);
}

bool origin_fetch(struct origin *origin, struct arena *arena, struct str model, struct str version, bool anew,
	struct fetched_bundle *ret, struct error *err)
{
	struct fetching fetching = {.origin = origin, .arena = arena, .anew = anew, .ret = ret};

	if (origin->target != NULL)
		return origin_remote_fetch(origin, arena, model, version, anew, ret, err);
	if (!find_files(&fetching, model, version, err))
		return false;
	const struct file *manifest = files_find(&fetching.files, MANIFEST_PATH);
	const struct file *archive = logged_archive(&fetching.files);
	return manifest != NULL && archive != NULL ? fetch_archive(&fetching, manifest, archive, err)
						    : fetch_files(&fetching, err);
}
