/* sluiced: reads the settings, starts the server, waits for signals. SIGTERM and SIGINT drain; a
 * second one is quick. */
#include "base/log.h"
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static void block_signals(sigset_t *ret_waited)
{
	sigemptyset(ret_waited);
	sigaddset(ret_waited, SIGTERM);
	sigaddset(ret_waited, SIGINT);
	sigaddset(ret_waited, SIGUSR2); /* a worker has ended: server.c */
	pthread_sigmask(SIG_BLOCK, ret_waited, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Secrets are in memory: no core files. */
static void forbid_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void announce(const struct server *server)
{
	struct arena arena;

	arena_init(&arena);
	log_info("server.ready", LOG_TEXT("version", SLUICE_VERSION),
		LOG_TEXT("url", server_url(server, &arena)),
		LOG_TEXT("bundle", server->bundle->name),
		LOG_TEXT("digest", server->bundle->digest),
		LOG_INT("workers", server->worker_count));
	arena_done(&arena);
}

static void serve(struct server *server, const sigset_t *waited)
{
	unsigned signals = 0;

	while (atomic_load(&server->draining) > 0) {
		int signal_number = 0;

		sigwait(waited, &signal_number);
		if (signal_number == SIGUSR2)
			continue;
		signals++;
		log_info("server.drain", LOG_INT("signal", signal_number),
			LOG_BOOL("quick", signals > 1));
		server_drain(
			server, signals > 1 ? 0 : (uint32_t)server->settings->drain_timeout_ms);
	}
	server_join(server);
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct server server = {0};
	struct arena arena;
	struct error err = {0};
	sigset_t waited;
	bool is_over = false;
	int status = 0;

	arena_init(&arena);
	if (!settings_read(&settings, &arena, argc, argv, &is_over, &err)) {
		fprintf(stderr, "sluiced: %s\ntry: sluiced --help\n", err.text);
		status = error_info(err.code)->exit_status;
		goto out;
	}
	if (is_over)
		goto out;
	block_signals(&waited);
	forbid_core();
	log_init((enum log_level)settings.log_level);
	if (server_start(&server, &settings, &err)) {
		announce(&server);
		serve(&server, &waited);
		log_info("server.end");
	} else {
		log_error("server.start", LOG_ERR(&err));
		status = error_info(err.code)->exit_status;
		server_drain(&server, 0);
		server_join(&server);
	}
	server_done(&server);
	log_done();
out:
	arena_done(&arena);
	return status;
}
