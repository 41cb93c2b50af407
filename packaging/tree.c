/* Folders as a whole: walk, remove, make durable. */
#include "packaging/archive.h"
#include "packaging/manifest.h"
#include "packaging/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Calls fn for every entry but . and ..; stops where it returns false. */
static bool each_entry(int dir_fd, bool (*fn)(void *data, int dir_fd, const char *name), void *data)
{
	const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	bool ok = dir != NULL;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (ok && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = fn(data, dirfd(dir), entry->d_name);
	closedir(dir);
	return ok;
}

static bool remove_entry(void *data, int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) == 0)
		return true;
	const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		each_entry(fd, remove_entry, NULL);
		close(fd);
		unlinkat(dir_fd, name, AT_REMOVEDIR);
	}
	return true;
}

void files_clear(int dir_fd)
{
	each_entry(dir_fd, remove_entry, NULL);
}

void files_remove(int dir_fd, const char *name)
{
	remove_entry(NULL, dir_fd, name);
}

/* First pass: all files' data is on its way to the disk at once. The second then waits mostly for
 * one journal. */
struct sync {
	bool is_start;
	int failed; /* errno */
};

static bool sync_entry(void *data, int dir_fd, const char *name)
{
	struct sync *sync = data;
	const int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (ok && S_ISDIR(st.st_mode))
		ok = each_entry(fd, sync_entry, sync);
	if (ok && sync->is_start && S_ISREG(st.st_mode))
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (ok && !sync->is_start)
		ok = fsync(fd) == 0;
	if (!ok && sync->failed == 0)
		sync->failed = errno;
	if (fd >= 0)
		close(fd);
	return ok;
}

bool files_sync(int dir_fd, struct error *err)
{
	struct sync sync = {.is_start = true};

	bool ok = each_entry(dir_fd, sync_entry, &sync);
	sync.is_start = false;
	ok = ok && each_entry(dir_fd, sync_entry, &sync);
	if (ok && fsync(dir_fd) == 0)
		return true;
	return error_set_errno(err, ERR_INTERNAL, sync.failed != 0 ? sync.failed : errno,
		"write the files to the disk");
}

struct walker {
	struct arena *arena;
	const struct files_walk *walk;
	struct file_list *files;
	struct names names;
	struct sha256 hash;
	struct str prefix; /* of the folder being listed, with a slash behind, or empty */
	struct error *err;
	bool is_named; /* the error says already which entry it is about */
};

static bool walk_folder(struct walker *walker, int dir_fd);

const char *files_leave_out(const char *name)
{
	const size_t len = strlen(name);

	if (name[0] == '.')
		return "hidden";
	if (name[len - 1] == '~' || (name[0] == '#' && name[len - 1] == '#'))
		return "an editor's backup";
	if (strcmp(name, "__pycache__") == 0 || str_ends(str_of(name), STR(".pyc")))
		return "made by Python";
	return NULL;
}

static bool take_file(struct walker *walker, int fd, const char *path)
{
	const struct archive_limits *limits = walker->walk->limits;
	struct file_list *files = walker->files;
	struct file file = {.path = path};

	if (files->count >= limits->entries_max)
		return error_set(
			walker->err, ERR_TOO_LARGE, "more than %u files", limits->entries_max);
	if (!files_hash(fd, &walker->hash, limits->file_max, &file.size, &file.sha256, walker->err))
		return false;
	if (file.size > limits->total_max - files->total)
		return error_set(walker->err, ERR_TOO_LARGE, "more than %llu bytes in all",
			(unsigned long long)limits->total_max);
	files_add(walker->arena, files, file);
	return true;
}

static const char *type_name(mode_t mode)
{
	return S_ISLNK(mode)    ? "a symbolic link"
	       : S_ISFIFO(mode) ? "a pipe"
	       : S_ISSOCK(mode) ? "a socket"
				: "a device";
}

static bool take_folder(struct walker *walker, int fd, const char *path)
{
	const struct str prefix = walker->prefix;

	walker->prefix = str_of(arena_printf(walker->arena, "%s/", path));
	const bool ok = walk_folder(walker, fd);
	walker->prefix = prefix;
	return ok;
}

static bool take_opened(
	struct walker *walker, int dir_fd, const char *name, const char *path, bool is_dir)
{
	const int flags =
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (is_dir ? O_DIRECTORY : 0);
	const int fd = openat(dir_fd, name, flags);

	if (fd < 0)
		return error_set_errno(walker->err, ERR_INTERNAL, errno, "open");
	const bool ok = is_dir ? take_folder(walker, fd, path) : take_file(walker, fd, path);
	close(fd);
	return ok;
}

static bool take(struct walker *walker, int dir_fd, const char *name, const char *path)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_set_errno(walker->err, ERR_INTERNAL, errno, "look at it");
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(walker->err, ERR_INVALID_BUNDLE,
			"is %s, only files and folders can be in a bundle", type_name(st.st_mode));
	if (!name_check(str_of(path), walker->err))
		return false;
	/* Folders come in through their files. */
	if (S_ISREG(st.st_mode) && !names_add(&walker->names, str_of(path), NAME_FILE, walker->err))
		return false;
	return take_opened(walker, dir_fd, name, path, S_ISDIR(st.st_mode));
}

static bool walk_entry(void *data, int dir_fd, const char *name)
{
	struct walker *walker = data;
	const char *path = arena_printf(walker->arena, "%.*s%s", STR_ARGS(walker->prefix), name);
	const char *why = files_leave_out(name);
	char shown[NAME_SHOW_SIZE];

	if (manifest_is_own(path))
		return true;
	if (why != NULL) {
		if (walker->walk->notice != NULL)
			walker->walk->notice(
				walker->walk->notice_data, name_show(str_of(path), shown), why);
		return true;
	}
	if (take(walker, dir_fd, name, path))
		return true;
	if (!walker->is_named)
		error_wrap(walker->err, "'%s'", name_show(str_of(path), shown));
	walker->is_named = true;
	return false;
}

static bool walk_folder(struct walker *walker, int dir_fd)
{
	if (each_entry(dir_fd, walk_entry, walker))
		return true;
	return !walker->is_named &&
	       error_set_errno(walker->err, ERR_INTERNAL, errno, "list the folder");
}

bool files_walk(struct arena *arena, int dir_fd, const struct files_walk *walk,
	struct file_list *ret, struct error *err)
{
	struct file_list files = {0};
	struct error scratch;
	struct walker walker = {.arena = arena, .walk = walk, .files = &files};

	walker.err = err != NULL ? err : &scratch;
	names_init(&walker.names, arena);
	sha256_init(&walker.hash);
	const bool ok = walk_folder(&walker, dir_fd);
	if (!ok)
		return false;
	files_sort(&files);
	*ret = files;
	return true;
}
