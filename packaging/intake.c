#include "packaging/intake.h"

#include "base/clock.h"

#include <errno.h>
#include <unistd.h>

enum { DEADLINE_CHECK_BYTES = 1024 * 1024 };

void intake_init(struct intake *intake, struct arena *arena, int dir_fd, uint64_t archive_size,
	const struct archive_limits *limits)
{
	uint64_t by_ratio = archive_size * limits->ratio_max;

	if (by_ratio < limits->ratio_floor)
		by_ratio = limits->ratio_floor;
	*intake = (struct intake){.arena = arena,
		.limits = limits,
		.dir_fd = dir_fd,
		.total_max = limits->total_max,
		.deadline_ms = clock_ms() + limits->deadline_ms,
		.fd = -1};
	if (by_ratio < intake->total_max) {
		intake->total_max = by_ratio;
		intake->is_ratio = true;
	}
	names_init(&intake->names, arena);
	sha256_init(&intake->hash);
}

void intake_done(struct intake *intake)
{
	if (intake->fd >= 0)
		close(intake->fd);
	intake->fd = -1;
}

static bool check_deadline(const struct intake *intake, struct error *err)
{
	if (clock_ms() > intake->deadline_ms)
		return error_set(
			err, ERR_DEADLINE, "took longer than %u ms", intake->limits->deadline_ms);
	return true;
}

static bool check_total(const struct intake *intake, uint64_t more, struct error *err)
{
	if (more > intake->limits->file_max)
		return error_set(err, ERR_TOO_LARGE, "more than %llu bytes",
			(unsigned long long)intake->limits->file_max);
	if (more <= intake->total_max - intake->files.total)
		return true;
	if (intake->is_ratio)
		return error_set(err, ERR_TOO_LARGE,
			"the files are more than %u times as large as the archive",
			intake->limits->ratio_max);
	return error_set(err, ERR_TOO_LARGE, "more than %llu bytes in all",
		(unsigned long long)intake->total_max);
}

/* --- an entry begins --- */

static const char *refused_type(uint32_t type)
{
	static const char *const NAMES[] = {
		[READER_SYMLINK] = "a symbolic link",
		[READER_HARDLINK] = "a hard link",
		[READER_DEVICE] = "a device",
		[READER_FIFO] = "a pipe",
	};

	if (type == READER_FILE || type == READER_DIR)
		return NULL;
	return type < READER_OTHER && NAMES[type] != NULL ? NAMES[type] : "of an unknown type";
}

static bool check_entry(struct intake *intake, const struct reader_entry *entry, struct error *err)
{
	const char *refused = refused_type(entry->type);

	if (refused != NULL)
		return error_set(err, ERR_INVALID_BUNDLE,
			"is %s, only files and folders are allowed", refused);
	if (entry->is_encrypted)
		return error_set(err, ERR_INVALID_BUNDLE, "is encrypted");
	if (entry->is_sparse)
		return error_set(err, ERR_INVALID_BUNDLE, "is sparse");
	if (entry->is_sized && entry->size < 0)
		return error_set(err, ERR_INVALID_BUNDLE, "announces a negative size");
	return !entry->is_sized || check_total(intake, (uint64_t)entry->size, err);
}

/* Drops what tar puts around a name: "./" in front, and the slash behind a folder. */
static struct str plain_name(const struct reader_entry *entry)
{
	struct str name = entry->name;

	while (str_starts(name, STR("./"))) {
		name.data += 2;
		name.len -= 2;
	}
	if (entry->type == READER_DIR && name.len > 1 && str_ends(name, STR("/")))
		name.len--;
	return name;
}

/* "./" itself: `tar -C folder .` begins with it. */
static bool is_top(const struct reader_entry *entry, struct str name)
{
	return entry->type == READER_DIR && entry->name.len > 0 &&
	       (name.len == 0 || str_is(name, "."));
}

