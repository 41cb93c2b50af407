/*
 * operation_start → steps → over → { parent goes on when its last child is over | done() }
 *
 * Nothing of an operation is touched after it told its parent or its owner: they may free the arena that it lies in.
 */
#include "client/operation.h"

#include "client/site.h"

#include <assert.h>
#include <signal.h>

static void on_over(void *self, const struct error *err);
static void cancel(void *self);
static struct next after_children(void *self);

void *operation_new(struct client *client, struct arena *arena, size_t size)
{
	struct operation *operation = arena_zalloc(arena, size);

	operation->client = client;
	operation->arena = arena;
	return operation;
}

struct operation *operation_start(struct operation *operation, flow_step *first)
{
	operation->client->active++;
	flow_start(&operation->flow, operation->client->loop, operation, first, cancel, on_over);
	return operation;
}

void operation_then(struct operation *operation, void (*done)(void *data, const struct error *err), void *data)
{
	operation->done = done;
	operation->data = data;
}

void operation_cancel(struct operation *operation)
{
	flow_cancel(&operation->flow);
}

/* A child that ends takes itself out of the list, but never inside operation_cancel(). */
static void cancel(void *self)
{
	struct operation *operation = self;

	for (struct operation *child = operation->children; child != NULL; child = child->next)
		operation_cancel(child);
	if (operation->cancel != NULL)
		operation->cancel(operation);
}

static void leave_parent(struct operation *parent, struct operation *child, const struct error *err)
{
	struct operation **at = &parent->children;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
	if (err != NULL && parent->child_err.code == ERR_NONE) {
		parent->child_err = *err;
		for (struct operation *other = parent->children; other != NULL; other = other->next)
			operation_cancel(other);
	}
	if (parent->children == NULL)
		flow_resume(&parent->flow);
}

static void on_over(void *self, const struct error *err)
{
	struct operation *operation = self;

	assert(operation->children == NULL);
	operation->client->active--;
	if (operation->parent != NULL)
		leave_parent(operation->parent, operation, err);
	else if (operation->done != NULL)
		operation->done(operation->data, err);
}

void operation_add(struct operation *operation, struct operation *child)
{
	child->parent = operation;
	child->next = operation->children;
	operation->children = child;
}

struct next operation_await_all(struct operation *operation, flow_step *on)
{
	operation->after = on;
	operation->is_trying = false;
	error_clear(&operation->child_err);
	return operation->children != NULL ? next_wait(after_children) : next_step(on);
}

struct next operation_await(struct operation *operation, struct operation *child, flow_step *on)
{
	operation_add(operation, child);
	return operation_await_all(operation, on);
}

struct next operation_try(struct operation *operation, struct operation *child, flow_step *on)
{
	const struct next next = operation_await(operation, child, on);

	operation->is_trying = true;
	return next;
}

static struct next after_children(void *self)
{
	struct operation *operation = self;

	if (operation->child_err.code != ERR_NONE && !operation->is_trying)
		return operation_fail_as_child(operation);
	return next_step(operation->after);
}

struct next operation_fail_as_child(struct operation *operation)
{
	operation->flow.err = operation->child_err;
	return next_fail(&operation->flow, NULL);
}

struct waiting {
	struct operation *operation;
	struct loop *loop;
	struct event *signals[2];
	int signal;
};

static void on_waited(void *data, const struct error *err)
{
	struct waiting *waiting = data;

	loop_stop(waiting->loop);
}

/* The second signal finds its default again. */
static void on_signal(evutil_socket_t number, short what, void *data)
{
	struct waiting *waiting = data;

	for (size_t i = 0; i < 2; i++)
		event_del(waiting->signals[i]);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	waiting->signal = (int)number;
	operation_cancel(waiting->operation);
}

static void watch_signals(struct waiting *waiting)
{
	static const int NUMBERS[] = {SIGINT, SIGTERM};

	for (size_t i = 0; i < 2; i++) {
		waiting->signals[i] = evsignal_new(loop_base(waiting->loop), NUMBERS[i], on_signal, waiting);
		evsignal_add(waiting->signals[i], NULL);
	}
}

bool operation_wait(struct operation *operation, int *ret_signal, struct error *err)
{
	struct waiting waiting = {.operation = operation, .loop = operation->client->loop};

	/* It may have ended while another was waited for. */
	if (!operation->flow.is_over) {
		operation_then(operation, on_waited, &waiting);
		watch_signals(&waiting);
		loop_run(waiting.loop);
		for (size_t i = 0; i < 2; i++)
			event_free(waiting.signals[i]);
	}
	if (ret_signal != NULL)
		*ret_signal = waiting.signal;
	if (operation->flow.err.code == ERR_NONE)
		return true;
	*err = operation->flow.err;
	return false;
}
