/* flow_start → step → { next_step → step … | next_wait … flow_resume → step … | next_done,
 * next_fail → done } */
#include "async/flow.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static void begin(void *data);
static void advance(struct flow *flow);
static void wait_on(struct flow *flow, flow_step *step);
static void end(struct flow *flow, enum next_kind kind);

void flow_start(struct flow *flow, struct loop *loop, void *self, flow_step *first,
	void (*cancel)(void *self), void (*done)(void *self, const struct error *err))
{
	flow->loop = loop;
	flow->self = self;
	flow->step = first;
	flow->cancel = cancel;
	flow->done = done;
	flow->task = (struct loop_task){0};
	flow->is_waiting = flow->is_cancelled = flow->is_over = false;
	error_clear(&flow->err);
	loop_defer(loop, &flow->task, begin, flow);
}

static void begin(void *data)
{
	struct flow *flow = data;

	/* Nothing is in flight yet, so there is nothing that a first step would have to clean up.
	 */
	if (flow->is_cancelled)
		end(flow, NEXT_FAIL);
	else
		advance(flow);
}

static void advance(struct flow *flow)
{
	struct next next = next_step(flow->step);

	while (next.kind == NEXT_STEP)
		next = next.step(flow->self);
	if (next.kind == NEXT_WAIT)
		wait_on(flow, next.step);
	else
		end(flow, next.kind);
}

static void wait_on(struct flow *flow, flow_step *step)
{
	flow->step = step;
	flow->is_waiting = true;
	/* The flow was cancelled while a step ran: what that step started must go, too. */
	if (flow->is_cancelled && flow->cancel != NULL)
		flow->cancel(flow->self);
}

static void end(struct flow *flow, enum next_kind kind)
{
	assert(!flow->is_over);
	flow->is_over = true;
	if (flow->is_cancelled)
		error_set(&flow->err, ERR_CANCELLED, "cancelled");
	/* done() may free the flow. */
	flow->done(flow->self, flow->is_cancelled || kind == NEXT_FAIL ? &flow->err : NULL);
}

void flow_resume(struct flow *flow)
{
	assert(flow->is_waiting && !flow->is_over);
	flow->is_waiting = false;
	advance(flow);
}

void flow_cancel(struct flow *flow)
{
	if (flow->is_over || flow->is_cancelled)
		return;
	flow->is_cancelled = true;
	if (flow->is_waiting && flow->cancel != NULL)
		flow->cancel(flow->self);
}

struct next next_fail(struct flow *flow, const char *format, ...)
{
	char context[ERROR_TEXT_MAX / 2];
	va_list args;

	assert(flow->err.code != ERR_NONE);
	if (format != NULL) {
		va_start(args, format);
		vsnprintf(context, sizeof(context), format, args);
		va_end(args);
		error_wrap(&flow->err, "%s", context);
	}
	return (struct next){NEXT_FAIL, NULL};
}
