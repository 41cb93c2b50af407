#pragma once
/* Shadows: requests that other entities answer, run by a challenger as well. Nobody waits for them. */
#include <stdint.h>
#include <sys/queue.h>

struct exchange;
struct worker;
struct shadow;

/* What a worker has of them; its thread's alone. */
struct shadows {
	LIST_HEAD(, shadow) list;
	unsigned count;
	void (*on_none)(struct worker *worker);
};

/* For the entities of exchange->endpoint that are to see this request, too; `form` is an enum scoring_form. */
void shadows_start(struct exchange *exchange, uint64_t ticket, int form);
/* Cancels those that run, and calls on_none once when there is none any more; maybe at once. */
void shadows_end(struct worker *worker, void (*on_none)(struct worker *worker));
