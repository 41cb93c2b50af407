/* One small file into memory. */
#include "client/lanes.h"

struct reading {
	struct operation op;
	struct str place, path;
	size_t size_max;
	struct str *ret;
};

static struct next get(void *self);
static struct next on_got(void *self);

struct operation *client_file_read(
	struct client *client, struct arena *arena, struct str place, struct str path, size_t size_max, struct str *ret)
{
	struct reading *reading = operation_new(client, arena, sizeof(*reading));

	reading->place = place;
	reading->path = path;
	reading->size_max = size_max;
	reading->ret = ret;
	return operation_start(&reading->op, get);
}

static struct next get(void *self)
{
	struct reading *reading = self;
	struct operation *op = &reading->op;
	struct call_spec spec = {.ret_body = reading->ret, .body_max = reading->size_max};
	struct place place;

	if (!place_read(op->client, op->arena, reading->place, &place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	place_get(op->arena, &place, reading->path, &spec.call);
	return operation_await(op, call_start(op->client, op->arena, &spec, NULL), on_got);
}

static struct next on_got(void *self)
{
	return next_done();
}
