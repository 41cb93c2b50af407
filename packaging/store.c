/*
 * extract into staging/X/files → find the root → manifest → { reuse what is there
 *                                                           | fsync → rename to bundles/DIGEST }
 */
#include "packaging/store.h"

#include "packaging/manifest.h"
#include "packaging/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct adding {
	struct arena *arena;
	const struct store *store;
	struct stage stage;
	struct file_list files;
	const char *root; /* below the stage: "files", or "files/top" */
	int root_fd;
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
};

/* --- opening --- */

static bool make_folders(struct arena *arena, const char *path, struct error *err)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	char *copy = arena_memdup(arena, path, len);
	if (len == 0)
		return error_set(err, ERR_USAGE, "the state folder has no name");

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return error_set_errno(err, ERR_INTERNAL, errno, "make folder '%s'", copy);
		*slash = '/';
	}
	if (mkdir(copy, 0700) != 0 && errno != EEXIST)
		return error_set_errno(err, ERR_INTERNAL, errno, "make folder '%s'", copy);
	return true;
}

static bool open_folder(
	const struct store *store, int state_fd, const char *name, int *ret_fd, struct error *err)
{
	if (mkdirat(state_fd, name, 0700) == 0 || errno == EEXIST)
		*ret_fd = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 ||
	       error_set_errno(err, ERR_INTERNAL, errno, "make folder '%s/%s'", store->path, name);
}

static void close_store(void *data)
{
	struct store *store = data;

	if (store->bundles_fd >= 0)
		close(store->bundles_fd);
	if (store->staging_fd >= 0)
		close(store->staging_fd);
}

bool store_open(struct arena *arena, const char *state_dir, struct store *ret, struct error *err)
{
	if (!make_folders(arena, state_dir, err))
		return false;
	const int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_fd < 0)
		return error_set_errno(
			err, ERR_INTERNAL, errno, "open state folder '%s'", state_dir);
	struct store *kept = arena_alloc(arena, sizeof(*kept));
	*kept = (struct store){
		.path = arena_strdup(arena, state_dir),
		.bundles_fd = -1,
		.staging_fd = -1,
		.is_durable = true,
	};
	arena_on_end(arena, close_store, kept);
	const bool ok = open_folder(kept, state_fd, "bundles", &kept->bundles_fd, err) &&
			open_folder(kept, state_fd, "staging", &kept->staging_fd, err);
	close(state_fd);
	if (!ok)
		return false;
	stage_sweep(kept->staging_fd);
	*ret = *kept;
	return true;
}

/* --- adding --- */

/* The one folder that everything lies in; NULL where there is a file at the top, or a second
 * folder. */
static const char *single_top(struct arena *arena, const struct file_list *files)
{
	const char *slash = strchr(files->items[0].path, '/');

	if (slash == NULL)
		return NULL;
	const size_t len = (size_t)(slash - files->items[0].path);
	for (size_t i = 1; i < files->count; i++)
		if (strncmp(files->items[i].path, files->items[0].path, len + 1) != 0)
			return NULL;
	return arena_memdup(arena, files->items[0].path, len);
}

