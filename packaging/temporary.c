#include "packaging/temporary.h"

#include "base/str.h"
#include "packaging/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 100 };

static const struct str PREFIX = {"sluice-tmp.", 11};

struct temporary {
	const char *path;
	int fd;
};

static void remove_temporary(void *data)
{
	const struct temporary *temporary = data;

	/* The lock goes last. */
	files_remove(AT_FDCWD, temporary->path);
	close(temporary->fd);
}

static void sweep_one(int base_fd, const char *name)
{
	const int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
		files_remove(base_fd, name);
	close(fd);
}

static void sweep(const char *base)
{
	const int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (str_starts(str_of(entry->d_name), PREFIX))
			sweep_one(fd, entry->d_name);
	closedir(dir);
}

/* Between making and locking, a sweep may take the folder for a left one: then it is tried again. */
static bool try_make(struct temporary *temporary, char *path, bool *ret_again)
{
	struct stat st;

	*ret_again = false;
	if (mkdtemp(path) == NULL)
		return false;
	temporary->path = path;
	temporary->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (temporary->fd >= 0 && flock(temporary->fd, LOCK_EX | LOCK_NB) == 0 && fstat(temporary->fd, &st) == 0 &&
		st.st_nlink > 0)
		return true;
	*ret_again = temporary->fd >= 0 || errno == ENOENT;
	if (temporary->fd >= 0)
		close(temporary->fd);
	return false;
}

bool temporary_folder(struct arena *arena, const char **ret_path, int *ret_fd, struct error *err)
{
	struct temporary *temporary = arena_alloc(arena, sizeof(*temporary));
	const char *base = getenv("TMPDIR");
	bool is_made = false, again = true;

	if (base == NULL || base[0] == '\0')
		base = "/tmp";
	sweep(base);
	for (int i = 0; i < ATTEMPTS_MAX && again && !is_made; i++)
		is_made = try_make(temporary, arena_printf(arena, "%s/%.*sXXXXXX", base, STR_ARGS(PREFIX)), &again);
	if (!is_made)
		return error_set_errno(err, ERR_INTERNAL, errno, "make a folder in '%s'", base);
	arena_on_end(arena, remove_temporary, temporary);
	*ret_path = temporary->path;
	if (ret_fd != NULL)
		*ret_fd = temporary->fd;
	return true;
}
