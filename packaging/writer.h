#pragma once
/*
 * Writer: libarchive as pack uses it: every entry a regular file, 0644, owner 0, 1980-01-01.
 * Private to packaging/.
 */
#include "base/error.h"
#include "base/str.h"

enum writer_format { WRITER_TAR, WRITER_TAR_GZ, WRITER_TAR_ZST, WRITER_ZIP };

struct writer {
	struct archive *archive;
	struct archive_entry *entry;
	enum writer_format format;
};

/* Told by the end of the name; false where it is none of ours. `ret_stem` gets the path without it.
 */
bool writer_format_of(const char *path, enum writer_format *ret, struct str *ret_stem);

bool writer_init(struct writer *writer, int fd, enum writer_format format, struct error *err);
void writer_done(struct writer *writer);
/* Begins a file of `size` bytes; the bytes follow with writer_add. */
bool writer_begin(struct writer *writer, const char *path, uint64_t size, struct error *err);
bool writer_add(struct writer *writer, struct str bytes, struct error *err);
/* Writes what ends the archive. */
bool writer_end(struct writer *writer, struct error *err);
