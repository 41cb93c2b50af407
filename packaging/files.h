#pragma once
/*
 * Files: the list of a bundle's files, and what is done with a folder as a whole: walk, remove,
 * make durable. Everything works relative to a folder's descriptor and follows no symbolic link.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

struct archive_limits;

struct file {
	const char *path; /* as names.h wants it */
	uint64_t size;
	struct digest sha256;
};

struct file_list {
	struct file *items;
	size_t count, cap;
	uint64_t total;     /* bytes of all */
	bool is_unfiltered; /* they came out of an archive whose reader had no seccomp filter:
			       jail.h */
};

/* `path` outlives the list. */
void files_add(struct arena *arena, struct file_list *list, struct file file);
/* By the bytes of the path, as the manifest has it. */
void files_sort(struct file_list *list);
/* In a sorted list; NULL where there is none. */
const struct file *files_find(const struct file_list *list, const char *path);

/* Says why a file is left out ("editor backup"); `path` and `why` live for the call only. */
typedef void files_notice_fn(void *data, const char *path, const char *why);

struct files_walk {
	const struct archive_limits *limits;
	files_notice_fn *notice; /* may be NULL */
	void *notice_data;
};

/*
 * Lists the regular files below `dir_fd` with size and SHA-256, sorted. What belongs to a bundle:
 *   left out, with a notice: names that start with a dot, names that end in '~' or are #…#
 * (editors' backups),
 *       __pycache__ and *.pyc, and at the top manifest.json and manifest.sig (without notice: they
 * describe the list) refused: symbolic links, devices, pipes, sockets; names against names.h;
 * anything over the limits Empty folders are not listed: a bundle is its files.
 */
bool files_walk(struct arena *arena, int dir_fd, const struct files_walk *walk,
	struct file_list *ret, struct error *err);

/* Why a file or folder of this name is left out ("an editor's backup"); NULL where it is not. Not
 * of a path. */
const char *files_leave_out(const char *name);

/* Opens a regular file below `dir_fd`; refuses links on the way. -1 with errno (ELOOP for a link).
 */
int files_open(int dir_fd, const char *path);
/* The same with open(2)'s flags, whatever kind of file it is. `path` is relative, without "." and
 * "..". */
int files_open_as(int dir_fd, const char *path, int flags);
/* All `size` bytes, or what is there up to the file's end. False with errno. */
bool files_read_all(int fd, char *data, size_t size, size_t *ret_len);
bool files_write_all(int fd, struct str bytes);
/* Reads a whole file below `dir_fd` of at most `size_max` bytes; followed by JSON_PADDING bytes. */
bool files_read(struct arena *arena, int dir_fd, const char *path, size_t size_max, struct str *ret,
	struct error *err);
/* Size and SHA-256 of an open file. ERR_TOO_LARGE past `size_max`. */
bool files_hash(int fd, struct sha256 *hash, uint64_t size_max, uint64_t *ret_size,
	struct digest *ret, struct error *err);
/* Makes the folders on the way to `path` (0755) and the file itself (0644), which must not exist;
 * -1 with errno. */
int files_create(int dir_fd, const char *path);

/* Removes everything in the folder; best effort, as it runs on error paths. */
void files_clear(int dir_fd);
/* Removes `name` below `dir_fd` with everything in it. */
void files_remove(int dir_fd, const char *name);
/* Everything in the folder, and the folder itself, is on the disk when this returns. */
bool files_sync(int dir_fd, struct error *err);
