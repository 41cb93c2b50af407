#include "packaging/writer.h"

#include <archive.h>
#include <archive_entry.h>

/* 1980-01-01 00:00:00 UTC, the first moment that zip can spell. */
static const time_t ENTRY_TIME = 315532800;

static bool check(struct writer *writer, int status, struct error *err)
{
	if (status == ARCHIVE_OK)
		return true;
	const char *said = archive_error_string(writer->archive);
	return error_set(err, ERR_INTERNAL, "%s", said != NULL ? said : "write the archive");
}

/* Levels and the missing time stamp are what makes equal input equal bytes. */
static int set_format(struct archive *archive, enum writer_format format)
{
	int status = format == WRITER_ZIP ? archive_write_set_format_zip(archive)
					  : archive_write_set_format_pax_restricted(archive);

	if (status == ARCHIVE_OK && format == WRITER_TAR_GZ)
		status = archive_write_add_filter_gzip(archive);
	if (status == ARCHIVE_OK && format == WRITER_TAR_ZST)
		status = archive_write_add_filter_zstd(archive);
	if (status != ARCHIVE_OK)
		return status;
	switch (format) {
	case WRITER_TAR_GZ:
		return archive_write_set_options(
			archive, "gzip:compression-level=9,gzip:!timestamp");
	case WRITER_TAR_ZST:
		return archive_write_set_options(archive, "zstd:compression-level=15");
	case WRITER_ZIP:
		return archive_write_set_options(
			archive, "zip:compression=deflate,zip:compression-level=9");
	default:
		return ARCHIVE_OK;
	}
}

bool writer_init(struct writer *writer, int fd, enum writer_format format, struct error *err)
{
	*writer = (struct writer){
		.archive = archive_write_new(), .entry = archive_entry_new(), .format = format};
	if (writer->archive == NULL || writer->entry == NULL)
		return error_set(err, ERR_INTERNAL, "out of memory");
	/* No padding behind the end. */
	archive_write_set_bytes_in_last_block(writer->archive, 1);
	return check(writer, set_format(writer->archive, format), err) &&
	       check(writer, archive_write_open_fd(writer->archive, fd), err);
}

void writer_done(struct writer *writer)
{
	archive_entry_free(writer->entry);
	if (writer->archive != NULL) {
		/* Free would end an archive that failed half-way. */
		archive_write_fail(writer->archive);
		archive_write_free(writer->archive);
	}
	*writer = (struct writer){0};
}

bool writer_begin(struct writer *writer, const char *path, uint64_t size, struct error *err)
{
	struct archive_entry *entry = archive_entry_clear(writer->entry);

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)size);
	/* zip spells local time: without a time it writes its first one, in every time zone. */
	if (writer->format != WRITER_ZIP)
		archive_entry_set_mtime(entry, ENTRY_TIME, 0);
	return check(writer, archive_write_header(writer->archive, entry), err);
}

bool writer_add(struct writer *writer, struct str bytes, struct error *err)
{
	while (bytes.len > 0) {
		const la_ssize_t put = archive_write_data(writer->archive, bytes.data, bytes.len);

		if (put <= 0)
			return check(writer, ARCHIVE_FATAL, err);
		bytes.data += put;
		bytes.len -= (size_t)put;
	}
	return true;
}

bool writer_end(struct writer *writer, struct error *err)
{
	return check(writer, archive_write_close(writer->archive), err);
}
