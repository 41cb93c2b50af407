/* The list and single files; whole folders are in tree.c. */
#include "packaging/files.h"

#include "base/json.h"
#include "packaging/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

void files_add(struct arena *arena, struct file_list *list, struct file file)
{
	if (list->count == list->cap) {
		const size_t cap = list->cap == 0 ? 16 : list->cap * 2;
		struct file *items = arena_array(arena, cap, sizeof(*items));

		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = file;
	list->total += file.size;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

void files_sort(struct file_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), by_path);
}

const struct file *files_find(const struct file_list *list, const char *path)
{
	const struct file key = {.path = path};

	if (list->count == 0)
		return NULL;
	return bsearch(&key, list->items, list->count, sizeof(key), by_path);
}

static int open_dir(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Errors of close() must not hide the one that matters. */
static void close_quietly(int fd)
{
	const int failed = errno;

	close(fd);
	errno = failed;
}

static int open_or_make(int dir_fd, const char *name, bool make)
{
	int fd = open_dir(dir_fd, name);

	if (fd >= 0 || !make || errno != ENOENT || mkdirat(dir_fd, name, 0755) != 0)
		return fd;
	fd = open_dir(dir_fd, name);
	/* The umask must not show. */
	if (fd >= 0)
		fchmod(fd, 0755);
	return fd;
}

/*
 * The folder that holds the last component, which `*ret_name` tells; each one on the way is opened
 * by itself, so that a link stops it. It is `dir_fd` itself where there is no folder on the way; -1
 * with errno.
 */
static int open_parent(int dir_fd, const char *path, bool make, const char **ret_name)
{
	const char *slash;
	int at = dir_fd;

	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		char part[NAME_PART_MAX + 1];
		const size_t len = (size_t)(slash - path);
		int next = -1;

		if (len < sizeof(part)) {
			memcpy(part, path, len);
			part[len] = '\0';
			next = open_or_make(at, part, make);
		} else {
			errno = ENAMETOOLONG;
		}
		if (at != dir_fd)
			close_quietly(at);
		if (next < 0)
			return -1;
		at = next;
	}
	*ret_name = path;
	return at;
}

static int open_below(int dir_fd, const char *path, bool make, int flags)
{
	const char *name = path;
	const int parent = open_parent(dir_fd, path, make, &name);

	/* AT_FDCWD is negative too, and a folder. */
	if (parent < 0 && parent != dir_fd)
		return -1;
	const int fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (parent != dir_fd)
		close_quietly(parent);
	return fd;
}

int files_open_as(int dir_fd, const char *path, int flags)
{
	return open_below(dir_fd, path, false, flags);
}

int files_open(int dir_fd, const char *path)
{
	struct stat st;
	/* Non-blocking: a pipe must not hold us before fstat tells what it is. */
	const int fd = files_open_as(dir_fd, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

int files_create(int dir_fd, const char *path)
{
	const int fd = open_below(dir_fd, path, true, O_WRONLY | O_CREAT | O_EXCL);

	if (fd >= 0)
		fchmod(fd, 0644);
	return fd;
}

bool files_read_all(int fd, char *data, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		const ssize_t got = read(fd, data + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return true;
}

bool files_write_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		const ssize_t put = write(fd, bytes.data, bytes.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes.data += put;
		bytes.len -= (size_t)put;
	}
	return true;
}

bool files_read(struct arena *arena, int dir_fd, const char *path, size_t size_max, struct str *ret,
	struct error *err)
{
	const int fd = files_open(dir_fd, path);
	struct stat st;
	size_t len;
	bool ok = false;

	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID_BUNDLE,
			errno, "open '%s'", path);
	if (fstat(fd, &st) != 0) {
		error_set_errno(err, ERR_INTERNAL, errno, "look at '%s'", path);
		goto out;
	}
	if ((uint64_t)st.st_size > size_max) {
		error_set(err, ERR_TOO_LARGE, "'%s' has %lld bytes, at most %zu are allowed", path,
			(long long)st.st_size, size_max);
		goto out;
	}
	char *data = arena_zalloc(arena, (size_t)st.st_size + JSON_PADDING);
	ok = files_read_all(fd, data, (size_t)st.st_size, &len);
	if (ok)
		*ret = (struct str){data, len};
	else
		error_set_errno(err, ERR_INTERNAL, errno, "read '%s'", path);
out:
	close(fd);
	return ok;
}

bool files_hash(int fd, struct sha256 *hash, uint64_t size_max, uint64_t *ret_size,
	struct digest *ret, struct error *err)
{
	char chunk[CHUNK];
	uint64_t size = 0;

	for (;;) {
		size_t len;

		if (!files_read_all(fd, chunk, sizeof(chunk), &len)) {
			error_set_errno(err, ERR_INTERNAL, errno, "read");
			break;
		}
		size += len;
		if (size > size_max) {
			error_set(err, ERR_TOO_LARGE, "more than %llu bytes",
				(unsigned long long)size_max);
			break;
		}
		sha256_add(hash, chunk, len);
		if (len < sizeof(chunk)) {
			*ret = sha256_end(hash);
			*ret_size = size;
			return true;
		}
	}
	sha256_end(hash);
	return false;
}
