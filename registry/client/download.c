/*
 * client_download → find the way → list → { read the manifest → on_manifest } → lanes
 * lane: { get | sign → get } → on_got → next file
 *
 * What a manifest lists is hashed as it arrives and compared before the next file is taken. Files are made anew, never
 * written over.
 */
#include "client/lanes.h"
#include "packaging/manifest.h"
#include "packaging/names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct downloading {
	struct transfer transfer;
	struct client_download what;
	struct client_downloaded *ret;
	struct str manifest;
	struct file_list listed; /* by the manifest */
};

static struct next find_way(void *self);
static struct next list_it(void *self);
static struct next on_list(void *self);
static struct next on_manifest(void *self);
static struct next get_files(struct downloading *downloading);
static struct next on_lanes(void *self);
static struct next take_file(void *self);
static struct next on_signed(void *self);
static struct next get(struct lane *lane, struct call_spec *spec);
static bool on_attempt(void *data, struct error *err);
static bool on_bytes(void *data, struct str bytes, struct error *err);
static struct next on_got(void *self);
static struct next fail_file(struct lane *lane);

struct operation *client_download(struct client *client, struct arena *arena, const struct client_download *download,
	struct client_downloaded *ret)
{
	struct downloading *downloading = operation_new(client, arena, sizeof(*downloading));
	struct transfer *transfer = &downloading->transfer;

	downloading->what = *download;
	downloading->ret = ret;
	*ret = (struct client_downloaded){.has_manifest = false};
	transfer->path = download->path;
	transfer->dir_fd = download->dir_fd;
	transfer->files = &ret->files;
	transfer->on_progress = download->on_progress;
	transfer->data = download->data;
	return operation_start(&transfer->op, find_way);
}

static struct next find_way(void *self)
{
	struct downloading *downloading = self;
	struct transfer *transfer = &downloading->transfer;
	struct operation *op = &transfer->op;

