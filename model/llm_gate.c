/*
 * One queue under one lock, held for a few pointer moves and only by models that declare a limit.
 * Counting with atomics and a queue a thread was the alternative: it needs a wake-up protocol
 * between threads and is fair only by turns.
 */
#include "model/llm_gate.h"

#include <pthread.h>
#include <stdlib.h>

struct llm_gate {
	pthread_mutex_t lock;
	unsigned free_slots;
	struct llm_waiter *first, *last;
};

static void end_gate(void *data)
{
	struct llm_gate *gate = data;

	pthread_mutex_destroy(&gate->lock);
}

struct llm_gate *llm_gate_new(struct arena *arena, unsigned slots)
{
	if (slots == 0)
		return NULL;

	struct llm_gate *gate = arena_zalloc(arena, sizeof(*gate));

	if (pthread_mutex_init(&gate->lock, NULL) != 0)
		abort();
	gate->free_slots = slots;
	arena_on_end(arena, end_gate, gate);
	return gate;
}

static void append(struct llm_gate *gate, struct llm_waiter *waiter)
{
	waiter->next = NULL;
	waiter->prev = gate->last;
	if (gate->last != NULL)
		gate->last->next = waiter;
	else
		gate->first = waiter;
	gate->last = waiter;
	waiter->is_queued = true;
}

static void unlink_waiter(struct llm_gate *gate, struct llm_waiter *waiter)
{
	if (waiter->prev != NULL)
		waiter->prev->next = waiter->next;
	else
		gate->first = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = waiter->prev;
	else
		gate->last = waiter->prev;
	waiter->is_queued = false;
}

bool llm_gate_enter(struct llm_gate *gate, struct llm_waiter *waiter, struct loop *loop,
	void (*on_slot)(void *data, bool has_slot), void *data)
{
	*waiter = (struct llm_waiter){.gate = gate, .loop = loop, .on_slot = on_slot, .data = data};
	pthread_mutex_lock(&gate->lock);

	const bool has_slot = gate->free_slots > 0;

	if (has_slot)
		gate->free_slots--;
	else
		append(gate, waiter);
	pthread_mutex_unlock(&gate->lock);
	return has_slot;
}

static void hand_over(void *data)
{
	struct llm_waiter *waiter = data;

	waiter->on_slot(waiter->data, true);
}

static void give_up(void *data)
{
	struct llm_waiter *waiter = data;

	waiter->on_slot(waiter->data, false);
}

void llm_gate_cancel(struct llm_waiter *waiter)
{
	struct llm_gate *gate = waiter->gate;

	pthread_mutex_lock(&gate->lock);

	const bool was_queued = waiter->is_queued;

	if (was_queued)
		unlink_waiter(gate, waiter);
	pthread_mutex_unlock(&gate->lock);
	if (was_queued)
		loop_defer(waiter->loop, &waiter->task, give_up, waiter);
}

/* The slot goes straight to who waited longest: nobody that comes now can overtake. */
void llm_gate_leave(struct llm_gate *gate)
{
	pthread_mutex_lock(&gate->lock);

	struct llm_waiter *waiter = gate->first;

	if (waiter != NULL) {
		unlink_waiter(gate, waiter);
		/* Under the lock: its owner must not take it for queued and free it before it is
		 * posted. */
		loop_post(waiter->loop, &waiter->task, hand_over, waiter);
	} else {
		gate->free_slots++;
	}
	pthread_mutex_unlock(&gate->lock);
}
