#pragma once
/*
 * Server: the process `sluiced`: settings, one serving bundle, N workers that share one listening
 * socket.
 *
 * Shared nothing: a worker is a thread with its own loop, connections, fetcher and metrics. What
 * they share is frozen (settings, bundle) or has its own lock (worker pool). The bundle is taken
 * per request with server_bundle(), so that a later swap never pulls it from under a run.
 */
#include "access/access.h"
#include "async/fetch.h"
#include "async/worker.h"
#include "base/budget.h"
#include "client/target.h"
#include "control/control.h"
#include "model/bundle.h"
#include "model/seam.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/ready.h"
#include "server/settings.h"
#include "server/shadow.h"

#include <pthread.h>
#include <stdatomic.h>

struct handover;
struct server;
struct snapshot;

struct worker {
	struct server *server;
	unsigned index;
	pthread_t thread;
	bool is_started;
	struct loop *loop;
	struct http_server *http;
	struct fetcher *fetcher;
	struct seam seam;
	struct metrics metrics;
	struct shadows shadows;
	uint64_t ticket; /* of the next request to an endpoint: whose turn it is */
	/* The settings as of the last reload; not to be kept beyond an event (reload.h). Only on the worker's own thread. */
	const struct settings *settings;
	struct snapshot *snapshot; /* they are of; NULL: of the start */
	struct snapshot *_Atomic next_snapshot;
	struct loop_task reload_task, accept_task, drain_task;
	bool is_drained;
	struct error err; /* why the thread could not start */
};

struct server {
	const struct settings *settings; /* of the start; what a reload may change, see worker->settings */
	struct arena arena;
	struct ready ready; /* held for "starting" until server_start() is over */
	int wake_fd;        /* eventfd: readable after server_wake() */
	_Atomic unsigned reloading; /* workers that have not taken the last snapshot */
	/* Another process of this program handed its clients over and still works off what it had (upgrade.h): it writes to
	 * the same state. When it has ended and this process serves, on_predecessor_ended, where set, is called once, on the
	 * main thread. */
	atomic_bool has_predecessor;
	void (*on_predecessor_ended)(struct server *server);
	struct bundle *bundle; /* NULL: only the registry answers */
	pthread_mutex_t registry_lock;
	struct registry *registry; /* opened when first needed: server_registry() */
	struct access *access;
	struct secret_store *secrets;
	struct http_listener *listener;
	struct budget bodies; /* of requests in flight */
	struct ssl_ctx_st *tls;
	struct worker_pool *pool; /* the tools' */
	/* What is tested before it serves: a bundle that hangs there takes no thread from those that serve. */
	struct worker_pool *test_pool;
	struct seam test_seam;
	struct worker_pool *registry_pool; /* a search or a disk that takes its time holds up no tool */
	/* Transfers of artifacts share one turn, so that all of them together never hold all threads while others wait. */
	struct work_owner transfers;
	/* Endpoints; where no --bundle is served. */
	bool has_control;
	struct store store;
	struct trusted_keys trusted;
	struct target registry_target; /* of --registry */
	struct origin origin;
	struct timer follow_timer;
	bool is_following, follows_again; /* work of it is on its way, and is to be done once more; the first worker's */
	struct serving *serving;
	struct mailer *mailer; /* NULL: without --smtp */
	struct control control;
	bool is_stopping, has_idle_deployer; /* the first worker's */
	pthread_mutex_t fetch_lock;
	bool has_fetch; /* libcurl is set up: a bundle calls out */
	struct worker *workers;
	unsigned worker_count;
	int64_t started_unix_us;
	_Atomic uint32_t drain_ms; /* the main thread may shorten it while workers drain */
	_Atomic unsigned draining; /* worker threads whose drain is not over */
};

/* Opens the bundle, binds (or takes the socket that was handed over) and starts the workers; on success the server answers,
 * or, where it has a predecessor, once server_accept() was called. */
bool server_start(
	struct server *server, const struct settings *settings, struct handover *handover, struct error *err);
/* The predecessor takes no more clients: this process does. */
void server_accept(struct server *server);
/* Wakes the main thread, which looks what is new. From any thread. */
void server_wake(struct server *server);
/* Begins the drain in every worker and returns. After max_ms clients are cut and their work is
 * cancelled; a worker counts as `draining` until the last of it has ended. From the main thread. */
void server_drain(struct server *server, uint32_t max_ms);
/* Stops and joins the workers; none may be draining any more. */
void server_join(struct server *server);
void server_done(struct server *server);

/* The worker's fetcher, made where it is not there yet: on its thread. NULL with the error set. */
struct fetcher *worker_fetcher(struct worker *worker, struct error *err);
/* Makes ready for a bundle that calls out: libcurl and the worker's fetcher, which most never need. On its thread. */
bool worker_ready_for(struct worker *worker, const struct bundle *bundle, struct error *err);
/* The bundle that serves now, NULL where none does; give it back with bundle_unref(). */
struct bundle *server_bundle(struct server *server);
/* The embedded registry; NULL with the error set where it cannot be opened. Blocks: on registry_pool. */
struct registry *server_registry(struct server *server, struct error *err);
/* The last of what the control plane had on its way has ended, maybe: then the drain goes on. */
void control_end(struct server *server);
/* Looks at what follows an alias every now and then, from the first worker's loop, which does not run yet. */
void control_poll(struct server *server);
/* A deployer's on_deployed, with the server: what follows an alias is looked at again. */
void control_on_deployed(void *data);
/* "http://127.0.0.1:8080" */
char *server_url(const struct server *server, struct arena *arena);
