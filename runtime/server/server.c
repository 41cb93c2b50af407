/*
 * server_start: open bundle → bind → for each worker: loop, fetcher, connections → threads
 * server_drain: posts to each worker's loop → its http_server drains → loop stops → thread ends,
 * main is woken by server_wake()
 */
#include "server/server.h"

#include "base/log.h"
#include "control/mailer.h"
#include "model/sql.h"
#include "packaging/package.h"
#include "server/browser.h"
#include "server/complain.h"
#include "server/handover.h"
#include "server/reload.h"
#include "server/route.h"
#include "store/registry.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* libcurl and OpenSSL cost 3 ms and 1 MB: only where they are needed. */
static bool init_fetch(struct server *server, struct error *err)
{
	pthread_mutex_lock(&server->fetch_lock);
	server->has_fetch = server->has_fetch || fetch_global_init(err);
	const bool has_fetch = server->has_fetch;
	pthread_mutex_unlock(&server->fetch_lock);
	return has_fetch;
}

enum { POOL_THREADS = 4, TEST_THREADS = 8, POOL_QUEUE_MAX = 65536 };

/* A folder that could not be packed serves all the same; it has no digest. */
static void set_digest(struct server *server, const struct package *package)
{
	struct error err;

	if (!package_digest(&server->arena, package, &server->bundle->digest, &err))
		log_warn("bundle.digest", LOG_TEXT("bundle", package->dir), LOG_ERR(&err));
}

static struct registry *open_registry(struct server *server, struct error *err);

static bool read_secret(
	void *data, struct arena *arena, struct str scope, struct str key, struct secret *ret, struct error *err)
{
	struct server *server = data;
	struct registry *registry = server_registry(server, err);

	return registry != NULL && secret_store_read(server->secrets, registry, arena, scope, key, ret, err);
}

static bool open_bundle(struct server *server, struct error *err)
{
	const struct settings *settings = server->settings;
	const struct bundle_options options = {
		.secret_dir = settings->secret_dir, .read_secret = read_secret, .secret_data = server};
	struct package package;
	struct problems problems;
	const char *key;

	if (!package_open(
		    &server->arena, settings->bundle, settings->state_dir, NULL, &package, err))
		return error_wrap(err, "open bundle '%s'", settings->bundle);
	if (package.is_unfiltered)
		log_warn("bundle.unfiltered", LOG_TEXT("bundle", settings->bundle),
			LOG_TEXT("problem",
				"the kernel took no seccomp filter: the archive's reader ran "
				"without one"));
	if (settings->trusted_keys != NULL && !trusted_check(&server->arena, &server->trusted, package.dir, &key, err))
		return error_wrap(err, "bundle '%s'", settings->bundle);
	problems_init(&problems, &server->arena);
	if (!bundle_load(package.dir, &options, &problems, &server->bundle)) {
		complain_problems(&problems);
		problems_check(&problems, err);
		return error_wrap(err, "load bundle '%s'", settings->bundle);
	}
	server->bundle->name = package.name;
	set_digest(server, &package);
	return true;
}

static bool has_registry_file(const struct server *server)
{
	char *path = arena_printf((struct arena *)&server->arena, "%s/registry/registry.db", server->settings->state_dir);

	return access(path, F_OK) == 0;
}

/* A server that is nothing but a registry says at its start what is wrong with it; one that serves a bundle opens the
 * registry when somebody asks, because most never are, but where there is one: tokens may be in it. */
static bool open_models(struct server *server, struct error *err)
{
	const bool has_bundle = server->settings->bundle != NULL;

	if (server->settings->trusted_keys != NULL &&
		!trusted_read(&server->arena, server->settings->trusted_keys, &server->trusted, err))
		return error_wrap(err, "--trusted-keys");
	if (has_bundle && !open_bundle(server, err))
		return false;
	if (has_bundle && !has_registry_file(server))
		return true;
	return open_registry(server, err) != NULL || error_wrap(err, "--state or SLUICE_STATE");
}

/* Where others reach the port, somebody must be able to say who may do what. */
static bool check_exposure(const struct server *server, const char *address, struct error *err)
{
	const struct settings *settings = server->settings;
	const bool asks_certificates = settings->tls_client_ca != NULL && settings->tls_client_auth == TLS_CLIENT_REQUIRE;

	if (asks_certificates || access_is_on(server->access) || browser_is_loopback(address))
		return true;
	return error_set(err, ERR_USAGE,
		"other machines reach '%s', and nobody has a token yet: make one with `sluice token create --state %s --user NAME "
		"--can manage`, ask clients for certificates (--tls-client-ca), or listen on 127.0.0.1 (--host)",
		address, settings->state_dir);
}

/* What the settings say and what a predecessor listens on may have come apart; a service manager's socket is where its
 * unit says. */