static bool open_file(struct intake *intake, const struct reader_entry *entry, const char *path,
	struct error *err)
{
	intake->file = (struct file){.path = path};
	intake->is_sized = entry->is_sized;
	intake->announced = entry->is_sized ? (uint64_t)entry->size : 0;
	if (intake->dir_fd >= 0) {
		intake->fd = files_create(intake->dir_fd, path);
		if (intake->fd < 0)
			return error_set_errno(err, ERR_INTERNAL, errno, "create it");
	}
	intake->is_open = true;
	return true;
}

static bool close_file(struct intake *intake, struct error *err)
{
	if (!intake->is_open)
		return true;
	intake->is_open = false;
	if (intake->is_sized && intake->file.size != intake->announced)
		return error_set(err, ERR_INVALID_BUNDLE,
			"entry '%s': has %llu bytes, announced are %llu", intake->file.path,
			(unsigned long long)intake->file.size,
			(unsigned long long)intake->announced);
	const int fd = intake->fd;
	intake->fd = -1;
	if (fd >= 0 && close(fd) != 0)
		return error_set_errno(
			err, ERR_INTERNAL, errno, "entry '%s': write it", intake->file.path);
	intake->file.sha256 = sha256_end(&intake->hash);
	files_add(intake->arena, &intake->files, intake->file);
	return true;
}

static bool take_entry(struct intake *intake, const struct reader_entry *entry, struct error *err)
{
	struct str name = plain_name(entry);

	if (!check_entry(intake, entry, err))
		return false;
	if (is_top(entry, name))
		return true;
	if (!name_check(name, err))
		return false;
	name.data = arena_memdup(intake->arena, name.data, name.len);
	const enum name_kind kind = entry->type == READER_DIR ? NAME_DIR : NAME_FILE;
	if (!names_add(&intake->names, name, kind, err))
		return false;
	return kind == NAME_DIR || open_file(intake, entry, name.data, err);
}

static bool on_entry(void *data, const struct reader_entry *entry, struct error *err)
{
	struct intake *intake = data;
	char shown[NAME_SHOW_SIZE];

	if (!close_file(intake, err) || !check_deadline(intake, err))
		return false;
	if (++intake->entries > intake->limits->entries_max)
		return error_set(
			err, ERR_TOO_LARGE, "more than %u entries", intake->limits->entries_max);
	return take_entry(intake, entry, err) ||
	       error_wrap(err, "entry '%s'", name_show(entry->name, shown));
}

/* --- its bytes --- */

static bool check_bytes(
	const struct intake *intake, uint64_t offset, uint64_t end, struct error *err)
{
	if (offset != intake->file.size)
		return error_set(err, ERR_INVALID_BUNDLE, "is sparse");
	if (intake->is_sized && end > intake->announced)
		return error_set(err, ERR_INVALID_BUNDLE, "has more than the announced %llu bytes",
			(unsigned long long)intake->announced);
	if (!check_total(intake, end, err))
		return false;
	return offset / DEADLINE_CHECK_BYTES == end / DEADLINE_CHECK_BYTES ||
	       check_deadline(intake, err);
}

static bool on_bytes(void *data, uint64_t offset, struct str bytes, struct error *err)
{
	struct intake *intake = data;

	if (!intake->is_open)
		return error_set(err, ERR_INVALID_BUNDLE, "a folder with contents");
	if (!check_bytes(intake, offset, intake->file.size + bytes.len, err))
		return error_wrap(err, "entry '%s'", intake->file.path);
	if (intake->fd >= 0 && !files_write_all(intake->fd, bytes))
		return error_set_errno(
			err, ERR_INTERNAL, errno, "entry '%s': write it", intake->file.path);
	sha256_add(&intake->hash, bytes.data, bytes.len);
	intake->file.size += bytes.len;
	return true;
}

struct reader_sink intake_sink(struct intake *intake)
{
	return (struct reader_sink){.entry = on_entry, .bytes = on_bytes, .data = intake};
}

bool intake_end(struct intake *intake, struct file_list *ret, struct error *err)
{
	if (!close_file(intake, err))
		return false;
	if (intake->files.count == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "holds no files");
	files_sort(&intake->files);
	*ret = intake->files;
	return true;
}
