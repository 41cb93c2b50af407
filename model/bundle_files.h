#pragma once
/*
 * Bundle files: the only way in which model/ reads a bundle's folder.
 *
 * A path is relative, "/" between its names, none of them empty, "." or ".."; no symbolic link is
 * followed below `dir`, only regular files are read (never a device or a pipe), and only up to a
 * limit.
 */
#include "base/decode.h"

enum {
	BUNDLE_TEXT_MAX = 1 << 20,     /* YAML and prompts */
	BUNDLE_EXAMPLE_MAX = 16 << 20, /* as the server's body limit */
	BUNDLE_FILES_MAX = 10000,
	BUNDLE_DEPTH_MAX = 16,
};

bool bundle_path_is_safe(struct str path);

/* ERR_NOT_FOUND where there is none; ERR_INVALID_BUNDLE, ERR_TOO_LARGE otherwise. JSON_PADDING zero
 * bytes follow. */
bool bundle_file_read(struct arena *arena, const char *dir, const char *path, size_t size_max,
	struct str *ret, struct error *err);
/* The same as YAML; problems are named by file and line. */
bool bundle_yaml_read(struct arena *arena, const char *dir, const char *path, struct json *ret,
	struct problems *problems);
enum bundle_file_kind {
	BUNDLE_FILE_NONE,
	BUNDLE_FILE_REGULAR,
	BUNDLE_FILE_FOLDER,
	BUNDLE_FILE_OTHER
};
enum bundle_file_kind bundle_file_kind(const char *dir, const char *path);

/* A folder's entries, or all files below it (`is_deep`), as paths inside the bundle in byte order;
 * at most BUNDLE_FILES_MAX. */
bool bundle_folder_list(struct arena *arena, const char *dir, const char *path, bool is_deep,
	struct decode_list *ret, struct error *err); /* const char * */
