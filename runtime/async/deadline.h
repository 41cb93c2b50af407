#pragma once
/*
 * Deadlines: many points in time, one timer. A binary heap of what the owners embed.
 *
 * Invariants: an owner's deadline is in at most one set; a deadline that is in none has at == 0. Setting and clearing
 * cost O(log n), and O(1) where deadlines are set in the order in which they fall due.
 */
#include <stddef.h>
#include <stdint.h>

struct deadline {
	uint64_t due_ns;
	size_t at; /* index in the heap, from 1; 0: not set */
};

struct deadline_set {
	struct deadline **heap; /* heap[0] is not used */
	size_t count, cap;
};

void deadline_set_init(struct deadline_set *set);
void deadline_set_done(struct deadline_set *set);
/* Sets or moves. */
void deadline_set_put(struct deadline_set *set, struct deadline *deadline, uint64_t due_ns);
/* Harmless where it is not set. */
void deadline_set_remove(struct deadline_set *set, struct deadline *deadline);
/* The earliest, or NULL. */
struct deadline *deadline_set_first(const struct deadline_set *set);
