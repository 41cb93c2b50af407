#pragma once
/*
 * Loop: one thread's events (a libevent base), its timers and its deferred calls.
 *
 * Invariants: everything but loop_post() is called on the loop's own thread; callbacks never run inside the call that
 * asked for them; a loop is freed only when nothing of it is pending.
 * All times are CLOCK_MONOTONIC; the wall clock passes through model/seam.h.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
/* From any thread; loop_run() returns after the callbacks that are due. */
void loop_stop(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
/* Nanoseconds; read once per turn of the loop, so cheap and steady within one callback. */
uint64_t loop_now_ns(struct loop *loop);

/* A deferred call, in the caller's memory, which must stay until fn ran. */
struct loop_task {
	struct loop_task *next;
	void (*fn)(void *data);
	void *data;
	bool is_queued; /* deferred; the loop's thread alone looks at it */
	bool is_posted; /* under the loop's lock */
};

/* fn(data) after the callbacks that run now, in the order of the calls. Same thread only. A task that is queued already
 * stays where it is. A new task is zeroed memory. */
void loop_defer(struct loop *loop, struct loop_task *task, void (*fn)(void *data), void *data);
/* Takes a deferred call back; harmless where none is queued. */
void loop_undefer(struct loop *loop, struct loop_task *task);
/* The same from any thread. A task that was posted and did not run yet stays where it is: two calls close together are
 * one; a call from the moment on when fn begins is another. A posted task cannot be taken back, nor deferred meanwhile. */
void loop_post(struct loop *loop, struct loop_task *task, void (*fn)(void *data), void *data);

/* A one-shot timer in the caller's memory. timer_stop() may be called at any time, also on a timer that never ran. */
struct timer {
	struct event event;
	void (*fn)(void *data);
	void *data;
	bool is_ready; /* event was assigned */
};

void timer_init(struct timer *timer, struct loop *loop, void (*fn)(void *data), void *data);
void timer_start(struct timer *timer, uint64_t after_ms);
void timer_stop(struct timer *timer);
