#include "async/deadline.h"

#include <stdlib.h>

void deadline_set_init(struct deadline_set *set)
{
	*set = (struct deadline_set){0};
}

void deadline_set_done(struct deadline_set *set)
{
	free(set->heap);
	deadline_set_init(set);
}

static void place(struct deadline_set *set, struct deadline *deadline, size_t at)
{
	set->heap[at] = deadline;
	deadline->at = at;
}

static void rise(struct deadline_set *set, struct deadline *deadline, size_t at)
{
	for (; at > 1 && set->heap[at / 2]->due_ns > deadline->due_ns; at /= 2)
		place(set, set->heap[at / 2], at);
	place(set, deadline, at);
}

static void sink(struct deadline_set *set, struct deadline *deadline, size_t at)
{
	while (2 * at <= set->count) {
		size_t child = 2 * at;

		if (child < set->count && set->heap[child + 1]->due_ns < set->heap[child]->due_ns)
			child++;
		if (set->heap[child]->due_ns >= deadline->due_ns)
			break;
		place(set, set->heap[child], at);
		at = child;
	}
	place(set, deadline, at);
}

static void settle(struct deadline_set *set, struct deadline *deadline, size_t at)
{
	if (at > 1 && set->heap[at / 2]->due_ns > deadline->due_ns)
		rise(set, deadline, at);
	else
		sink(set, deadline, at);
}

static size_t append(struct deadline_set *set)
{
	if (set->count + 1 >= set->cap) {
		set->cap = set->cap == 0 ? 64 : set->cap * 2;
		set->heap = realloc(set->heap, set->cap * sizeof(*set->heap));
		if (set->heap == NULL)
			abort();
	}
	return ++set->count;
}

void deadline_set_put(struct deadline_set *set, struct deadline *deadline, uint64_t due_ns)
{
	deadline->due_ns = due_ns;
	if (deadline->at == 0)
		rise(set, deadline, append(set));
	else
		settle(set, deadline, deadline->at);
}

void deadline_set_remove(struct deadline_set *set, struct deadline *deadline)
{
	const size_t at = deadline->at;

	if (at == 0)
		return;
	struct deadline *last = set->heap[set->count--];
	if (last != deadline)
		settle(set, last, at);
	deadline->at = 0;
}

struct deadline *deadline_set_first(const struct deadline_set *set)
{
	return set->count > 0 ? set->heap[1] : NULL;
}
