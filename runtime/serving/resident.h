#pragma once
/*
 * Resident: a bundle of the store that is in memory while it is needed. Endpoints that serve the same bundle with the
 * same environment share one.
 *
 *	away ── resident_load, resident_wait ──▶ loading ──▶ loaded ── resident_evict ──▶ away
 *	                                              └── failed: away; the next one tries again
 *
 * Invariants: a bundle that was handed out stays until it is given back (bundle_unref), whatever becomes of the
 * resident. One load at a time. Thread-safe; references are counted.
 */
#include "async/worker.h"
#include "model/bundle.h"

#include <sys/queue.h>

struct resident;

struct resident_spec {
	struct str dir, name, digest; /* copied */
	const struct bundle_variable *variables; /* copied; secrets are wiped at the end */
	size_t variable_count;
	const char *secret_dir; /* outlives it; may be NULL */
	bundle_read_secret *read_secret; /* may be NULL */
	void *secret_data;
};

struct resident *resident_new(const struct resident_spec *spec);
struct resident *resident_ref(struct resident *resident);
void resident_unref(struct resident *resident);
/* Whether it is one of that bundle, with the same variables of the same values. */
bool resident_is(const struct resident *resident, const struct resident_spec *spec);
/* It answered its input example. */
void resident_passed(struct resident *resident);
bool resident_has_passed(const struct resident *resident);

/* Blocks. ERR_INVALID_BUNDLE names the first mistake; all of them go to `problems` where that is not NULL. */
bool resident_load(struct resident *resident, struct problems *problems, struct error *err);
/* The loaded bundle, to be given back by bundle_unref(); NULL where it is away. Counts as use. */
struct bundle *resident_bundle(struct resident *resident);
bool resident_is_loaded(struct resident *resident);

/* In the caller's memory until on_loaded, which is called once on the loop's thread: with a bundle to be given back, or
 * NULL and why. */
struct resident_waiter {
	void (*on_loaded)(struct resident_waiter *waiter, struct bundle *bundle, const struct error *err);
	/* private: */
	STAILQ_ENTRY(resident_waiter) entry;
	struct loop *loop;
	struct loop_task task;
	struct bundle *bundle;
	struct error err;
};
/* Loads it on the pool, once for all who wait. */
void resident_wait(struct resident *resident, struct worker_pool *pool, struct loop *loop, struct resident_waiter *waiter);

/* While it is kept, by as many as said so, it is not evicted. */
void resident_keep(struct resident *resident);
void resident_unkeep(struct resident *resident);
/* Gives the bundle's memory back where nobody keeps it, nor used it since `unused_since_ms` (clock_ms). True where it did. */
bool resident_evict(struct resident *resident, int64_t unused_since_ms);
