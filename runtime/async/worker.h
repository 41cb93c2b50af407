#pragma once
/*
 * Worker pool: a few threads for what blocks (SQLite, archives, fsync, name files).
 *
 * Invariants: run() happens on a pool thread, done() exactly once on the loop's thread and never inside
 * worker_submit(). The work's memory is the caller's, zeroed but for its hooks, and must stay until done(), which may
 * free or submit it again. A full queue refuses at the door.
 */
#include "async/loop.h"
#include "base/error.h"

struct worker_pool;
struct work;

struct work {
	void (*run)(struct work *work);  /* on a pool thread; sets work->err on failure */
	void (*done)(struct work *work); /* on the loop's thread */
	void (*interrupt)(struct work *work); /* optional: called from the loop's thread to cut a running run() short */
	struct error err;                /* code is ERR_NONE on success */
	/* the pool's: */
	struct work *next, *prev;
	struct worker_pool *pool;
	struct loop *loop;
	struct loop_task task;
	int state;
};

/* Up to `threads` threads, started when first needed; at most `queue_max` works wait for one of them. */
struct worker_pool *worker_pool_new(unsigned threads, unsigned queue_max);
/* Everything submitted must have completed. Free the pool before the loops that its works came from. */
void worker_pool_free(struct worker_pool *pool);

/* False with ERR_UNAVAILABLE where the queue is full; then done() will not be called. */
bool worker_submit(struct worker_pool *pool, struct loop *loop, struct work *work, struct error *err);
/* A work that waits completes with ERR_CANCELLED without having run; one that runs is interrupted where it can be.
 * done() is called in every case. */
void worker_cancel(struct work *work);
