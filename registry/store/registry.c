#include "store/registry.h"

#include "store/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that may not be used, or that is none, was chosen wrongly; the rest is the machine's. */
static enum error_code code_of(int errno_value)
{
	return errno_value == EACCES || errno_value == EPERM || errno_value == ENOTDIR || errno_value == EROFS ||
			       errno_value == ENOENT || errno_value == ELOOP || errno_value == ENAMETOOLONG
		       ? ERR_USAGE
		       : ERR_INTERNAL;
}

/* Opens DIR/name and makes it where it is missing, to stay; -1 with the error set. */
static int open_folder(int dir_fd, const char *name, struct error *err)
{
	int fd = -1;

	if (mkdirat(dir_fd, name, 0700) == 0 ? fsync(dir_fd) == 0 : errno == EEXIST)
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(err, code_of(errno), errno, "open or make the registry's folder '%s'", name);
	return fd;
}

static bool make_path(const char *path, struct error *err)
{
	char *copy = strdup(path);
	bool is_made = copy != NULL;

	for (char *at = copy; is_made && *at != '\0'; at++) {
		if (*at != '/' || at == copy)
			continue;
		*at = '\0';
		is_made = mkdir(copy, 0700) == 0 || errno == EEXIST;
		*at = '/';
	}
	is_made = is_made && (mkdir(path, 0700) == 0 || errno == EEXIST);
	free(copy);
	return is_made || error_set_errno(err, code_of(errno), errno, "make the state folder '%s'", path);
}

static bool open_parts(struct registry *registry, const char *state_dir, struct error *err)
{
	if (!make_path(state_dir, err))
		return false;
	const int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_fd < 0)
		return error_set_errno(err, code_of(errno), errno, "open the state folder '%s'", state_dir);
	const int dir_fd = open_folder(state_fd, "registry", err);
	close(state_fd);
	if (dir_fd < 0)
		return false;
	registry->blobs_fd = open_folder(dir_fd, "blobs", err);
	if (registry->blobs_fd >= 0)
		registry->staging_fd = open_folder(dir_fd, "staging", err);
	close(dir_fd);
	if (registry->staging_fd < 0)
		return false;
	registry->db = db_open(registry->dir, err);
	return registry->db != NULL && artifacts_recover(registry, err);
}

struct registry *registry_open(const char *state_dir, struct error *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (registry == NULL || asprintf(&registry->dir, "%s/registry", state_dir) < 0)
		abort();
	registry->blobs_fd = registry->staging_fd = -1;
	if (open_parts(registry, state_dir, err))
		return registry;
	error_wrap(err, "open the registry in '%s'", state_dir);
	registry_close(registry);
	return NULL;
}

void registry_close(struct registry *registry)
{
	if (registry == NULL)
		return;
	db_close(registry->db);
	if (registry->blobs_fd >= 0)
		close(registry->blobs_fd);
	if (registry->staging_fd >= 0)
		close(registry->staging_fd);
	free(registry->dir);
	free(registry);
}
