#pragma once
/*
 * Archive: from an archive of unknown origin to plain files in an empty folder, or to an error and
 * an empty folder.
 *
 * Formats: tar (ustar, pax, GNU) plain, gzip or zstd; zip. Told by content, never by name; nothing
 * else of libarchive is enabled, and one layer of compression at most.
 *
 * libarchive, zlib and libzstd parse hostile bytes, so they run in a child that can do nothing but
 * compute and write to a pipe: no environment, no descriptors, limits on memory, processor time and
 * files, and a seccomp filter that knows neither files nor sockets (jail.h). What comes out of the
 * pipe is hostile still: this side checks every name and size, makes the files and hashes them.
 * libarchive's own "secure" flags are not relied upon, as they let most of
 * docs/protocol/ARCHIVES.md's table through.
 *
 * Accepted are regular files and folders with names as names.h wants them ("./" in front is
 * dropped), each name once whatever its case, under the limits below. Refused are links of both
 * kinds, devices, pipes, sparse and encrypted entries, entries that are shorter or longer than they
 * announce, tar archives without an end. Owners, modes, times and extended attributes are ignored:
 * files become 0644, folders 0755. Folders without files are not made.
 *
 * Errors: ERR_INVALID_BUNDLE (what the archive is), ERR_TOO_LARGE (limits), ERR_DEADLINE,
 * ERR_NOT_FOUND, ERR_INTERNAL (this machine: no disk space, no process). They name the entry,
 * unprintable bytes as \xNN.
 */
#include "packaging/files.h"

struct archive_limits {
	uint32_t entries_max; /* files and folders together */
	uint64_t file_max;    /* bytes of one file */
	uint64_t total_max;   /* bytes of all files; also of the archive */
	uint32_t ratio_max;   /* bytes of all files for each byte of the archive … */
	uint64_t ratio_floor; /* … that count only above this many bytes */
	uint32_t deadline_ms;
};

/* 10,000 entries, 256 MiB a file, 1 GiB in all, ratio 100 above 1 MiB, 30 s. */
extern const struct archive_limits archive_limits_default;

/*
 * Extracts the archive `path` into the empty folder `dir_fd`. `ret` lists the files, sorted; paths
 * live on the arena. On failure nothing is left in the folder. Safe to call from any thread.
 */
bool archive_extract(struct arena *arena, const char *path, int dir_fd,
	const struct archive_limits *limits, struct file_list *ret, struct error *err);

/*
 * The same from memory and without the child: for fuzzing and for tests, never for what came from
 * outside. With a `dir_fd` of -1 everything is checked and nothing written.
 */
bool archive_extract_bytes(struct arena *arena, struct str bytes, int dir_fd,
	const struct archive_limits *limits, struct file_list *ret, struct error *err);
