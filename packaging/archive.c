#include "packaging/archive.h"

#include "packaging/intake.h"
#include "packaging/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const struct archive_limits archive_limits_default = {
	.entries_max = 10000,
	.file_max = (uint64_t)256 << 20,
	.total_max = (uint64_t)1 << 30,
	.ratio_max = 100,
	.ratio_floor = (uint64_t)1 << 20,
	.deadline_ms = 30000,
};

static bool extract(struct arena *arena, struct str bytes, int dir_fd, bool is_jailed,
	const struct archive_limits *limits, struct file_list *ret, struct error *err)
{
	struct intake intake;

	intake_init(&intake, arena, dir_fd, bytes.len, limits);
	const struct reader_sink sink = intake_sink(&intake);
	bool is_unfiltered = false;
	bool ok = is_jailed ? jail_run(bytes, limits->deadline_ms, &sink, &is_unfiltered, err)
			    : reader_run(bytes, &sink, err);
	ok = ok && intake_end(&intake, ret, err);
	if (ok)
		ret->is_unfiltered = is_unfiltered;
	intake_done(&intake);
	if (!ok && dir_fd >= 0)
		files_clear(dir_fd);
	return ok;
}

bool archive_extract_bytes(struct arena *arena, struct str bytes, int dir_fd,
	const struct archive_limits *limits, struct file_list *ret, struct error *err)
{
	return extract(arena, bytes, dir_fd, false, limits, ret, err);
}

static bool check_source(
	int fd, const struct archive_limits *limits, size_t *ret_size, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "look at it");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID_BUNDLE, "not a regular file");
	if (st.st_size == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "the file is empty");
	if ((uint64_t)st.st_size > limits->total_max)
		return error_set(err, ERR_TOO_LARGE,
			"the archive has %lld bytes, at most %llu are allowed",
			(long long)st.st_size, (unsigned long long)limits->total_max);
	*ret_size = (size_t)st.st_size;
	return true;
}

/* Mapped, so that the child needs no system call to read it. A file that shrinks meanwhile kills
 * the child only. */
static bool extract_fd(struct arena *arena, int fd, int dir_fd, const struct archive_limits *limits,
	struct file_list *ret, struct error *err)
{
	size_t size = 0;

	if (!check_source(fd, limits, &size, err))
		return false;
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return error_set_errno(err, ERR_INTERNAL, errno, "map it");
	const bool ok = extract(arena, (struct str){bytes, size}, dir_fd, true, limits, ret, err);
	munmap(bytes, size);
	return ok;
}

bool archive_extract(struct arena *arena, const char *path, int dir_fd,
	const struct archive_limits *limits, struct file_list *ret, struct error *err)
{
	char shown[NAME_SHOW_SIZE];
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	name_show(str_of(path), shown);
	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
			"open '%s'", shown);
	const bool ok = extract_fd(arena, fd, dir_fd, limits, ret, err);
	close(fd);
	return ok || error_wrap(err, "%s", shown);
}
