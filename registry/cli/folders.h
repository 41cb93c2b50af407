#pragma once
/*
 * Folders: copies of a bundle's files.
 */
#include "packaging/files.h"

/* Copies the files of the list, which lie below `from_fd`, to new files below `to_fd`. */
bool folder_copy(int from_fd, const struct file_list *files, int to_fd, struct error *err);
/* A new file with these bytes. */
bool folder_write(int dir_fd, const char *path, struct str bytes, struct error *err);
/* One file at `from`, a path of this machine, to `to` below the folder. */
bool folder_take(const char *from, int dir_fd, const char *to, struct error *err);
/* Copies the files to the new folder `path`, which appears whole or not at all; an empty one may be there already
 * (ERR_CONFLICT for one that is not). */
bool folder_publish(
	struct arena *arena, int from_fd, const struct file_list *files, const char *path, struct error *err);