	if (!place_read(op->client, op->arena, downloading->what.place, &transfer->place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	return operation_await(
		op, place_find_way(op->client, op->arena, &transfer->place, false, &transfer->way), list_it);
}

static struct next list_it(void *self)
{
	struct downloading *downloading = self;
	struct operation *op = &downloading->transfer.op;
	const struct client_download *what = &downloading->what;

	return operation_await(op,
		client_files_list(op->client, op->arena, what->place, what->path, &downloading->ret->files), on_list);
}

static struct next on_list(void *self)
{
	struct downloading *downloading = self;
	struct operation *op = &downloading->transfer.op;
	const struct client_download *what = &downloading->what;

	if (downloading->ret->files.count == 0) {
		error_set(&op->flow.err, ERR_NOT_FOUND, "there are no files at '%.*s%s%.*s'", STR_ARGS(what->place),
			what->path.len > 0 ? "/" : "", STR_ARGS(what->path));
		return next_fail(&op->flow, NULL);
	}
	if (files_find(&downloading->ret->files, MANIFEST_NAME) == NULL)
		return get_files(downloading);
	return operation_await(op,
		client_file_read(op->client, op->arena, what->place,
			path_join(op->arena, what->path, STR(MANIFEST_NAME)), MANIFEST_SIZE_MAX,
			&downloading->manifest),
		on_manifest);
}

/* The listing's sizes are for progress only; the manifest's are checked. */
static bool join_manifest(struct downloading *downloading, struct error *err)
{
	struct arena *arena = downloading->transfer.op.arena;
	struct file_list all = downloading->ret->files, kept = {0};

	for (size_t i = 0; i < downloading->listed.count; i++)
		if (files_find(&all, downloading->listed.items[i].path) == NULL)
			return error_set(err, ERR_INVALID_BUNDLE, "file '%s' of the manifest is not there",
				downloading->listed.items[i].path);
	for (size_t i = 0; i < all.count; i++) {
		const struct file *listed = files_find(&downloading->listed, all.items[i].path);
		const bool is_wanted =
			!downloading->what.is_bundle_only || listed != NULL || manifest_is_own(all.items[i].path);

		if (is_wanted)
			files_add(arena, &kept, listed != NULL ? *listed : all.items[i]);
	}
	downloading->ret->files = kept;
	return true;
}

static struct next on_manifest(void *self)
{
	struct downloading *downloading = self;
	struct flow *flow = &downloading->transfer.op.flow;

	if (!manifest_read(downloading->transfer.op.arena, downloading->manifest, &downloading->listed, &flow->err) ||
		!join_manifest(downloading, &flow->err))
		return next_fail(flow, NULL);
	downloading->ret->has_manifest = true;
	downloading->ret->digest = digest_of(downloading->manifest);
	return get_files(downloading);
}

/* Both ways of Unity Catalog read by signed URLs where the workspace has them; its Files API takes what they do not. */
static struct next get_files(struct downloading *downloading)
{
	if (downloading->transfer.place.kind == PLACE_UNITY)
		downloading->transfer.way = WAY_SIGNED;
	return lanes_run(&downloading->transfer, take_file, on_lanes);
}

static struct next on_lanes(void *self)
{
	transfer_tell(self);
	return next_done();
}

static struct next take_file(void *self)
{
	struct lane *lane = self;
	struct transfer *transfer = lane->transfer;
	struct call_spec spec = {.ret_body = NULL};

	lane->fd = files_create(transfer->dir_fd, lane->file->path);
	if (lane->fd < 0) {
		const enum error_code code = errno == EEXIST ? ERR_CONFLICT : ERR_INTERNAL;

		error_set_errno(&lane->op.flow.err, code, errno, "file '%s'", lane->file->path);
		return lane_fail(lane);
	}
	if (transfer->way == WAY_DIRECT) {
		place_get(&lane->arena, &transfer->place, lane_path(lane), &spec.call);
		return get(lane, &spec);
	}
	/* Where there is another way, a service that fails is not waited for. */
	spec.is_asked_once = !place_is_signed(&transfer->place);
	place_sign(&lane->arena, &transfer->place, lane_path(lane), false, &spec.call);
	return operation_try(&lane->op, call_start(lane->op.client, &lane->arena, &spec, &lane->answer), on_signed);
}

static struct next on_signed(void *self)
{
	struct lane *lane = self;
	struct transfer *transfer = lane->transfer;
	struct error *err = &lane->op.flow.err;
	struct call_spec spec = {.ret_body = NULL};
	struct error why = lane->op.child_err;

	if (why.code == ERR_NONE && place_signed(&lane->arena, &transfer->place, false, &lane->answer, &spec, &why))
		return get(lane, &spec);
	if (place_is_signed(&transfer->place)) {
		*err = why;
		return fail_file(lane);
	}
	transfer->way = WAY_DIRECT;
	place_get(&lane->arena, &transfer->place, lane_path(lane), &spec.call);
	return get(lane, &spec);
}

static struct next get(struct lane *lane, struct call_spec *spec)
{
	spec->sink = on_bytes;
	spec->on_attempt = on_attempt;
	spec->stream_data = lane;
	return operation_try(&lane->op, call_start(lane->op.client, &lane->arena, spec, NULL), on_got);
}

/* What an attempt before this one left is no part of the file. */
static bool on_attempt(void *data, struct error *err)
{
	struct lane *lane = data;

	if (ftruncate(lane->fd, 0) != 0 || lseek(lane->fd, 0, SEEK_SET) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "file '%s'", lane->file->path);
	lane_moved(lane, 0);
	sha256_init(&lane->hash);
	return true;
}

static const struct file *listed_of(const struct lane *lane)
{
	const struct downloading *downloading = (const struct downloading *)lane->transfer;

	return files_find(&downloading->listed, lane->file->path);
}

static bool on_bytes(void *data, struct str bytes, struct error *err)
{
	struct lane *lane = data;
	const struct file *listed = listed_of(lane);

	if (listed != NULL && bytes.len > listed->size - lane->moved)
		return error_set(err, ERR_INVALID_BUNDLE, "it is longer than the manifest says");
	if (!files_write_all(lane->fd, bytes))
		return error_set_errno(err, ERR_INTERNAL, errno, "file '%s'", lane->file->path);
	sha256_add(&lane->hash, bytes.data, bytes.len);
	lane_moved(lane, lane->moved + bytes.len);
	return true;
}

static bool check(struct lane *lane, struct error *err)
{
	const struct downloading *downloading = (const struct downloading *)lane->transfer;
	const struct file *listed = listed_of(lane);

	lane->file->size = lane->moved;
	lane->file->sha256 = sha256_end(&lane->hash);
	const bool is_manifest = downloading->ret->has_manifest && strcmp(lane->file->path, MANIFEST_NAME) == 0;
	const struct digest *wanted = is_manifest ? &downloading->ret->digest : listed != NULL ? &listed->sha256 : NULL;
	if (wanted == NULL || digest_eq(wanted, &lane->file->sha256))
		return true;
	return error_set(err, ERR_INVALID_BUNDLE, "it is not what the manifest says: %llu bytes, other content",
		(unsigned long long)lane->moved);
}

/* Best effort: half a file must not look like one. */
static void remove_file(int dir_fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char folder[NAME_MAX_LEN + 1];

	if (slash == NULL) {
		unlinkat(dir_fd, name, 0);
		return;
	}
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	const int folder_fd = files_open_as(dir_fd, folder, O_RDONLY | O_DIRECTORY);
	if (folder_fd < 0)
		return;
	unlinkat(folder_fd, name, 0);
	close(folder_fd);
}

static struct next fail_file(struct lane *lane)
{
	error_wrap(&lane->op.flow.err, "download '%s'", lane->file->path);
	remove_file(lane->transfer->dir_fd, lane->file->path);
	return lane_fail(lane);
}

static struct next on_got(void *self)
{
	struct lane *lane = self;

	lane->op.flow.err = lane->op.child_err;
	if (lane->op.child_err.code != ERR_NONE || !check(lane, &lane->op.flow.err))
		return fail_file(lane);
	lane->transfer->progress.files_done++;
	return lane_next(lane, take_file);
}
