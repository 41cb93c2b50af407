/* One small file into memory: { get | sign → get } */
#include "client/place.h"
#include "client/transfer.h"

struct reading {
	struct operation op;
	struct str uri, path;
	size_t size_max;
	struct place place;
	struct json answer;
	struct str *ret;
};

static struct next begin(void *self);
static struct next on_signed(void *self);
static struct next get(struct reading *reading, struct call_spec *spec);
static struct next on_got(void *self);

struct operation *client_file_read(
	struct client *client, struct arena *arena, struct str place, struct str path, size_t size_max, struct str *ret)
{
	struct reading *reading = operation_new(client, arena, sizeof(*reading));

	reading->uri = place;
	reading->path = path;
	reading->size_max = size_max;
	reading->ret = ret;
	return operation_start(&reading->op, begin);
}

static struct next begin(void *self)
{
	struct reading *reading = self;
	struct operation *op = &reading->op;
	struct call_spec spec = {.ret_body = NULL};

	if (!place_read(op->client, op->arena, reading->uri, &reading->place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	if (place_is_signed(&reading->place)) {
		place_sign(op->arena, &reading->place, reading->path, false, &spec.call);
		return operation_await(op, client_call(op->client, op->arena, &spec.call, &reading->answer), on_signed);
	}
	place_get(op->arena, &reading->place, reading->path, &spec.call);
	return get(reading, &spec);
}

static struct next on_signed(void *self)
{
	struct reading *reading = self;
	struct flow *flow = &reading->op.flow;
	struct call_spec spec;

	if (!place_signed(reading->op.arena, &reading->place, false, &reading->answer, &spec, &flow->err))
		return next_fail(flow, NULL);
	return get(reading, &spec);
}

static struct next get(struct reading *reading, struct call_spec *spec)
{
	struct operation *op = &reading->op;

	spec->ret_body = reading->ret;
	spec->body_max = reading->size_max;
	return operation_await(op, call_start(op->client, op->arena, spec, NULL), on_got);
}

static struct next on_got(void *self)
{
	return next_done();
}