static bool take_socket(struct server *server, struct handover *handover, struct error *err)
{
	const struct settings *settings = server->settings;
	const unsigned port = (unsigned)settings->port;
	const int fd = handover->listener_fd;

	handover->listener_fd = -1;
	if (fd < 0) {
		/* Before anybody can connect. */
		if (check_exposure(server, settings->host, err))
			server->listener = http_listener_new(settings->host, port, err);
		return server->listener != NULL;
	}
	server->listener = http_listener_adopt(fd, handover->is_shared, err);
	if (server->listener == NULL || !check_exposure(server, http_listener_address(server->listener), err))
		return false;
	if (handover->predecessor_fd < 0)
		return true;
	http_listener_hold(server->listener);
	atomic_store(&server->has_predecessor, true);
	return handover->is_shared || http_listener_is_at(server->listener, settings->host, port) ||
	       error_set(err, ERR_USAGE,
		       "--host '%s' --port %u: the predecessor listens on '%s' port %u: another address needs a restart",
		       settings->host, port, http_listener_address(server->listener), http_listener_port(server->listener));
}

static bool bind_port(struct server *server, struct handover *handover, struct error *err)
{
	const struct settings *settings = server->settings;

	if (settings->tls_cert != NULL) {
		const struct http_tls_files files = settings_tls_files(settings);

		server->tls = http_tls_new(&files, err);
		if (server->tls == NULL)
			return false;
	}
	return take_socket(server, handover, err);
}

struct fetcher *worker_fetcher(struct worker *worker, struct error *err)
{
	const struct fetcher_options options = {.ca_file = worker->server->settings->ca_file};

	if (worker->fetcher != NULL || !init_fetch(worker->server, err))
		return worker->fetcher;
	worker->fetcher = fetcher_new(worker->loop, &options, err);
	worker->seam.fetcher = worker->fetcher;
	return worker->fetcher;
}

bool worker_ready_for(struct worker *worker, const struct bundle *bundle, struct error *err)
{
	return !bundle_calls_out(bundle) || worker_fetcher(worker, err) != NULL;
}

static bool worker_init(
	struct worker *worker, struct server *server, unsigned index, struct error *err)
{
	const struct settings *settings = server->settings;

	worker->server = server;
	worker->index = index;
	worker->settings = settings;
	worker->loop = loop_new();
	worker->seam = (struct seam){
		.loop = worker->loop,
		.workers = server->pool,
		.now_us = seam_real_now_us,
		.random = seam_real_random,
	};
	worker->http = http_server_new(worker->loop, server->listener, server->tls,
		&settings->limits, route_request, worker);
	http_server_on_head(worker->http, route_on_head);
	http_server_on_too_large(worker->http, route_on_too_large);
	http_server_limit_bodies(worker->http, &server->bodies);
	serving_attach(server->serving, worker->loop);
	return server->bundle == NULL || worker_ready_for(worker, server->bundle, err);
}

static void worker_done(struct worker *worker)
{
	http_server_free(worker->http);
	fetcher_free(worker->fetcher);
	loop_free(worker->loop);
	snapshot_unref(worker->snapshot);
	snapshot_unref(atomic_exchange(&worker->next_snapshot, NULL));
}

static void *worker_main(void *data)
{
	struct worker *worker = data;

	loop_run(worker->loop);
	return NULL;
}

static bool start_threads(struct server *server, struct error *err)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];
		atomic_fetch_add(&server->draining, 1);
		const int failed = pthread_create(&worker->thread, NULL, worker_main, worker);

		if (failed != 0) {
			atomic_fetch_sub(&server->draining, 1);
			return error_set_errno(err, ERR_INTERNAL, failed, "start worker %u", i);
		}
		worker->is_started = true;
		if (i == 0 && server->has_control)
			atomic_fetch_add(&server->draining, 1);
	}
	return true;
}

static bool ready_to_run(void *data, const struct bundle *bundle, struct error *err)
{
	struct server *server = data;
	const bool is_ready = worker_ready_for(&server->workers[0], bundle, err);

	server->test_seam.fetcher = server->workers[0].seam.fetcher;
	return is_ready;
}

/* What the predecessor changed while it worked off its requests. */
static void take_over(struct server *server)
{
	struct error err;

	if (!deployer_sync(server->control.deployer, true, &err))
		log_error("endpoints.take_over", LOG_ERR(&err));
}

/* Another registry is asked now and then; the embedded one says itself when something moved. */
static bool open_origin(struct server *server, struct error *err)
{
	const struct settings *settings = server->settings;
	const struct target_source source = {.uri = settings->registry};

	if (settings->registry == NULL)
		return true;
	if (!target_read(&server->arena, &source, &server->registry_target, err))
		return error_wrap(err, "--registry");
	server->origin.target = &server->registry_target;
	control_poll(server);
	return true;
}

