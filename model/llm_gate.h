#pragma once
/*
 * Gate: how many calls of one model are in flight at once, over all threads of the process.
 *
 * Bound: at most `slots` holders at any moment, exactly; one gate a model of a loaded bundle, so
 * while an old version of a bundle drains beside its successor the two together may hold twice as
 * many. Order: first come, first served, whatever the thread. A slot is held for one exchange with
 * the endpoint, not while waiting to try again.
 */
#include "async/loop.h"
#include "base/arena.h"

struct llm_gate;

/* In the caller's memory, which must stay until on_slot() ran, or llm_gate_enter() returned true.
 */
struct llm_waiter {
	struct llm_waiter *next, *prev;
	struct llm_gate *gate;
	struct loop *loop;
	struct loop_task task;
	void (*on_slot)(void *data, bool has_slot);
	void *data;
	bool is_queued;
};

/* On a bundle's arena; NULL (no limit) where `slots` is 0. */
struct llm_gate *llm_gate_new(struct arena *arena, unsigned slots);
/* True: the slot is taken. False: on_slot(data, true) will be called on `loop`'s thread when it is.
 */
bool llm_gate_enter(struct llm_gate *gate, struct llm_waiter *waiter, struct loop *loop,
	void (*on_slot)(void *data, bool has_slot), void *data);
/* Gives up waiting: on_slot(data, false) follows, or true where a slot was on its way already: then
 * leave. */
void llm_gate_cancel(struct llm_waiter *waiter);
void llm_gate_leave(struct llm_gate *gate);
