/* list the files → manifest → write all beside the target → sync → rename */
#include "packaging/pack.h"

#include "packaging/manifest.h"
#include "packaging/names.h"
#include "packaging/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 64 * 1024,
	OWN_ENTRIES = 2, /* manifest.json and manifest.sig */
};

struct packing {
	struct arena *arena;
	const struct files_walk *walk;
	int dir_fd;
	struct str manifest, signature; /* signature: empty where there is none to take along */
	struct file_list files;
	struct writer writer;
	struct sha256 hash;
};

/* A signature speaks of one manifest only; over another one it would be a lie. */
static bool find_signature(struct packing *packing, struct error *err)
{
	files_notice_fn *const notice = packing->walk->notice;
	struct error ignored;
	struct str old;

	if (!files_read(packing->arena, packing->dir_fd, SIGNATURE_NAME, MANIFEST_SIZE_MAX,
		    &packing->signature, &ignored)) {
		packing->signature = STR("");
		return ignored.code == ERR_NOT_FOUND ||
		       error_set(err, ignored.code, "%s", ignored.text);
	}
	if (files_read(packing->arena, packing->dir_fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &old,
		    &ignored) &&
		str_eq(old, packing->manifest))
		return true;
	packing->signature = STR("");
	if (notice != NULL)
		notice(packing->walk->notice_data, SIGNATURE_NAME, "signs other files than these");
	return true;
}

/* Reads the file again: what goes in must be what the manifest says, even where somebody writes
 * meanwhile. */
static bool copy_file(struct packing *packing, const struct file *file, int fd, struct error *err)
{
	char chunk[CHUNK];
	uint64_t size = 0;
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		size += (size_t)got;
		if (size > file->size)
			break;
		sha256_add(&packing->hash, chunk, (size_t)got);
		if (!writer_add(&packing->writer, (struct str){chunk, (size_t)got}, err))
			return false;
	}
	if (got < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "read");
	const struct digest digest = sha256_end(&packing->hash);
	if (size != file->size || !digest_eq(&digest, &file->sha256))
		return error_set(err, ERR_CONFLICT, "changed while it was packed");
	return true;
}

static bool add_file(struct packing *packing, const struct file *file, struct error *err)
{
	const int fd = files_open(packing->dir_fd, file->path);

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", file->path);
	const bool ok = writer_begin(&packing->writer, file->path, file->size, err) &&
			copy_file(packing, file, fd, err);
	close(fd);
	return ok || error_wrap(err, "'%s'", file->path);
}

static bool add_text(struct packing *packing, const char *path, struct str text, struct error *err)
{
	return writer_begin(&packing->writer, path, text.len, err) &&
	       writer_add(&packing->writer, text, err);
}

static bool add_all(struct packing *packing, struct error *err)
{
	if (!add_text(packing, MANIFEST_NAME, packing->manifest, err))
		return false;
	if (packing->signature.len > 0 &&
		!add_text(packing, SIGNATURE_NAME, packing->signature, err))
		return false;
	for (size_t i = 0; i < packing->files.count; i++)
		if (!add_file(packing, &packing->files.items[i], err))
			return false;
	return writer_end(&packing->writer, err);
}

static bool write_archive(
	struct packing *packing, int fd, enum writer_format format, struct error *err)
{
	sha256_init(&packing->hash);
	const bool ok = writer_init(&packing->writer, fd, format, err) && add_all(packing, err);
	writer_done(&packing->writer);
	return ok;
}