static bool read_mail_password(void *data, struct arena *arena, struct secret *ret, struct error *err)
{
	struct server *server = data;
	struct str key = str_of(server->settings->smtp_password), scope;

	str_cut(&key, '/', &scope);
	return read_secret(server, arena, scope, key, ret, err);
}

static bool open_mailer(struct server *server, struct error *err)
{
	const struct settings *settings = server->settings;
	const struct mailer_options options = {
		.url = settings->smtp,
		.from = settings->smtp_from,
		.user = settings->smtp_user,
		.ca_file = settings->ca_file,
		.read_password = read_mail_password,
		.data = server,
		.loop = server->workers[0].loop,
	};

	if (settings->smtp == NULL)
		return true;
	if (!init_fetch(server, err))
		return false;
	server->mailer = mailer_new(&options, err);
	return server->mailer != NULL;
}

/* Endpoints, where there is no one bundle to serve. */
static bool open_control(struct server *server, struct error *err)
{
	const struct settings *settings = server->settings;

	if (settings->bundle != NULL)
		return true;
	if (!store_open(&server->arena, settings->state_dir, &server->store, err))
		return false;
	server->origin.registry = server->registry;
	server->origin.store = &server->store;
	if (!open_origin(server, err) || !open_mailer(server, err))
		return false;
	const struct deployer_options options = {
		.registry = server->registry,
		.serving = server->serving,
		.origin = &server->origin,
		.trusted = settings->trusted_keys != NULL ? &server->trusted : NULL,
		.worker_count = server->worker_count,
		.secret_dir = settings->secret_dir,
		.self_test_ms = (uint32_t)settings->self_test_timeout_ms,
		.queue_max = (unsigned)settings->queue_max,
		.queue_timeout_ms = (unsigned)settings->queue_timeout_ms,
		.idle_ms = settings->unload_after_ms,
		.read_secret = read_secret,
		.ready_to_run = ready_to_run,
		.mailer = server->mailer,
		.on_deployed = control_on_deployed,
		.data = server,
		.loop = server->workers[0].loop,
		.seam = &server->test_seam,
	};
	server->test_pool = worker_pool_new(TEST_THREADS, POOL_QUEUE_MAX);
	server->test_seam = server->workers[0].seam;
	server->test_seam.workers = server->test_pool;
	server->control = (struct control){
		.registry = server->registry,
		.access = server->access,
		.secrets = server->secrets,
		.origin = &server->origin,
		.serving = server->serving,
		.deployer = deployer_new(&options),
		.url = server_url(server, &server->arena),
		.can_mail = server->mailer != NULL,
	};
	server->has_control = true;
	if (!deployer_sync(server->control.deployer, !atomic_load(&server->has_predecessor), err))
		return false;
	server->on_predecessor_ended = take_over;
	deployer_run(server->control.deployer);
	return true;
}

static const char STARTING[] = "starting";

static void on_ready_change(void *data)
{
	server_wake(data);
}

