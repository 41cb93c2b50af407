#include "server/reload.h"

#include "server/http_tls.h"
#include "server/server.h"

#include <stdlib.h>

static struct snapshot *snapshot_alloc(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		abort();
	arena_init(&snapshot->arena);
	atomic_init(&snapshot->refs, 1);
	return snapshot;
}

struct snapshot *snapshot_new(const struct settings *settings, struct ssl_ctx_st *tls)
{
	struct snapshot *snapshot = snapshot_alloc();

	snapshot->settings = *settings;
	snapshot->tls = http_tls_ref(tls);
	return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->refs, 1);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->refs, 1) > 1)
		return;
	http_tls_free(snapshot->tls);
	arena_done(&snapshot->arena);
	free(snapshot);
}

static void name_fixed(struct buf *fixed, const char *name)
{
	buf_printf(fixed, "%s%s", fixed->len > 0 ? ", " : "", name);
}

/* Their values live as long as the process: all snapshots have the same. */
static void keep_fixed(struct settings *next, const struct settings *now, struct buf *fixed)
{
	for (const struct option *option = settings_spec()->options; option->name != NULL; option++) {
		if (option->is_live || option_is_same(option, next, now))
			continue;
		name_fixed(fixed, option->name);
		option_copy(option, now, next);
	}
}

static const char *keep_text(struct arena *arena, const char *text)
{
	return text != NULL ? arena_strdup(arena, text) : NULL;
}

/* A port does not begin or cease to speak TLS while clients use it. */
static void keep_kind(struct snapshot *next, const struct settings *now, struct buf *fixed)
{
	struct settings *settings = &next->settings;

	if ((settings->tls_cert == NULL) == (now->tls_cert == NULL))
		return;
	name_fixed(fixed, "tls-cert");
	settings->tls_cert = keep_text(&next->arena, now->tls_cert);
	settings->tls_key = keep_text(&next->arena, now->tls_key);
	settings->tls_client_ca = keep_text(&next->arena, now->tls_client_ca);
	settings->tls_client_auth = now->tls_client_auth;
}

static bool read_anew(struct snapshot *next, const struct snapshot *now, int argc, char **argv, struct buf *fixed,
	struct error *err)
{
	bool is_over = false;

	if (!settings_read(&next->settings, &next->arena, argc, argv, &is_over, err))
		return false;
	keep_fixed(&next->settings, &now->settings, fixed);
	keep_kind(next, &now->settings, fixed);
	settings_derive(&next->settings);
	if (next->settings.tls_cert == NULL)
		return true;
	const struct http_tls_files files = settings_tls_files(&next->settings);
	next->tls = http_tls_new(&files, err);
	return next->tls != NULL;
}

struct snapshot *snapshot_read(
	const struct snapshot *now, int argc, char **argv, struct buf *fixed, struct error *err)
{
	struct snapshot *next = snapshot_alloc();

	if (read_anew(next, now, argc, argv, fixed, err))
		return next;
	snapshot_unref(next);
	return NULL;
}

static void on_worker(void *data)
{
	struct worker *worker = data;
	struct snapshot *next = atomic_exchange(&worker->next_snapshot, NULL);

	if (next == NULL)
		return;
	http_server_change(worker->http, &next->settings.limits, next->tls);
	worker->settings = &next->settings;
	snapshot_unref(worker->snapshot);
	worker->snapshot = next;
	atomic_fetch_sub(&worker->server->reloading, 1);
	server_wake(worker->server);
}

/* A worker that did not come to the one before yet takes this one only. */
void reload_spread(struct server *server, struct snapshot *snapshot)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];

		atomic_fetch_add(&server->reloading, 1);
		struct snapshot *skipped = atomic_exchange(&worker->next_snapshot, snapshot_ref(snapshot));
		if (skipped != NULL)
			atomic_fetch_sub(&server->reloading, 1);
		snapshot_unref(skipped);
		loop_post(worker->loop, &worker->reload_task, on_worker, worker);
	}
}
