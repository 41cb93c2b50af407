/* sluiced: reads the settings, starts the server, lets it run (process.h). A drain that does not end ends the process. */
#include "base/descriptors.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "server/complain.h"
#include "server/process.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Secrets are in memory: no core files; nor is one piped to a program, which no limit prevents, nor
 * does another process of the user look in. LeakSanitizer is such a process. */
static void forbid_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (!IS_SANITIZED)
		prctl(PR_SET_DUMPABLE, 0);
}

static _Noreturn void end_stuck(const struct server *server)
{
	struct error err;

	error_set(&err, ERR_DEADLINE, "work in %u of %u workers did not end in time after it was cancelled",
		atomic_load(&server->draining), server->worker_count);
	log_error("server.stuck", LOG_ERR(&err));
	log_done();
	_exit(error_info(err.code)->exit_status);
}

static int usage_failed(const struct error *err)
{
	const bool is_helped = strstr(err->text, "sluiced --help") != NULL;

	fprintf(stderr, "sluiced: %s\n%s", err->text, is_helped ? "" : "try: sluiced --help\n");
	return error_info(err->code)->exit_status;
}

static int run(struct process *process, const struct settings *settings)
{
	struct server server = {0};
	struct error err = {0};

	log_init((enum log_level)settings->log_level);
	const bool is_started = server_start(&server, settings, &process->handover, &err);
	if (!process_run(process, &server, is_started ? NULL : &err))
		end_stuck(&server);
	server_join(&server);
	if (process->status == 0)
		log_info("server.end");
	server_done(&server);
	log_done();
	return process->status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct process process;
	struct arena arena;
	struct error err = {0};
	bool is_over = false;
	int status = 0;

	if (!descriptors_fill_standard())
		return error_info(ERR_INTERNAL)->exit_status;
	arena_init(&arena);
	if (!process_init(&process, &arena, argc, argv, &err) ||
		!settings_read(&settings, &arena, argc, argv, &is_over, &err) ||
		(!is_over && !process_take_signals(&process, &err))) {
		status = usage_failed(&err);
	} else if (!is_over) {
		forbid_core();
		status = run(&process, &settings);
	}
	process_done(&process);
	arena_done(&arena);
	return status;
}