/* The order stays: all lose the same beginning. */
static bool find_root(struct adding *adding, struct error *err)
{
	const char *top = single_top(adding->arena, &adding->files);

	adding->root = STAGE_FILES;
	if (top != NULL) {
		adding->root = arena_printf(adding->arena, "%s/%s", STAGE_FILES, top);
		for (size_t i = 0; i < adding->files.count; i++)
			adding->files.items[i].path += strlen(top) + 1;
	}
	adding->root_fd = openat(
		adding->stage.fd, adding->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (adding->root_fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", adding->root);
	return true;
}

static bool write_text(int dir_fd, const char *path, struct str text, struct error *err)
{
	const int fd = files_create(dir_fd, path);
	const bool ok = fd >= 0 && files_write_all(fd, text);

	if (!ok)
		error_set_errno(err, ERR_INTERNAL, errno, "write '%s'", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool compute_manifest(struct adding *adding, struct error *err)
{
	struct buf text;

	buf_init(&text);
	manifest_write(&text, &adding->files);
	adding->digest = digest_of(buf_str(&text));
	const bool ok = write_text(adding->root_fd, MANIFEST_NAME, buf_str(&text), err);
	buf_done(&text);
	return ok;
}

static bool check_manifest(struct adding *adding, struct error *err)
{
	struct file_list listed;
	struct str text;

	if (files_find(&adding->files, MANIFEST_NAME) == NULL)
		return compute_manifest(adding, err);
	if (!files_read(
		    adding->arena, adding->root_fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &text, err))
		return false;
	adding->digest = digest_of(text);
	return manifest_read(adding->arena, text, &listed, err) &&
	       manifest_check(&listed, &adding->files, err);
}

/* Sizes and types only: contents were checked before they came here, and nobody writes under
 * bundles/. */
static bool is_intact(struct arena *arena, int dir_fd, const struct digest *digest)
{
	struct file_list listed;
	struct error ignored;
	struct str text;

	if (!files_read(arena, dir_fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &text, &ignored))
		return false;
	const struct digest found = digest_of(text);
	if (!digest_eq(&found, digest) || !manifest_read(arena, text, &listed, &ignored))
		return false;
	for (size_t i = 0; i < listed.count; i++) {
		struct stat st;
		const int fd = files_open(dir_fd, listed.items[i].path);
		const bool ok = fd >= 0 && fstat(fd, &st) == 0 &&
				(uint64_t)st.st_size == listed.items[i].size;

		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	return true;
}

static bool is_present(const struct adding *adding)
{
	const int fd = openat(adding->store->bundles_fd, adding->hex,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	const bool ok = is_intact(adding->arena, fd, &adding->digest);
	close(fd);
	return ok;
}

/* Takes a damaged bundle out of the way, into the stage, which is removed in the end. */
static bool set_aside(const struct adding *adding, struct error *err)
{
	if (renameat(adding->store->bundles_fd, adding->hex, adding->stage.fd, "damaged") == 0 ||
		errno == ENOENT)
		return true;
	return error_set_errno(
		err, ERR_INTERNAL, errno, "set damaged bundle '%s' aside", adding->hex);
}

static bool rename_in(const struct adding *adding)
{
	return renameat(adding->stage.fd, adding->root, adding->store->bundles_fd, adding->hex) ==
	       0;
}

/* A rename fails where somebody else was faster with the same bundle, or where a damaged one
 * stands. */
static bool move_in(const struct adding *adding, bool *ret_present, struct error *err)
{
	const struct store *store = adding->store;

	fchmod(adding->root_fd, 0755);
	if (store->is_durable && !files_sync(adding->root_fd, err))
		return false;
	if (!rename_in(adding)) {
		*ret_present = is_present(adding);
		if (*ret_present)
			return true;
		if (!set_aside(adding, err))
			return false;
		if (!rename_in(adding))
			return error_set_errno(
				err, ERR_INTERNAL, errno, "move bundle '%s' in", adding->hex);
	}
	if (store->is_durable && fsync(store->bundles_fd) != 0)
		return error_set_errno(
			err, ERR_INTERNAL, errno, "write '%s/bundles' to the disk", store->path);
	return true;
}

/* The digest says nothing of who signed: a bundle that is there takes the signatures of the one that comes. */
static bool take_signatures(const struct adding *adding, struct error *err)
{
	const char *to = arena_printf(adding->arena, "%s/%s", adding->hex, SIGNATURE_NAME);

	if (renameat(adding->root_fd, SIGNATURE_NAME, adding->store->bundles_fd, to) == 0 || errno == ENOENT)
		return true;
	return error_set_errno(err, ERR_INTERNAL, errno, "take the signatures of bundle '%s'", adding->hex);
}

/* Extracted or written, and listed in adding->files: root → manifest → in. */
static bool add_listed(struct adding *adding, const char *what, bool *ret_present, struct error *err)
{
	if (!find_root(adding, err) || !check_manifest(adding, err))
		return error_wrap(err, "%s", what);
	digest_hex(&adding->digest, adding->hex);
	*ret_present = is_present(adding);
	if (!*ret_present && !move_in(adding, ret_present, err))
		return false;
	return !*ret_present || take_signatures(adding, err);
}

static bool finish(struct adding *adding, bool is_fine, bool was_present, struct stored *ret)
{
	if (adding->root_fd >= 0)
		close(adding->root_fd);
	stage_done(&adding->stage);
	if (is_fine)
		*ret = (struct stored){
			.dir = arena_printf(adding->arena, "%s/bundles/%s", adding->store->path, adding->hex),
			.digest = adding->digest,
			.was_present = was_present,
			.is_unfiltered = adding->files.is_unfiltered,
		};
	return is_fine;
}

bool store_add(struct arena *arena, const struct store *store, const char *archive_path,
	const struct archive_limits *limits, struct stored *ret, struct error *err)
{
	struct adding adding = {.arena = arena, .store = store, .root_fd = -1};
	bool was_present = false;

	if (!stage_init(&adding.stage, store->staging_fd, err))
		return false;
	const bool ok =
		archive_extract(arena, archive_path, adding.stage.files_fd, limits, &adding.files, err) &&
		add_listed(&adding, archive_path, &was_present, err);
	return finish(&adding, ok, was_present, ret);
}

/* A walk leaves the manifest out, because it describes the others. */
static void list_manifest(struct adding *adding)
{
	struct stat st;

	if (fstatat(adding->stage.files_fd, MANIFEST_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	files_add(adding->arena, &adding->files, (struct file){.path = MANIFEST_NAME, .size = (uint64_t)st.st_size});
	files_sort(&adding->files);
}

static bool list_written(struct adding *adding, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};

	if (!files_walk(adding->arena, adding->stage.files_fd, &walk, &adding->files, err))
		return false;
	if (adding->files.count == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "there are no files");
	list_manifest(adding);
	return true;
}

bool store_add_files(struct arena *arena, const struct store *store, store_fill *fill, void *data, struct stored *ret,
	struct error *err)
{
	struct adding adding = {.arena = arena, .store = store, .root_fd = -1};
	bool was_present = false;

	if (!stage_init(&adding.stage, store->staging_fd, err))
		return false;
	const bool ok = fill(data, adding.stage.files_fd, err) && list_written(&adding, err) &&
			add_listed(&adding, "the files", &was_present, err);
	return finish(&adding, ok, was_present, ret);
}

bool store_find(struct arena *arena, const struct store *store, const struct digest *digest, struct stored *ret)
{
	struct adding adding = {.arena = arena, .store = store, .digest = *digest};

	digest_hex(digest, adding.hex);
	if (!is_present(&adding))
		return false;
	*ret = (struct stored){
		.dir = arena_printf(arena, "%s/bundles/%s", store->path, adding.hex),
		.digest = *digest,
		.was_present = true,
	};
	return true;
}
