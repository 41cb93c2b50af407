#include "client/lanes.h"

#include <unistd.h>

enum { TELL_NS = 100 * 1000000 };

static struct next begin_lane(void *self);

struct starting {
	struct lane lane;
	flow_step *first;
};

struct next lanes_run(struct transfer *transfer, flow_step *first, flow_step *on)
{
	struct operation *op = &transfer->op;
	const size_t left = transfer->files->count - transfer->next;
	const size_t max = op->client->options.transfers_max;

	transfer->progress.files = transfer->files->count;
	transfer->progress.bytes = transfer->files->total;
	for (size_t i = 0; i < (left < max ? left : max); i++) {
		struct starting *starting = operation_new(op->client, op->arena, sizeof(*starting));

		starting->lane.transfer = transfer;
		starting->lane.fd = -1;
		starting->first = first;
		arena_init(&starting->lane.arena);
		operation_add(op, operation_start(&starting->lane.op, begin_lane));
	}
	return operation_await_all(op, on);
}

static struct next begin_lane(void *self)
{
	struct starting *starting = self;

	return lane_next(&starting->lane, starting->first);
}

static void close_file(struct lane *lane)
{
	if (lane->fd >= 0)
		close(lane->fd);
	lane->fd = -1;
}

struct next lane_next(struct lane *lane, flow_step *first)
{
	struct transfer *transfer = lane->transfer;

	close_file(lane);
	if (transfer->next == transfer->files->count) {
		arena_done(&lane->arena);
		return next_done();
	}
	arena_clear(&lane->arena);
	lane->file = &transfer->files->items[transfer->next++];
	lane->moved = 0;
	return next_step(first);
}

struct next lane_fail(struct lane *lane)
{
	close_file(lane);
	arena_done(&lane->arena);
	return next_fail(&lane->op.flow, NULL);
}

struct str lane_path(struct lane *lane)
{
	return path_join(&lane->arena, lane->transfer->path, str_of(lane->file->path));
}

void transfer_tell(struct transfer *transfer)
{
	transfer->told_ns = loop_now_ns(transfer->op.client->loop);
	if (transfer->on_progress != NULL)
		transfer->on_progress(transfer->data, &transfer->progress);
}

void lane_moved(struct lane *lane, uint64_t bytes)
{
	struct transfer *transfer = lane->transfer;

	transfer->progress.bytes_done += bytes - lane->moved;
	lane->moved = bytes;
	if (loop_now_ns(transfer->op.client->loop) - transfer->told_ns >= TELL_NS)
		transfer_tell(transfer);
}
