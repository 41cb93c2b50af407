#include "packaging/reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

/* libarchive's own words; they may quote bytes of the archive, so the edge that shows them escapes
 * them. */
static bool fail(struct archive *archive, struct error *err)
{
	const char *said = archive_error_string(archive);

	return error_set(err, ERR_INVALID_BUNDLE, "%s", said != NULL ? said : "cannot be read");
}

static enum reader_type type_of(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry) != NULL)
		return READER_HARDLINK;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return READER_FILE;
	case AE_IFDIR:
		return READER_DIR;
	case AE_IFLNK:
		return READER_SYMLINK;
	case AE_IFCHR:
	case AE_IFBLK:
		return READER_DEVICE;
	case AE_IFIFO:
		return READER_FIFO;
	default:
		return READER_OTHER;
	}
}

static struct str name_of(struct archive_entry *entry)
{
	/* A name outside ASCII has no form in the C locale, but has one in UTF-8, for the message.
	 */
	const char *name = archive_entry_pathname(entry);
	if (name == NULL)
		name = archive_entry_pathname_utf8(entry);
	struct str shown = str_of(name);
	if (shown.len > READER_NAME_MAX)
		shown.len = READER_NAME_MAX;
	return shown;
}

static bool send_header(
	struct archive_entry *from, const struct reader_sink *sink, struct error *err)
{
	const struct reader_entry entry = {
		.type = type_of(from),
		.is_encrypted = archive_entry_is_encrypted(from) != 0,
		.is_sparse = archive_entry_sparse_count(from) > 0,
		.is_sized = archive_entry_size_is_set(from) != 0,
		.size = archive_entry_size(from),
		.name = name_of(from),
	};

	return sink->entry(sink->data, &entry, err);
}

static bool send_block(
	const struct reader_sink *sink, uint64_t offset, struct str block, struct error *err)
{
	while (block.len > 0) {
		const size_t len = block.len < READER_DATA_MAX ? block.len : READER_DATA_MAX;

		if (!sink->bytes(sink->data, offset, (struct str){block.data, len}, err))
			return false;
		block.data += len;
		block.len -= len;
		offset += len;
	}
	return true;
}

static bool send_data(struct archive *archive, const struct reader_sink *sink, struct error *err)
{
	for (;;) {
		const void *data;
		size_t len;
		la_int64_t offset;
		const int status = archive_read_data_block(archive, &data, &len, &offset);

		if (status == ARCHIVE_EOF)
			return true;
		/* A warning here means damaged contents (a wrong checksum). */
		if (status != ARCHIVE_OK)
			return fail(archive, err);
		if (!send_block(sink, (uint64_t)offset, (struct str){data, len}, err))
			return false;
	}
}

/* libarchive takes a tar that stops between two entries for whole; its end is a block of zeros. */
static bool check_end(struct archive *archive, struct error *err)
{
	const bool is_tar =
		(archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;

	if (is_tar && archive_filter_bytes(archive, 0) == archive_read_header_position(archive))
		return error_set(
			err, ERR_INVALID_BUNDLE, "truncated: the tar archive has no end mark");
	return true;
}

/* One compression at most: layers multiply what a few bytes can unfold to before the first entry is
 * seen. */
static bool check_filters(struct archive *archive, struct error *err)
{
	if (archive_filter_count(archive) > 2)
		return error_set(err, ERR_INVALID_BUNDLE, "compressed more than once");
	return true;
}

static bool read_entries(struct archive *archive, const struct reader_sink *sink, struct error *err)
{
	for (;;) {
		struct archive_entry *entry;
		const int status = archive_read_next_header(archive, &entry);

		if (status == ARCHIVE_EOF)
			return check_end(archive, err);
		/* Warnings are about owners and times that do not translate: nothing that is used.
		 */
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return fail(archive, err);
		if (!send_header(entry, sink, err) || !send_data(archive, sink, err))
			return false;
	}
}

static bool open_archive(struct archive *archive, struct str bytes, struct error *err)
{
	/* The zip reader that goes by the central directory only: the streaming one also takes what
	 * lost its end. */
	const bool ok = archive_read_support_format_tar(archive) == ARCHIVE_OK &&
			archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK &&
			archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
			archive_read_support_filter_zstd(archive) == ARCHIVE_OK &&
			archive_read_open_memory(archive, bytes.data, bytes.len) == ARCHIVE_OK;

	return ok ? check_filters(archive, err) : fail(archive, err);
}

bool reader_run(struct str archive, const struct reader_sink *sink, struct error *err)
{
	struct archive *reader = archive_read_new();

	if (reader == NULL)
		return error_set(err, ERR_INTERNAL, "out of memory");
	const bool ok = open_archive(reader, archive, err) && read_entries(reader, sink, err);
	archive_read_free(reader);
	return ok;
}
