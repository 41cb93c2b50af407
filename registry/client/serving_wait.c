/* look → on_look → { done | pause → look } */
#include "client/ask.h"
#include "client/serving.h"

/* A deployment on sluiced takes milliseconds, one on Databricks minutes. */
enum { POLL_FIRST_MS = 50, POLL_MAX_MS = 5000 };

struct waiting {
	struct operation op;
	struct client_endpoint_wait wait;
	struct json *ret;
	uint64_t until_ns;
	uint32_t pause_ms;
	struct timer pause;
	bool is_pausing;
};

static struct next look(void *self);
static struct next on_look(void *self);
static void on_pause_timer(void *data);
static void cancel(struct operation *self);

struct operation *client_endpoint_wait(
	struct client *client, struct arena *arena, const struct client_endpoint_wait *wait, struct json *ret)
{
	struct waiting *waiting = operation_new(client, arena, sizeof(*waiting));

	waiting->wait = *wait;
	waiting->ret = ret;
	waiting->until_ns = loop_now_ns(client->loop) + (uint64_t)wait->timeout_ms * 1000000;
	waiting->pause_ms = POLL_FIRST_MS;
	waiting->op.cancel = cancel;
	timer_init(&waiting->pause, client->loop, on_pause_timer, waiting);
	return operation_start(&waiting->op, look);
}

static struct next look(void *self)
{
	struct waiting *waiting = self;
	struct operation *op = &waiting->op;

	if (op->flow.is_cancelled)
		return next_done();
	return operation_await(
		op, client_endpoint_get(op->client, op->arena, waiting->wait.name, waiting->ret), on_look);
}

/* A state that is not known counts as still at work, as Databricks' client has it. */
static bool is_over(const struct json *endpoint)
{
	static const char *const ENDS[] = {"NOT_UPDATING", "UPDATE_FAILED", "UPDATE_CANCELED"};
	const struct str update = json_str(json_at(endpoint, STR("state.config_update")));

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(*ENDS); i++)
		if (str_is(update, ENDS[i]))
			return true;
	return false;
}

static struct next on_look(void *self)
{
	struct waiting *waiting = self;
	const struct client_endpoint_wait *wait = &waiting->wait;

	if (wait->on_look != NULL)
		wait->on_look(wait->data, waiting->ret);
	if (wait->is_done != NULL ? wait->is_done(wait->done_data, waiting->ret) : is_over(waiting->ret))
		return next_done();
	if (loop_now_ns(waiting->op.client->loop) > waiting->until_ns) {
		error_set(&waiting->op.flow.err, ERR_DEADLINE,
			"endpoint '%.*s' is still being updated after %u s; it goes on (sluice status %.*s)",
			STR_ARGS(wait->name), wait->timeout_ms / 1000, STR_ARGS(wait->name));
		return next_fail(&waiting->op.flow, NULL);
	}
	waiting->is_pausing = true;
	timer_start(&waiting->pause, waiting->pause_ms);
	waiting->pause_ms = waiting->pause_ms * 3 / 2 < POLL_MAX_MS ? waiting->pause_ms * 3 / 2 : POLL_MAX_MS;
	return next_wait(look);
}

static void on_pause_timer(void *data)
{
	struct waiting *waiting = data;

	waiting->is_pausing = false;
	flow_resume(&waiting->op.flow);
}

static void cancel(struct operation *self)
{
	struct waiting *waiting = (struct waiting *)self;

	if (waiting->is_pausing)
		timer_start(&waiting->pause, 0);
}
