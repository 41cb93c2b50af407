#pragma once
/*
 * Reload: the settings and the TLS context of a running server, read anew from the same command line, environment and
 * files. Either all of it takes effect or, where something is wrong, nothing.
 *
 * A snapshot is what was read once; it is frozen. Every worker holds one and takes the next one between two events of its
 * loop, so a handler sees one and the same for the whole of a call, without a lock; it may not keep a pointer into it
 * beyond that call. Options without `is_live` keep the value of the start (settings.c).
 */
#include "server/settings.h"

#include <stdatomic.h>

struct server;

struct snapshot {
	struct settings settings;
	struct ssl_ctx_st *tls; /* NULL: plain */
	struct arena arena;
	atomic_uint refs;
};

/* Of the start; the caller's settings outlive everything. */
struct snapshot *snapshot_new(const struct settings *settings, struct ssl_ctx_st *tls);
/* The next one after `now`. `fixed` gets the names of options that were changed but need a restart. */
struct snapshot *snapshot_read(
	const struct snapshot *now, int argc, char **argv, struct buf *fixed, struct error *err);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* Gives it to every worker; server->reloading is 0 when all have taken it. From the main thread. */
void reload_spread(struct server *server, struct snapshot *snapshot);
