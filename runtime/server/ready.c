#include "server/ready.h"

#include <assert.h>

void ready_init(struct ready *ready, void (*on_change)(void *data), void *data)
{
	*ready = (struct ready){.on_change = on_change, .data = data};
	pthread_mutex_init(&ready->lock, NULL);
}

void ready_done(struct ready *ready)
{
	pthread_mutex_destroy(&ready->lock);
}

void ready_hold(struct ready *ready, const char *reason)
{
	pthread_mutex_lock(&ready->lock);
	assert(ready->count < READY_REASONS_MAX);
	ready->reasons[ready->count++] = reason;
	pthread_mutex_unlock(&ready->lock);
	ready->on_change(ready->data);
}

void ready_release(struct ready *ready, const char *reason)
{
	unsigned at = 0;

	pthread_mutex_lock(&ready->lock);
	while (at < ready->count && strcmp(ready->reasons[at], reason) != 0)
		at++;
	assert(at < ready->count);
	for (ready->count--; at < ready->count; at++)
		ready->reasons[at] = ready->reasons[at + 1];
	pthread_mutex_unlock(&ready->lock);
	ready->on_change(ready->data);
}

bool ready_is(struct ready *ready)
{
	pthread_mutex_lock(&ready->lock);
	const bool is_ready = ready->count == 0;
	pthread_mutex_unlock(&ready->lock);
	return is_ready;
}

bool ready_write(struct ready *ready, struct buf *out)
{
	pthread_mutex_lock(&ready->lock);
	const bool is_ready = ready->count == 0;

	buf_printf(out, "{\"ready\":%s,\"reasons\":[", is_ready ? "true" : "false");
	for (unsigned i = 0; i < ready->count; i++)
		buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", ready->reasons[i]);
	buf_add_text(out, "]}");
	pthread_mutex_unlock(&ready->lock);
	return is_ready;
}
