#include "model/bundle_files.h"

#include "base/yaml.h"
#include "packaging/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool bundle_path_is_safe(struct str path)
{
	struct str rest = path, name;
	bool is_more = true;

	if (path.len == 0 || path.len > 1024 || memchr(path.data, '\0', path.len) != NULL)
		return false;
	while (is_more) {
		is_more = str_cut(&rest, '/', &name);
		if (name.len == 0 || str_is(name, ".") || str_is(name, ".."))
			return false;
	}
	return true;
}

static int open_below(const char *dir, const char *path, int flags)
{
	const int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;

	if (dir_fd < 0 || path[0] == '\0')
		return dir_fd;
	if (bundle_path_is_safe(str_of(path)))
		fd = files_open_as(dir_fd, path, flags);
	else
		errno = EINVAL;
	const int failed = errno;
	close(dir_fd);
	errno = failed;
	return fd;
}

static bool open_failed(struct error *err, const char *path, int failed)
{
	if (failed == ENOENT || failed == ENOTDIR)
		return error_set(err, ERR_NOT_FOUND, "%s: no such file in the bundle", path);
	if (failed == ELOOP)
		return error_set(err, ERR_INVALID_BUNDLE, "%s: symbolic links are not read", path);
	if (failed == EINVAL)
		return error_set(
			err, ERR_INVALID_BUNDLE, "'%s' is no path inside the bundle", path);
	return error_set_errno(err, ERR_INVALID_BUNDLE, failed, "%s: cannot be opened", path);
}

static bool check_file(
	int fd, const char *path, size_t size_max, size_t *ret_size, struct error *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "%s", path);
	if (!S_ISREG(info.st_mode))
		return error_set(err, ERR_INVALID_BUNDLE, "%s: is no regular file", path);
	if (info.st_size < 0 || (size_t)info.st_size > size_max)
		return error_set(err, ERR_TOO_LARGE, "%s: %lld bytes, at most %zu are read", path,
			(long long)info.st_size, size_max);
	*ret_size = (size_t)info.st_size;
	return true;
}

bool bundle_file_read(struct arena *arena, const char *dir, const char *path, size_t size_max,
	struct str *ret, struct error *err)
{
	/* O_NONBLOCK: a pipe must not hold us before fstat tells what it is. */
	const int fd = open_below(dir, path, O_RDONLY | O_NONBLOCK);
	size_t size = 0;

	if (fd < 0)
		return open_failed(err, path, errno);
	bool is_fine = check_file(fd, path, size_max, &size, err);
	if (is_fine) {
		char *data = arena_alloc(arena, size + JSON_PADDING);
		/* A file that grows meanwhile is read up to the size it had. */
		is_fine = files_read_all(fd, data, size, &size);
		if (is_fine) {
			memset(data + size, 0, JSON_PADDING);
			*ret = (struct str){data, size};
		} else {
			error_set_errno(err, ERR_INTERNAL, errno, "%s: cannot be read", path);
		}
	}
	close(fd);
	return is_fine;
}

/* The reader's message starts with "NAME:LINE: ": file and line of the problem. */
static void add_yaml_problem(struct problems *problems, const char *path, const char *text)
{
	const size_t name_len = strlen(path);
	char *end = NULL;
	unsigned long line = 0;

	if (strncmp(text, path, name_len) == 0 && text[name_len] == ':') {
		line = strtoul(text + name_len + 1, &end, 10);
		text = end[0] == ':' && end[1] == ' ' ? end + 2 : text + name_len + 2;
	}
	problems_add(problems, arena_strdup(problems->arena, path), (unsigned)line, "", "%s", text);
}

bool bundle_yaml_read(struct arena *arena, const char *dir, const char *path, struct json *ret,
	struct problems *problems)
{
	struct error err = {0};
	struct str text = {0};

	if (!bundle_file_read(arena, dir, path, BUNDLE_TEXT_MAX, &text, &err) ||
		!yaml_read(arena, path, text, ret, &err)) {
		add_yaml_problem(problems, path, err.text);
		return false;
	}
	return true;
}

static enum bundle_file_kind kind_of(mode_t mode)
{
	if (S_ISREG(mode))
		return BUNDLE_FILE_REGULAR;
	return S_ISDIR(mode) ? BUNDLE_FILE_FOLDER : BUNDLE_FILE_OTHER;
}

enum bundle_file_kind bundle_file_kind(const char *dir, const char *path)
{
	const int fd = open_below(dir, path, O_PATH);
	struct stat info;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? BUNDLE_FILE_NONE : BUNDLE_FILE_OTHER;
	const bool is_known = fstat(fd, &info) == 0;
	close(fd);
	return is_known ? kind_of(info.st_mode) : BUNDLE_FILE_OTHER;
}

struct listing {
	struct arena *arena;
	const char **names;
	size_t count, cap;
	bool is_deep;
};

static void listing_add(struct listing *listing, const char *name)
{
	if (listing->count == listing->cap) {
		const size_t cap = listing->cap > 0 ? 2 * listing->cap : 16;
		const char **names = arena_array(listing->arena, cap, sizeof(*names));

		if (listing->count > 0)
			memcpy(names, listing->names, listing->count * sizeof(*names));
		listing->names = names;
		listing->cap = cap;
	}
	listing->names[listing->count++] = name;
}

static bool list_folder(
	struct listing *listing, int fd, const char *path, unsigned depth, struct error *err);

static bool list_entry(struct listing *listing, int fd, const char *name, const char *path,
	unsigned depth, struct error *err)
{
	struct stat info;

	if (listing->count >= BUNDLE_FILES_MAX)
		return error_set(
			err, ERR_TOO_LARGE, "%s: more than %d files", path, BUNDLE_FILES_MAX);
	if (!listing->is_deep || fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISDIR(info.st_mode)) {
		listing_add(listing, path);
		return true;
	}
	if (depth == BUNDLE_DEPTH_MAX)
		return error_set(err, ERR_TOO_LARGE, "%s: folders are more than %d deep", path,
			BUNDLE_DEPTH_MAX);
	const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return open_failed(err, path, errno);
	return list_folder(listing, inner, path, depth + 1, err);
}

/* Takes `fd`. */
static bool list_folder(
	struct listing *listing, int fd, const char *path, unsigned depth, struct error *err)
{
	DIR *folder = fdopendir(fd);
	bool is_fine = true;

	if (folder == NULL) {
		close(fd);
		return error_set_errno(err, ERR_INTERNAL, errno, "%s: cannot be listed", path);
	}
	for (struct dirent *entry; is_fine && (entry = readdir(folder)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		const char *inner =
			path[0] != '\0' ? arena_printf(listing->arena, "%s/%s", path, entry->d_name)
					: arena_strdup(listing->arena, entry->d_name);
		is_fine = list_entry(listing, fd, entry->d_name, inner, depth, err);
	}
	closedir(folder);
	return is_fine;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool bundle_folder_list(struct arena *arena, const char *dir, const char *path, bool is_deep,
	struct decode_list *ret, struct error *err)
{
	struct listing listing = {.arena = arena, .is_deep = is_deep};
	const int fd = open_below(dir, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return open_failed(err, path, errno);
	if (!list_folder(&listing, fd, path, 0, err))
		return false;
	if (listing.count > 0)
		qsort(listing.names, listing.count, sizeof(*listing.names), by_name);
	*ret = (struct decode_list){.items = listing.names, .count = listing.count};
	return true;
}
