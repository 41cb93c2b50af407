#pragma once
/*
 * Worker pool: a few threads for what blocks (SQLite, archives, fsync, name files).
 *
 * Invariants: run() happens on a pool thread, done() exactly once on the loop's thread and never inside
 * worker_submit(). The work's memory is the caller's, zeroed but for its hooks, and must stay until done(), which may
 * free or submit it again. A full queue refuses at the door.
 *
 * Works have owners (a batch is one), who take turns: one work each, so that who has one work waits
 * for those that run and at most one of every other owner, however many these have. Of an owner
 * with one thread less than all in use none is begun while others wait.
 */
#include "async/loop.h"
#include "base/error.h"

#include <sys/queue.h>

struct worker_pool;
struct work;

/* Zeroed memory of the caller's, which must stay until done() of its last work. All of it is the pool's. */
struct work_owner {
	TAILQ_HEAD(work_queue, work) waiting; /* oldest first */
	TAILQ_ENTRY(work_owner) turn;
	unsigned running;
};

struct work {
	void (*run)(struct work *work);  /* on a pool thread; sets work->err on failure */
	void (*done)(struct work *work); /* on the loop's thread */
	void (*interrupt)(struct work *work); /* optional: called from the loop's thread to cut a running run() short */
	struct work_owner *owner;        /* NULL: shares its turn with all others that have none */
	struct error err;                /* code is ERR_NONE on success */
	/* the pool's: */
	TAILQ_ENTRY(work) entry;
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
/* No thread has begun it. */
bool worker_is_waiting(const struct work *work);