/* Extraction refuses what unfolds too far: better said now than on the day of the deployment. */
static bool check_archive(
	const struct packing *packing, int fd, uint64_t *ret_size, struct error *err)
{
	const struct archive_limits *limits = packing->walk->limits;
	const uint64_t total =
		packing->files.total + packing->manifest.len + packing->signature.len;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "look at the archive");
	*ret_size = (uint64_t)st.st_size;
	if (packing->files.count + OWN_ENTRIES > limits->entries_max)
		return error_set(err, ERR_TOO_LARGE, "more than %u files",
			limits->entries_max - OWN_ENTRIES);
	if (*ret_size > limits->total_max || total > limits->total_max)
		return error_set(err, ERR_TOO_LARGE, "more than %llu bytes in all",
			(unsigned long long)limits->total_max);
	if (total > limits->ratio_floor && total > *ret_size * limits->ratio_max)
		return error_set(err, ERR_TOO_LARGE,
			"the files are more than %u times as large as the archive, which loading refuses",
			limits->ratio_max);
	return true;
}

static bool sync_folder_of(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		slash == NULL ? "." : path);
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const bool ok = fd >= 0 && fsync(fd) == 0;
	if (!ok)
		error_set_errno(err, ERR_INTERNAL, errno, "write folder '%s' to the disk", folder);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool publish(struct packing *packing, int fd, const char *temporary, const char *target,
	enum writer_format format, struct pack_result *ret, struct error *err)
{
	if (!write_archive(packing, fd, format, err) ||
		!check_archive(packing, fd, &ret->archive_size, err))
		return false;
	if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
		return error_set_errno(
			err, ERR_INTERNAL, errno, "write '%s' to the disk", temporary);
	if (rename(temporary, target) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "rename '%s'", temporary);
	ret->digest = digest_of(packing->manifest);
	ret->files = packing->files;
	return sync_folder_of(target, err);
}

static bool write_target(struct packing *packing, const char *target, enum writer_format format,
	struct pack_result *ret, struct error *err)
{
	char *temporary = arena_printf(packing->arena, "%s.XXXXXX", target);
	const int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "write beside '%s'", target);
	const bool ok = publish(packing, fd, temporary, target, format, ret, err);
	close(fd);
	if (!ok)
		unlink(temporary);
	return ok;
}

/* An archive inside its own folder would be part of its own next version. */
static bool check_target(
	struct arena *arena, const char *folder, const char *target, struct error *err)
{
	const char *slash = strrchr(target, '/');
	const char *parent =
		slash == NULL ? "."
			      : arena_printf(arena, "%.*s", (int)(slash - target) + 1, target);
	char inside[PATH_MAX], outside[PATH_MAX];

	if (realpath(folder, inside) == NULL)
		return error_set_errno(
			err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno, "'%s'", folder);
	if (realpath(parent, outside) == NULL)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "folder '%s'", parent);
	const struct str root = str_of(inside), at = str_of(outside);
	if (str_starts(at, root) &&
		(at.len == root.len || at.data[root.len] == '/' || root.len == 1))
		return error_set(err, ERR_USAGE,
			"'%s' lies inside the folder to pack, name a place outside it", target);
	return true;
}

static bool pack_opened(struct packing *packing, const char *target, enum writer_format format,
	struct pack_result *ret, struct error *err)
{
	return pack_manifest(packing->arena, packing->dir_fd, packing->walk, &packing->manifest,
		       &packing->files, err) &&
	       find_signature(packing, err) && write_target(packing, target, format, ret, err);
}

bool pack_folder(struct arena *arena, const char *folder, const char *target,
	const struct files_walk *walk, struct pack_result *ret, struct error *err)
{
	struct packing packing = {.arena = arena, .walk = walk};
	struct pack_result result;
	enum writer_format format;

	if (!writer_format_of(target, &format, NULL))
		return error_set(err, ERR_USAGE,
			"'%s': the name must end in .tar.gz, .tgz, .tar.zst, .tar or .zip", target);
	if (!check_target(arena, folder, target, err))
		return false;
	packing.dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (packing.dir_fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "open folder '%s'", folder);
	const bool ok = pack_opened(&packing, target, format, &result, err);
	close(packing.dir_fd);
	if (!ok)
		return error_wrap(err, "pack '%s'", folder);
	*ret = result;
	return true;
}
