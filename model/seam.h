#pragma once
/*
 * Seam: everything a run takes from outside the bundle. The server, `sluice predict`, evaluation
 * and replay each bring their own; tests set clock and randomness. Nothing in model/ reaches the
 * world by another way.
 */
#include "async/fetch.h"
#include "async/worker.h"

struct seam {
	struct loop *loop;
	struct fetcher *fetcher;        /* NULL: no outgoing calls (offline) */
	struct worker_pool *workers;    /* for SQLite */
	int64_t (*now_us)(void *data);  /* microseconds since 1970, UTC */
	uint64_t (*random)(void *data); /* 64 uniform bits */
	void *data;
};

/* The machine's clock (CLOCK_REALTIME) and getrandom(). */
int64_t seam_real_now_us(void *data);
uint64_t seam_real_random(void *data);
