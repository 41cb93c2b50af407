#pragma once
/*
 * Serving: the table of all endpoints: one immutable snapshot behind an atomic pointer.
 *
 * Readers are loops' threads: serving_find() takes no lock. Who changes something makes a new table, puts it in the
 * old one's place with one store, and the old one ends when every loop has begun another turn since: none can still be
 * looking at it then. So a swap holds up nobody, and every request that begins after serving_put() returned sees it.
 *
 * Invariants: an endpoint that was found stays until it is given back. Changes come one after the other.
 */
#include "serving/endpoint.h"

struct serving;

struct serving *serving_new(void);
/* No loop runs any more. */
void serving_free(struct serving *serving);
/* A loop on whose thread serving_find() will be called; before it runs. */
void serving_attach(struct serving *serving, struct loop *loop);

/* On an attached loop's thread: the endpoint, to be given back by endpoint_unref(); NULL where there is none. */
struct endpoint *serving_find(struct serving *serving, struct str name);
/* From any thread, with a lock. */
struct endpoint *serving_get(struct serving *serving, struct str name);
/* All of them, on the arena, which gives them back at its end. */
size_t serving_list(struct serving *serving, struct arena *arena, struct endpoint ***ret);

/* From any thread: it takes the place of the one of its name. The reference is taken over. */
void serving_put(struct serving *serving, struct endpoint *take_endpoint);
/* Many at once: at the start. */
void serving_put_all(struct serving *serving, struct endpoint **take_endpoints, size_t count);
void serving_remove(struct serving *serving, struct str name);
