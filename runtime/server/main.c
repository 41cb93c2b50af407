/* sluiced: reads the settings, starts the server, waits for signals. SIGTERM and SIGINT drain; a
 * second one, and SIGQUIT, is quick. A drain that does not end ends the process. */
#include "base/descriptors.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "server/complain.h"
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What work may take to end once it was cancelled. */
enum { GRACE_MS = 5000 };
static const int64_t NEVER = INT64_MAX;
static const char RELOAD_PROBLEM[] =
	"reload is not supported yet: restart to load a new configuration";

static void block_signals(sigset_t *ret_waited)
{
	sigemptyset(ret_waited);
	sigaddset(ret_waited, SIGTERM);
	sigaddset(ret_waited, SIGINT);
	sigaddset(ret_waited, SIGQUIT);
	sigaddset(ret_waited, SIGHUP);
	sigaddset(ret_waited, SIGUSR2); /* a worker has ended: server.c */
	pthread_sigmask(SIG_BLOCK, ret_waited, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Secrets are in memory: no core files; nor is one piped to a program, which no limit prevents, nor
 * does another process of the user look in. LeakSanitizer is such a process. */
static void forbid_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (!IS_SANITIZED)
		prctl(PR_SET_DUMPABLE, 0);
}

static void announce(const struct server *server)
{
	struct arena arena;

	arena_init(&arena);
	log_info("server.ready", LOG_TEXT("version", SLUICE_VERSION),
		LOG_TEXT("url", server_url(server, &arena)),
		LOG_TEXT("bundle", server->bundle != NULL ? server->bundle->name : ""),
		LOG_TEXT("digest", server->bundle != NULL ? server->bundle->digest : ""),
		LOG_TEXT("state", server->settings->state_dir), LOG_INT("workers", server->worker_count));
	arena_done(&arena);
}

/* The signal that came; -1 where none did until then. */
static int wait_signal(const sigset_t *waited, int64_t until_ms)
{
	int signal_number;

	do {
		const int64_t left = until_ms > clock_ms() ? until_ms - clock_ms() : 0;
		const struct timespec timeout = {
			.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};

		signal_number = sigtimedwait(waited, NULL, until_ms == NEVER ? NULL : &timeout);
	} while (signal_number < 0 && errno == EINTR);
	return signal_number;
}

static int64_t drain(struct server *server, int64_t max_ms)
{
	server_drain(server, (uint32_t)max_ms);
	return clock_ms() + max_ms + GRACE_MS;
}

/* Until every worker has drained. False where that does not happen in time, because a call that
 * cannot be interrupted holds a thread: then nothing of the server may be freed. */
static bool wait_drained(struct server *server, const sigset_t *waited, int64_t until_ms)
{
	bool is_quick = until_ms != NEVER;

	while (atomic_load(&server->draining) > 0) {
		const int signal_number = wait_signal(waited, until_ms);

		if (signal_number < 0)
			return false;
		if (signal_number == SIGUSR2)
			continue;
		if (signal_number == SIGHUP) {
			log_warn("server.reload", LOG_TEXT("problem", RELOAD_PROBLEM));
			continue;
		}
		is_quick = is_quick || signal_number == SIGQUIT;
		log_info("server.drain", LOG_INT("signal", signal_number),
			LOG_BOOL("quick", is_quick));
		until_ms = drain(server, is_quick ? 0 : server->settings->drain_timeout_ms);
		is_quick = true;
	}
	return true;
}

static _Noreturn void end_stuck(const struct server *server)
{
	struct error err;

	error_set(&err, ERR_DEADLINE,
		"work in %u of %u workers did not end within %d ms after it was cancelled",
		atomic_load(&server->draining), server->worker_count, GRACE_MS);
	log_error("server.stuck", LOG_ERR(&err));
	log_done();
	_exit(error_info(err.code)->exit_status);
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct server server = {0};
	struct arena arena;
	struct error err = {0};
	sigset_t waited;
	bool is_over = false;
	int64_t until_ms = NEVER;
	int status = 0;

	if (!descriptors_fill_standard())
		return error_info(ERR_INTERNAL)->exit_status;
	arena_init(&arena);
	if (!settings_read(&settings, &arena, argc, argv, &is_over, &err)) {
		const bool is_helped = strstr(err.text, "sluiced --help") != NULL;
		fprintf(stderr, "sluiced: %s\n%s", err.text,
			is_helped ? "" : "try: sluiced --help\n");
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
	} else {
		complain(&err);
		status = error_info(err.code)->exit_status;
		until_ms = drain(&server, 0);
	}
	if (!wait_drained(&server, &waited, until_ms))
		end_stuck(&server);
	server_join(&server);
	if (status == 0)
		log_info("server.end");
	server_done(&server);
	log_done();
out:
	arena_done(&arena);
	return status;
}