static bool server_init(struct server *server, const struct settings *settings, struct error *err)
{
	*server = (struct server){
		.settings = settings,
		.bodies.max = (size_t)settings->http_bodies_max,
		.started_unix_us = seam_real_now_us(NULL),
	};
	arena_init(&server->arena);
	pthread_mutex_init(&server->registry_lock, NULL);
	pthread_mutex_init(&server->fetch_lock, NULL);
	server->serving = serving_new();
	server->secrets = secret_store_new(settings->secret_key);
	server->access = access_new(server->secrets);
	server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ready_init(&server->ready, on_ready_change, server);
	if (server->wake_fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open an event descriptor");
	ready_hold(&server->ready, STARTING);
	return true;
}

bool server_start(
	struct server *server, const struct settings *settings, struct handover *handover, struct error *err)
{
	if (!server_init(server, settings, err) || !open_models(server, err) ||
		!bind_port(server, handover, err))
		return false;
	server->pool = worker_pool_new(POOL_THREADS, POOL_QUEUE_MAX);
	server->registry_pool = worker_pool_new(POOL_THREADS, POOL_QUEUE_MAX);
	server->workers =
		arena_zalloc(&server->arena, (size_t)settings->workers * sizeof(struct worker));
	for (; server->worker_count < (unsigned)settings->workers; server->worker_count++) {
		struct worker *worker = &server->workers[server->worker_count];

		if (!worker_init(worker, server, server->worker_count, err)) {
			worker_done(worker);
			return false;
		}
	}
	if (!open_control(server, err))
		return false;
	/* Before the threads: the first to ask must not hear of what is over. */
	ready_release(&server->ready, STARTING);
	return start_threads(server, err);
}

static void begin_accept(void *data)
{
	struct worker *worker = data;

	http_server_accept(worker->http);
}

/* What the predecessor deployed while this process started. */
static void catch_up(struct server *server)
{
	struct error err;

	if (server->has_control && !deployer_sync(server->control.deployer, false, &err))
		log_error("endpoints.catch_up", LOG_ERR(&err));
}

void server_accept(struct server *server)
{
	catch_up(server);
	for (unsigned i = 0; i < server->worker_count; i++)
		loop_post(server->workers[i].loop, &server->workers[i].accept_task, begin_accept,
			&server->workers[i]);
}

void server_wake(struct server *server)
{
	const uint64_t one = 1;

	/* EAGAIN means that the counter is full, so the main thread wakes up anyway. */
	const ssize_t written = write(server->wake_fd, &one, sizeof(one));
	(void)written;
}

/* The loop runs on until server_join(): a second signal may still be posted to it. */
static void end_worker(struct worker *worker)
{
	worker->is_drained = true;
	atomic_fetch_sub(&worker->server->draining, 1);
	server_wake(worker->server);
}

static void on_drained(void *data)
{
	shadows_end(data, end_worker);
}

static void on_deployer_idle(void *data)
{
	struct server *server = data;

	server->has_idle_deployer = true;
	control_end(server);
}

void control_end(struct server *server)
{
	if (!server->has_idle_deployer || server->is_following)
		return;
	server->has_idle_deployer = false;
	atomic_fetch_sub(&server->draining, 1);
	server_wake(server);
}

/* Deployments run on the first worker's loop. */
static void stop_control(struct worker *worker)
{
	struct server *server = worker->server;

	if (worker->index > 0 || !server->has_control || server->is_stopping)
		return;
	server->is_stopping = true;
	server->origin.is_stopping = true;
	if (server->follow_timer.is_ready)
		timer_stop(&server->follow_timer);
	deployer_stop(server->control.deployer, on_deployer_idle, server);
}

static void begin_drain(void *data)
{
	struct worker *worker = data;

	stop_control(worker);
	if (!worker->is_drained)
		http_server_drain(
			worker->http, atomic_load(&worker->server->drain_ms), on_drained, worker);
}

void server_drain(struct server *server, uint32_t max_ms)
{
	atomic_store(&server->drain_ms, max_ms);
	for (unsigned i = 0; i < server->worker_count; i++)
		if (server->workers[i].is_started)
			loop_post(server->workers[i].loop, &server->workers[i].drain_task,
				begin_drain, &server->workers[i]);
}

void server_join(struct server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];

		if (!worker->is_started)
			continue;
		loop_stop(worker->loop);
		pthread_join(worker->thread, NULL);
		worker->is_started = false;
	}
}

/* The pools' threads post to the loops, and end first. */
void server_done(struct server *server)
{
	worker_pool_free(server->pool);
	worker_pool_free(server->test_pool);
	worker_pool_free(server->registry_pool);
	deployer_free(server->control.deployer);
	mailer_free(server->mailer);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_done(&server->workers[i]);
	http_listener_free(server->listener);
	http_tls_free(server->tls);
	bundle_unref(server->bundle);
	serving_free(server->serving);
	access_unwatch(server->access);
	access_free(server->access);
	secret_store_free(server->secrets);
	registry_close(server->registry);
	pthread_mutex_destroy(&server->registry_lock);
	pthread_mutex_destroy(&server->fetch_lock);
	ready_done(&server->ready);
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	arena_done(&server->arena);
	if (server->has_fetch)
		fetch_global_done();
}

struct bundle *server_bundle(struct server *server)
{
	return server->bundle != NULL ? bundle_ref(server->bundle) : NULL;
}

/* With who may do what. */
static struct registry *open_with_access(struct server *server, struct error *err)
{
	struct registry *registry = registry_open(server->settings->state_dir, err);

	if (registry != NULL && !access_refresh(server->access, registry, err)) {
		registry_close(registry);
		return NULL;
	}
	if (registry != NULL)
		access_watch(server->access, registry);
	return registry;
}

static struct registry *open_registry(struct server *server, struct error *err)
{
	pthread_mutex_lock(&server->registry_lock);
	if (server->registry == NULL && sql_global_init(err))
		server->registry = open_with_access(server, err);
	struct registry *registry = server->registry;
	pthread_mutex_unlock(&server->registry_lock);
	return registry;
}

/* Who asks has not chosen the folder. */
struct registry *server_registry(struct server *server, struct error *err)
{
	struct registry *registry = open_registry(server, err);

	if (registry == NULL && err->code == ERR_USAGE)
		err->code = ERR_INTERNAL;
	return registry;
}

char *server_url(const struct server *server, struct arena *arena)
{
	const char *host = http_listener_is_at(server->listener, server->settings->host, 0)
				   ? server->settings->host
				   : http_listener_address(server->listener);

	return arena_printf(arena, strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u",
		server->tls != NULL ? "https" : "http", host, http_listener_port(server->listener));
}
