/* Names of archives; a file of its own, so that a server that only reads links no writer of
 * libarchive. */
#include "packaging/pack.h"
#include "packaging/writer.h"

static const struct {
	const char *suffix;
	enum writer_format format;
} FORMATS[] = {
	{".tar.gz", WRITER_TAR_GZ},
	{".tgz", WRITER_TAR_GZ},
	{".tar.zst", WRITER_TAR_ZST},
	{".tar", WRITER_TAR},
	{".zip", WRITER_ZIP},
};

bool writer_format_of(const char *path, enum writer_format *ret, struct str *ret_stem)
{
	const struct str name = str_of(path);

	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
		const struct str suffix = str_of(FORMATS[i].suffix);
		const struct str stem = {name.data, name.len - suffix.len};

		if (!str_ends(name, suffix) || stem.len == 0 || str_ends(stem, STR("/")))
			continue;
		*ret = FORMATS[i].format;
		if (ret_stem != NULL)
			*ret_stem = stem;
		return true;
	}
	return false;
}

bool pack_is_archive_name(const char *path, struct str *ret_stem)
{
	enum writer_format format;

	return writer_format_of(path, &format, ret_stem);
}
