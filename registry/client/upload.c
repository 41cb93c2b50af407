/* client_upload → find the way → lanes: open → { put | sign → put } → on_put → next file */
#include "client/lanes.h"

#include <errno.h>
#include <sys/stat.h>

static struct next find_way(void *self);
static struct next on_way(void *self);
static struct next on_lanes(void *self);
static struct next open_file(void *self);
static struct next on_signed(void *self);
static struct next put(struct lane *lane, struct call_spec *spec);
static struct next on_put(void *self);

struct uploading {
	struct transfer transfer;
	struct str place;
};

struct operation *client_upload(struct client *client, struct arena *arena, const struct client_upload *upload)
{
	struct uploading *uploading = operation_new(client, arena, sizeof(*uploading));
	struct transfer *transfer = &uploading->transfer;

	uploading->place = upload->place;
	transfer->path = upload->path;
	transfer->dir_fd = upload->dir_fd;
	transfer->files = upload->files;
	transfer->on_progress = upload->on_progress;
	transfer->data = upload->data;
	return operation_start(&transfer->op, find_way);
}

static struct next find_way(void *self)
{
	struct uploading *uploading = self;
	struct transfer *transfer = &uploading->transfer;
	struct operation *op = &transfer->op;

	if (!place_read(op->client, op->arena, uploading->place, &transfer->place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	return operation_await(
		op, place_find_way(op->client, op->arena, &transfer->place, true, &transfer->way), on_way);
}

static struct next on_way(void *self)
{
	return lanes_run(self, open_file, on_lanes);
}

static struct next on_lanes(void *self)
{
	transfer_tell(self);
	return next_done();
}

static bool open_to_read(struct lane *lane, struct error *err)
{
	const struct file *file = lane->file;
	struct stat about;

	lane->fd = files_open(lane->transfer->dir_fd, file->path);
	if (lane->fd < 0 || fstat(lane->fd, &about) != 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "file '%s'", file->path);
	if ((uint64_t)about.st_size != file->size)
		return error_set(err, ERR_CONFLICT, "file '%s' has changed: %llu bytes, not %llu", file->path,
			(unsigned long long)about.st_size, (unsigned long long)file->size);
	lane->body = (struct fetch_file){lane->fd, file->size};
	return true;
}

static struct next open_file(void *self)
{
	struct lane *lane = self;
	struct transfer *transfer = lane->transfer;
	struct call_spec spec = {.ret_body = NULL};
	struct client_call sign;

	if (!open_to_read(lane, &lane->op.flow.err))
		return lane_fail(lane);
	if (transfer->way == WAY_DIRECT) {
		place_put(&lane->arena, &transfer->place, lane_path(lane), &spec.call);
		return put(lane, &spec);
	}
	place_sign(&lane->arena, &transfer->place, lane_path(lane), true, &sign);
	return operation_try(&lane->op, client_call(lane->op.client, &lane->arena, &sign, &lane->answer), on_signed);
}

static struct next fail_as_child(struct lane *lane)
{
	lane->op.flow.err = lane->op.child_err;
	error_wrap(&lane->op.flow.err, "upload '%s'", lane->file->path);
	return lane_fail(lane);
}

static struct next on_signed(void *self)
{
	struct lane *lane = self;
	struct call_spec spec;

	if (lane->op.child_err.code != ERR_NONE)
		return fail_as_child(lane);
	if (!place_signed(&lane->arena, &lane->transfer->place, true, &lane->answer, &spec, &lane->op.flow.err))
		return lane_fail(lane);
	return put(lane, &spec);
}

static void on_sent(void *data, uint64_t bytes)
{
	lane_moved(data, bytes);
}

static struct next put(struct lane *lane, struct call_spec *spec)
{
	spec->file = &lane->body;
	spec->file_name = lane->file->path;
	spec->on_sent = on_sent;
	spec->stream_data = lane;
	return operation_try(&lane->op, call_start(lane->op.client, &lane->arena, spec, NULL), on_put);
}

static struct next on_put(void *self)
{
	struct lane *lane = self;

	if (lane->op.child_err.code != ERR_NONE)
		return fail_as_child(lane);
	lane_moved(lane, lane->file->size);
	lane->transfer->progress.files_done++;
	return lane_next(lane, open_file);
}
