#pragma once
/*
 * Budget: so many bytes, or of anything else, that all threads together may hold.
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
