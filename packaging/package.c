#include "packaging/package.h"

#include "packaging/manifest.h"
#include "packaging/pack.h"
#include "packaging/store.h"
#include "packaging/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *without_slashes(struct arena *arena, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return arena_memdup(arena, path, len);
}

/* "." and ".." have a name of their own somewhere. */
static const char *name_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
	struct str stem;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		char *real = realpath(path, NULL);
		if (real != NULL)
			name = arena_strdup(arena, strrchr(real, '/') + 1);
		free(real);
	}
	if (pack_is_archive_name(name, &stem))
		return arena_memdup(arena, stem.data, stem.len);
	return arena_strdup(arena, name);
}

static const char *digest_text(struct arena *arena, const struct digest *digest)
{
	return digest_hex(digest, arena_alloc(arena, DIGEST_HEX_SIZE));
}

static bool check_folder(struct arena *arena, int fd, const struct archive_limits *limits,
	const char **ret_digest, struct error *err)
{
	const struct files_walk walk = {.limits = limits};
	struct file_list listed, found;
	struct str text;

	if (faccessat(fd, MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
		*ret_digest = "";
		return true;
	}
	if (!files_read(arena, fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &text, err) ||
		!manifest_read(arena, text, &listed, err) ||
		!files_walk(arena, fd, &walk, &found, err) || !manifest_check(&listed, &found, err))
		return false;
	const struct digest digest = digest_of(text);
	*ret_digest = digest_text(arena, &digest);
	return true;
}

static bool open_folder(struct arena *arena, const struct archive_limits *limits,
	struct package *package, struct error *err)
{
	const int fd = open(package->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", package->dir);
	const bool ok = check_folder(arena, fd, limits, &package->digest, err);
	close(fd);
	return ok || error_wrap(err, "%s", package->dir);
}

/* A folder that this user may not write is not the machine's failure. */
static bool fail_state(const char *state_dir, struct error *err)
{
	if (access(state_dir, W_OK | X_OK) != 0)
		err->code = ERR_USAGE;
	return error_wrap(err,
		"keep the archive in '%s' (choose another folder with --state or SLUICE_STATE)",
		state_dir);
}

static bool open_archive(struct arena *arena, const char *path, const char *state_dir,
	const struct archive_limits *limits, struct package *package, struct error *err)
{
	const bool is_temporary = state_dir == NULL;
	struct stored stored;
	struct store store;

	if (is_temporary && !temporary_folder(arena, &state_dir, NULL, err))
		return false;
	if (!store_open(arena, state_dir, &store, err))
		return is_temporary ? false : fail_state(state_dir, err);
	store.is_durable = !is_temporary;
	if (!store_add(arena, &store, path, limits, &stored, err))
		return false;
	package->dir = stored.dir;
	package->digest = digest_text(arena, &stored.digest);
	package->is_archive = true;
	package->is_unfiltered = stored.is_unfiltered;
	return true;
}

bool package_digest(
	struct arena *arena, const struct package *package, const char **ret, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct file_list files = {0};
	struct str manifest;

	*ret = package->digest;
	if (package->digest[0] != '\0')
		return true;
	const int fd = open(package->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "'%s'", package->dir);
	const bool is_listed = pack_manifest(arena, fd, &walk, &manifest, &files, err);
	close(fd);
	if (!is_listed)
		return false;
	const struct digest digest = digest_of(manifest);
	*ret = digest_text(arena, &digest);
	return true;
}

bool package_fail_file(struct arena *arena, const char *path, struct error *err)
{
	char *dir = arena_strdup(arena, path);

	if (pack_is_archive_name(path, NULL))
		return false;
	for (char *end; (end = strrchr(dir, '/')) != NULL && end > dir;) {
		*end = '\0';
		if (access(arena_printf(arena, "%s/MLmodel", dir), F_OK) == 0)
			return error_set(err, ERR_USAGE,
				"'%s' is a file of a bundle: give its folder, '%s'", path, dir);
	}
	if (path[0] != '/' && access("MLmodel", F_OK) == 0)
		return error_set(
			err, ERR_USAGE, "'%s' is a file of a bundle: give its folder, '.'", path);
	return false;
}

bool package_open(struct arena *arena, const char *path, const char *state_dir,
	const struct archive_limits *limits, struct package *ret, struct error *err)
{
	struct stat st;

	if (limits == NULL)
		limits = &archive_limits_default;
	if (stat(path, &st) != 0)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
			"bundle '%s'", path);
	struct package package = {.dir = without_slashes(arena, path)};
	package.name = name_of(arena, package.dir);
	const bool ok = S_ISDIR(st.st_mode)
				? open_folder(arena, limits, &package, err)
				: open_archive(arena, path, state_dir, limits, &package, err);
	if (!ok)
		return S_ISDIR(st.st_mode) ? false : package_fail_file(arena, path, err);
	*ret = package;
	return true;
}
