/* A file of its own: the server needs a folder's digest, but no archive writer, and a static library is linked by its files.
 * With the writer come libarchive's other formats, libxml2, ICU and libstdc++ (2 MB resident; tests/system/process_test.py). */
#include "packaging/manifest.h"
#include "packaging/pack.h"

bool pack_manifest(struct arena *arena, int dir_fd, const struct files_walk *walk,
	struct str *ret_manifest, struct file_list *ret_files, struct error *err)
{
	struct file_list files;
	struct buf text;

	if (!files_walk(arena, dir_fd, walk, &files, err))
		return false;
	if (files.count == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "the folder holds no files");
	buf_init(&text);
	manifest_write(&text, &files);
	*ret_manifest = (struct str){arena_memdup(arena, text.data, text.len), text.len};
	*ret_files = files;
	buf_done(&text);
	return true;
}
