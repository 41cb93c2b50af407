#pragma once
/*
 * Transfer: files to and from where a registry keeps them, several at a time, streamed: no file is ever in memory.
 *
 * A place is what the server calls an artifact URI: "mlflow-artifacts:/6/RUN/artifacts" (through the tracking server's
 * proxy), "dbfs:/databricks/mlflow-tracking/6/RUN/artifacts" (a workspace's, by URLs that it signs), or
 * "unity:/catalog/schema/model/3", which is ours for the files of a Unity Catalog version. Other stores (s3:, abfss:,
 * gs:, file:) are ERR_NOT_IMPLEMENTED: an MLflow server that serves its artifacts proxies them.
 *
 * Names are packaging/names.h's: a listing with a name that could leave the folder, or be two names, is
 * ERR_INVALID_BUNDLE. Files are read and written on the loop's thread, so this is for tools, not for servers.
 */
#include "client/client.h"
#include "packaging/files.h"

struct client_progress {
	size_t files_done, files;
	uint64_t bytes_done, bytes;
};
typedef void client_progress_fn(void *data, const struct client_progress *progress);

/* Every file below `path` of the place ("": all), sorted; a file itself is its own only one. sha256 is zero. */
struct operation *client_files_list(
	struct client *client, struct arena *arena, struct str place, struct str path, struct file_list *ret);

struct client_upload {
	struct str place, path;          /* `path` is put in front of every name; "": nothing */
	int dir_fd;                      /* names are below it; stays the caller's */
	const struct file_list *files;   /* `path` and `size` of each; a file that changed its size is ERR_CONFLICT */
	client_progress_fn *on_progress; /* about ten times a second, and at the end; may be NULL */
	void *data;
};
/* The first file that fails ends it; files that are there already stay. */
struct operation *client_upload(struct client *client, struct arena *arena, const struct client_upload *upload);

struct client_download {
	struct str place, path;
	int dir_fd; /* an empty folder; names are below it, without `path` */
	/* Where the place has a manifest.json, only what it lists, and the two files of its own: a bundle, without what
	 * others put beside it. */
	bool is_bundle_only;
	client_progress_fn *on_progress;
	void *data;
};
struct client_downloaded {
	struct file_list files; /* with sha256 */
	bool has_manifest;      /* every file that it lists is there, and has its bytes */
	struct digest digest;   /* of the manifest, where there is one: the bundle's */
};
/*
 * All of it. Where there is a manifest.json, what it lists is checked while it arrives (ERR_INVALID_BUNDLE). Files that
 * are there already are ERR_CONFLICT; on failure those that arrived stay, those that did not are removed. A place
 * without files is ERR_NOT_FOUND.
 */
struct operation *client_download(struct client *client, struct arena *arena, const struct client_download *download,
	struct client_downloaded *ret);

/* One small file into memory; at most size_max bytes (ERR_TOO_LARGE), followed by JSON_PADDING readable ones. */
struct operation *client_file_read(struct client *client, struct arena *arena, struct str place, struct str path,
	size_t size_max, struct str *ret);
