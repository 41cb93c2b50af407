#pragma once
/*
 * Operations from inside: how one is made of others. Private to client/.
 *
 * 	struct find {
 * 		struct operation op;   // first
 * 		…
 * 	};
 * 	static struct next begin(void *self)
 * 	{
 * 		return operation_await(self, client_alias_get(…), on_alias);
 * 	}
 *
 * A parent waits until all of its children are over; the first that fails cancels the others. A parent that is
 * cancelled cancels its children.
 */
#include "async/flow.h"
#include "client/client.h"

struct operation {
	struct flow flow; /* flow.err is what it failed with */
	struct client *client;
	struct arena *arena;
	void (*cancel)(struct operation *self); /* cancels what is in flight beside children; may be NULL */

	void (*done)(void *data, const struct error *err);
	void *data;

	struct operation *parent, *next; /* in the parent's list */
	struct operation *children;      /* those that are not over */
	flow_step *after;                /* when all children are over */
	bool is_trying;                  /* … also where one failed */
	struct error child_err;          /* of the first that failed; ERR_NONE: none did */
};

/* `size` zeroed bytes, a struct operation first. */
void *operation_new(struct client *client, struct arena *arena, size_t size);
struct operation *operation_start(struct operation *operation, flow_step *first);

/* The children run already; `operation` goes on with `on`, or fails with the first one's error. */
void operation_add(struct operation *operation, struct operation *child);
MUST_USE struct next operation_await_all(struct operation *operation, flow_step *on);
MUST_USE struct next operation_await(struct operation *operation, struct operation *child, flow_step *on);
/* `on` looks at child_err. */
MUST_USE struct next operation_try(struct operation *operation, struct operation *child, flow_step *on);
/* Fails with what the child failed with. */
MUST_USE struct next operation_fail_as_child(struct operation *operation);
