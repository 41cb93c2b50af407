#include "cli/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

/* False with errno. */
static bool copy_bytes(int from, int to)
{
	char chunk[CHUNK];
	ssize_t got;

	while ((got = read(from, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !files_write_all(to, (struct str){chunk, (size_t)got}))
			return false;
	}
	return true;
}

/* Takes `from`. */
static bool copy_to(int from, int dir_fd, const char *path, struct error *err)
{
	const int to = from >= 0 ? files_create(dir_fd, path) : -1;
	const bool is_copied = to >= 0 && copy_bytes(from, to);
	const int why = errno;

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return is_copied || error_set_errno(err, why == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, why, "copy '%s'", path);
}

bool folder_copy(int from_fd, const struct file_list *files, int to_fd, struct error *err)
{
	for (size_t i = 0; i < files->count; i++)
		if (!copy_to(files_open(from_fd, files->items[i].path), to_fd, files->items[i].path, err))
			return false;
	return true;
}

bool folder_take(const char *from, int dir_fd, const char *to, struct error *err)
{
	return copy_to(open(from, O_RDONLY | O_CLOEXEC), dir_fd, to, err);
}

bool folder_write(int dir_fd, const char *path, struct str bytes, struct error *err)
{
	const int fd = files_create(dir_fd, path);
	const bool is_written = fd >= 0 && files_write_all(fd, bytes);
	const int why = errno;

	if (fd >= 0)
		close(fd);
	return is_written || error_set_errno(err, ERR_INTERNAL, why, "write '%s'", path);
}

/* rename() takes the place of an empty folder, and of no other. */
static bool rename_over(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) == 0)
		return true;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "'%s' is there already, and not empty: name a new folder", to);
	if (errno == ENOTDIR)
		return error_set(err, ERR_CONFLICT, "'%s' is there already, and no folder", to);
	return error_set_errno(err, ERR_INTERNAL, errno, "rename to '%s'", to);
}

bool folder_publish(
	struct arena *arena, int from_fd, const struct file_list *files, const char *path, struct error *err)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	const char *target = arena_memdup(arena, path, len);
	char *staged = arena_printf(arena, "%s.XXXXXX", target);
	if (mkdtemp(staged) == NULL)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
			"make a folder beside '%s'", target);
	const int fd = open(staged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_fine = fd >= 0 && fchmod(fd, 0755) == 0;
	if (!is_fine)
		error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", staged);
	is_fine = is_fine && folder_copy(from_fd, files, fd, err) && files_sync(fd, err) &&
		  rename_over(staged, target, err);
	if (fd >= 0)
		close(fd);
	if (!is_fine)
		files_remove(AT_FDCWD, staged);
	return is_fine;
}
