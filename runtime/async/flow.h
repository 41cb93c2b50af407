#pragma once
/*
 * Flow: one asynchronous act as a list of named steps in time order.
 *
 *	static struct next ask_model(void *self);       // starts something, then: return next_wait(on_reply);
 *	static struct next on_reply(void *self);        // return next_step(ask_repair), next_done(), next_fail(…)
 *
 * Every step returns a must-use `struct next`: a step that forgets to say what follows does not compile.
 *
 * Invariants: `done` is called exactly once, never inside flow_start() or flow_cancel(), always on the loop's thread;
 * flow_resume() may only be called while the flow waits (asserted). Cancelling calls the flow's `cancel` hook, whose
 * duty is to cancel what is in flight; those operations then complete with ERR_CANCELLED and resume the flow as ever.
 * A step that waits anew in a cancelled flow has the hook called again, so nothing it started lives on.
 */
#include "async/loop.h"
#include "base/error.h"

enum next_kind { NEXT_WAIT, NEXT_STEP, NEXT_DONE, NEXT_FAIL };

struct next;
typedef struct next flow_step(void *self);

struct next {
	enum next_kind kind;
	flow_step *step;
};
#define MUST_USE __attribute__((warn_unused_result))

struct flow {
	struct loop *loop;
	void *self;
	flow_step *step;               /* what flow_resume() runs */
	void (*cancel)(void *self);    /* may be NULL */
	void (*done)(void *self, const struct error *err); /* err is NULL on success */
	struct error err;
	struct loop_task task;
	bool is_waiting, is_cancelled, is_over;
};

/* Wait for flow_resume(), then run `on`. */
MUST_USE static inline struct next next_wait(flow_step *on)
{
	return (struct next){NEXT_WAIT, on};
}
/* Run `step` at once. */
MUST_USE static inline struct next next_step(flow_step *step)
{
	return (struct next){NEXT_STEP, step};
}
MUST_USE static inline struct next next_done(void)
{
	return (struct next){NEXT_DONE, NULL};
}
/* The flow failed with flow->err as it is; give a format to put context in front of it. */
MUST_USE struct next next_fail(struct flow *flow, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs `first` in the loop's next turn. `self` is handed to every step and hook. */
void flow_start(struct flow *flow, struct loop *loop, void *self, flow_step *first,
	void (*cancel)(void *self), void (*done)(void *self, const struct error *err));
/* What the flow waited for is there: runs the step named by next_wait, and on until the next wait or the end. */
void flow_resume(struct flow *flow);
/* Asks the flow to end early. Its next step sees flow->is_cancelled (a first step that did not run yet never will);
 * `done` gets ERR_CANCELLED, whatever the steps say, unless the flow ended by itself first. */
void flow_cancel(struct flow *flow);
