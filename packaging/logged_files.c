#include "packaging/logged_files.h"

#include "base/str.h"

const struct file *logged_archive(const struct file_list *files)
{
	for (size_t i = 0; i < files->count; i++)
		if (str_starts(str_of(files->items[i].path), STR(LOGGED_FOLDER "/bundle.")) &&
			strcmp(files->items[i].path, LOGGED_FOLDER "/" LOGGED_MANIFEST) != 0)
			return &files->items[i];
	return NULL;
}
