#pragma once
/*
 * Budget: bytes that all requests in flight may hold together, over all threads: what a body took from when it is being
 * read until its answer is written. Who finds it used up is refused (503 with Retry-After), before the memory is there.
 *
 * Invariant: used <= max, exactly; everything taken is given back once.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t max;
	_Atomic size_t used;
};

static inline bool budget_take(struct budget *budget, size_t bytes)
{
	size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

	do {
		if (bytes > budget->max - used)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static inline void budget_give(struct budget *budget, size_t bytes)
{
	atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}
