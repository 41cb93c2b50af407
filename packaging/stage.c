#include "packaging/stage.h"

#include "packaging/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 100 };

/* Between making and locking, a sweep may take the folder for a left one: then it is tried again.
 */
static bool try_make(struct stage *stage, bool *ret_again)
{
	uint64_t random;
	struct stat st;

	*ret_again = false;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(stage->name, sizeof(stage->name), "%016llx", (unsigned long long)random);
	if (mkdirat(stage->staging_fd, stage->name, 0700) != 0) {
		*ret_again = errno == EEXIST;
		return false;
	}
	stage->fd = openat(
		stage->staging_fd, stage->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage->fd >= 0 && flock(stage->fd, LOCK_EX | LOCK_NB) == 0 &&
		fstat(stage->fd, &st) == 0 && st.st_nlink > 0)
		return true;
	*ret_again = stage->fd >= 0 || errno == ENOENT;
	if (stage->fd >= 0)
		close(stage->fd);
	stage->fd = -1;
	return false;
}

bool stage_init(struct stage *stage, int staging_fd, struct error *err)
{
	bool is_made = false, again = true;

	*stage = (struct stage){.staging_fd = staging_fd, .fd = -1, .files_fd = -1};
	for (int i = 0; i < ATTEMPTS_MAX && again && !is_made; i++)
		is_made = try_make(stage, &again);
	if (is_made && mkdirat(stage->fd, STAGE_FILES, 0700) == 0)
		stage->files_fd = openat(
			stage->fd, STAGE_FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage->files_fd >= 0)
		return true;
	error_set_errno(err, ERR_INTERNAL, errno, "make a folder in staging");
	if (is_made)
		stage_done(stage);
	return false;
}

void stage_done(struct stage *stage)
{
	/* The lock goes last. */
	files_remove(stage->staging_fd, stage->name);
	if (stage->files_fd >= 0)
		close(stage->files_fd);
	if (stage->fd >= 0)
		close(stage->fd);
	stage->fd = stage->files_fd = -1;
}

static void sweep_one(int staging_fd, const char *name)
{
	const int fd = openat(staging_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		files_remove(staging_fd, name);
	close(fd);
}

void stage_sweep(int staging_fd)
{
	const int fd = openat(staging_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sweep_one(staging_fd, entry->d_name);
	closedir(dir);
}
