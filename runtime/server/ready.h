#pragma once
/*
 * Ready: why requests should not be sent here now: what GET /ready says. Not ready as long as somebody holds it for a
 * reason; nobody does: ready. All functions but init and done may be called from any thread.
 */
#include "base/str.h"

#include <pthread.h>

enum { READY_REASONS_MAX = 8 };

struct ready {
	pthread_mutex_t lock;
	const char *reasons[READY_REASONS_MAX];
	unsigned count;
	void (*on_change)(void *data);
	void *data;
};

/* on_change is called on the thread that changed something. */
void ready_init(struct ready *ready, void (*on_change)(void *data), void *data);
void ready_done(struct ready *ready);
/* `reason` ("restoring endpoints") is a literal without anything to escape. Each hold has its release. */
void ready_hold(struct ready *ready, const char *reason);
void ready_release(struct ready *ready, const char *reason);
/* Is nobody holding it? */
bool ready_is(struct ready *ready);
/* {"ready":false,"reasons":["draining"]}; returns what "ready" says. */
bool ready_write(struct ready *ready, struct buf *out);
