/*
 * One thread waits for all that can happen to the process: signals (a signalfd), the server's wake-up (ready, drained,
 * reloaded), what the predecessor and the successor say, and the time.
 */
#include "server/process.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/complain.h"
#include "server/notify.h"
#include "server/pid_file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What work may take to end once it was cancelled. */
enum { GRACE_MS = 5000 };
static const int64_t NEVER = INT64_MAX;
static const char DRAINING[] = "draining";

static void on_signal(struct process *process, int number);
static void on_wake(struct process *process);
static void on_predecessor(struct process *process);
static void on_successor(struct process *process);
static void on_time(struct process *process);
static void end(struct process *process, bool is_quick);

bool process_init(struct process *process, struct arena *arena, int argc, char **argv, struct error *err)
{
	*process = (struct process){.argc = argc, .argv = argv, .signal_fd = -1, .until_ms = NEVER};
	upgrade_init(&process->upgrade, arena, argv);
	return handover_take(&process->handover, err);
}

bool process_take_signals(struct process *process, struct error *err)
{
	static const int TAKEN[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2};
	sigset_t taken;

	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(TAKEN) / sizeof(TAKEN[0]); i++)
		sigaddset(&taken, TAKEN[i]);
	pthread_sigmask(SIG_BLOCK, &taken, NULL);
	signal(SIGPIPE, SIG_IGN);
	process->signal_fd = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	return process->signal_fd >= 0 || error_set_errno(err, ERR_INTERNAL, errno, "open a descriptor for signals");
}

void process_done(struct process *process)
{
	upgrade_done(&process->upgrade);
	handover_done(&process->handover);
	snapshot_unref(process->snapshot);
	if (process->signal_fd >= 0)
		close(process->signal_fd);
}

static bool is_draining(const struct process *process)
{
	return atomic_load(&process->server->draining) > 0;
}

/* Processes of a chain of upgrades end in its order, so that the last one's predecessor's end is the end of all. */
static bool is_over(const struct process *process)
{
	if (process->stage != STAGE_DRAINING || is_draining(process))
		return false;
	return !process->is_handed_over || process->handover.predecessor_fd < 0 || clock_ms() >= process->until_ms;
}

static bool is_stuck(const struct process *process)
{
	return process->stage == STAGE_DRAINING && is_draining(process) && clock_ms() >= process->until_ms;
}

static int wait_ms(const struct process *process)
{
	int64_t until_ms = process->until_ms;

	if (upgrade_is_under_way(&process->upgrade) && process->upgrade.until_ms < until_ms)
		until_ms = process->upgrade.until_ms;
	if (until_ms == NEVER)
		return -1;
	const int64_t left = until_ms - clock_ms();
	return left <= 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX;
}

static void read_signals(struct process *process)
{
	struct signalfd_siginfo came;

	while (read(process->signal_fd, &came, sizeof(came)) == (ssize_t)sizeof(came))
		on_signal(process, (int)came.ssi_signo);
}

static void wait_for_news(struct process *process)
{
	const int successor_fd = upgrade_is_under_way(&process->upgrade) ? process->upgrade.fd : -1;
	struct pollfd fds[] = {
		{.fd = process->signal_fd, .events = POLLIN},
		{.fd = process->server->wake_fd, .events = POLLIN},
		{.fd = process->handover.predecessor_fd, .events = POLLIN},
		{.fd = successor_fd, .events = POLLIN},
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms(process)) < 0)
		return;
	if (fds[0].revents != 0)
		read_signals(process);
	if (fds[1].revents != 0)
		on_wake(process);
	if (fds[2].revents != 0)
		on_predecessor(process);
	if (upgrade_is_under_way(&process->upgrade))
		on_successor(process);
	on_time(process);
}

bool process_run(struct process *process, struct server *server, const struct error *start_err)
{
	process->server = server;
	if (start_err != NULL) {
		complain(start_err);
		process->status = error_info(start_err->code)->exit_status;
		end(process, true);
	} else {
		process->snapshot = snapshot_new(server->settings, server->tls);
		on_wake(process);
	}
	while (!is_over(process)) {
		if (is_stuck(process))
			return false;
		wait_for_news(process);
	}
	if (!process->is_handed_over)
		pid_file_remove(server->settings->pid_file);
	return true;
}

static void announce(const struct process *process)
{
	const struct server *server = process->server;
	struct arena arena;

	arena_init(&arena);
	log_info("server.ready", LOG_TEXT("version", SLUICE_VERSION), LOG_TEXT("url", server_url(server, &arena)),
		LOG_TEXT("bundle", server->bundle != NULL ? server->bundle->name : ""),
		LOG_TEXT("digest", server->bundle != NULL ? server->bundle->digest : ""),
		LOG_TEXT("state", server->settings->state_dir), LOG_INT("workers", server->worker_count),
		LOG_INT("pid", getpid()));
	arena_done(&arena);
}

static void tell_predecessor_ended(struct process *process)
{
	struct server *server = process->server;

	if (process->is_succession_over || process->stage < STAGE_SERVING || process->handover.predecessor_fd >= 0 ||
		!atomic_load(&server->has_predecessor))
		return;
	process->is_succession_over = true;
	atomic_store(&server->has_predecessor, false);
	log_info("server.predecessor_ended");
	if (server->on_predecessor_ended != NULL)
		server->on_predecessor_ended(server);
}

static void serve(struct process *process)
{
	struct server *server = process->server;
	struct error err;

	process->stage = STAGE_SERVING;
	if (atomic_load(&server->has_predecessor))
		server_accept(server);
	if (!pid_file_write(server->settings->pid_file, &err)) {
		complain(&err);
		process->status = error_info(err.code)->exit_status;
		end(process, true);
		return;
	}
	announce(process);
	notify_ready();
	tell_predecessor_ended(process);
}

static void on_ready(struct process *process)
{
	if (process->handover.predecessor_fd < 0) {
		serve(process);
		return;
	}
	process->stage = STAGE_WAITING;
	handover_say_ready(&process->handover);
}

static void on_reloaded(struct process *process)
{
	process->is_reloading = false;
	log_info("server.reload");
	if (process->stage == STAGE_SERVING)
		notify_ready();
}

static void on_wake(struct process *process)
{
	struct server *server = process->server;
	uint64_t count;

	const ssize_t got = read(server->wake_fd, &count, sizeof(count));
	(void)got;
	if (process->stage == STAGE_STARTING && ready_is(&server->ready))
		on_ready(process);
	if (process->is_reloading && atomic_load(&server->reloading) == 0)
		on_reloaded(process);
}

/* A predecessor that ended without a word has no clients any more, whoever ended it. */
static void on_predecessor(struct process *process)
{
	const enum handover_news news = handover_hear(&process->handover);

	if (news == HANDOVER_NOTHING)
		return;
	if (process->stage == STAGE_WAITING)
		serve(process);
	tell_predecessor_ended(process);
}

static void begin_drain(struct process *process, bool is_quick)
{
	const int64_t max_ms = is_quick ? 0 : process->snapshot->settings.drain_timeout_ms;

	process->stage = STAGE_DRAINING;
	process->until_ms = clock_ms() + max_ms + GRACE_MS;
	server_drain(process->server, (uint32_t)max_ms);
}

static void hand_over(struct process *process)
{
	const pid_t pid = process->upgrade.pid;

	log_info("server.handed_over", LOG_INT("pid", pid));
	http_listener_leave(process->server->listener);
	/* First the manager, then the successor, whose word it takes only as the main process. */
	notify_main_pid(pid);
	upgrade_let_go(&process->upgrade);
	process->is_handed_over = true;
	begin_drain(process, false);
}

static void on_successor(struct process *process)
{
	struct error err;

	if (upgrade_check(&process->upgrade, &err))
		hand_over(process);
	else if (err.code != ERR_NONE)
		log_error("server.upgrade_failed", LOG_ERR(&err));
}

static void on_time(struct process *process)
{
	if (process->stage != STAGE_LEAVING || clock_ms() < process->until_ms)
		return;
	log_info("server.drain", LOG_INT("signal", process->end_signal), LOG_BOOL("quick", false));
	begin_drain(process, false);
}

static void end(struct process *process, bool is_quick)
{
	upgrade_abort(&process->upgrade);
	if (process->stage < STAGE_LEAVING) {
		ready_hold(&process->server->ready, DRAINING);
		notify_stopping();
	}
	begin_drain(process, is_quick);
}

static void on_end_signal(struct process *process, int number)
{
	const bool is_first = process->end_signal == 0;
	const int64_t delay_ms = process->snapshot->settings.drain_delay_ms;

	process->end_signal = number;
	if (number != SIGQUIT && process->stage < STAGE_LEAVING && delay_ms > 0) {
		log_info("server.leaving", LOG_INT("signal", number), LOG_INT("delay_ms", delay_ms));
		upgrade_abort(&process->upgrade);
		ready_hold(&process->server->ready, DRAINING);
		notify_stopping();
		process->stage = STAGE_LEAVING;
		process->until_ms = clock_ms() + delay_ms;
		return;
	}
	const bool is_quick = number == SIGQUIT || (!is_first && process->stage == STAGE_DRAINING);
	log_info("server.drain", LOG_INT("signal", number), LOG_BOOL("quick", is_quick));
	end(process, is_quick);
}

static void reload(struct process *process)
{
	struct buf fixed = {0};
	struct error err;

	if (process->stage == STAGE_SERVING)
		notify_reloading();
	struct snapshot *next = snapshot_read(process->snapshot, process->argc, process->argv, &fixed, &err);
	if (next == NULL) {
		error_wrap(&err, "the old settings stay");
		log_error("server.reload_failed", LOG_ERR(&err));
		if (process->stage == STAGE_SERVING)
			notify_ready();
		buf_done(&fixed);
		return;
	}
	if (fixed.len > 0)
		log_warn("server.reload_partial", LOG_STR("options", buf_str(&fixed)),
			LOG_TEXT("problem", "these options were changed, but need a restart or an upgrade (SIGUSR2)"));
	buf_done(&fixed);
	snapshot_unref(process->snapshot);
	process->snapshot = next;
	log_set_level((enum log_level)next->settings.log_level);
	process->is_reloading = true;
	reload_spread(process->server, next);
}

static void upgrade(struct process *process)
{
	const struct settings *settings = &process->snapshot->settings;
	struct error err;

	if (process->stage != STAGE_SERVING) {
		error_set(&err, ERR_INVALID_STATE, "this process %s",
			process->stage < STAGE_SERVING ? "does not serve yet" : "is about to end");
	} else if (upgrade_is_under_way(&process->upgrade)) {
		error_set(&err, ERR_INVALID_STATE, "process %ld was started and is not ready yet",
			(long)process->upgrade.pid);
	} else if (upgrade_start(&process->upgrade, http_listener_fd(process->server->listener),
			   process->handover.is_shared, (uint32_t)settings->upgrade_timeout_ms, &err)) {
		log_info("server.upgrade", LOG_TEXT("program", process->upgrade.program),
			LOG_INT("pid", process->upgrade.pid));
		return;
	}
	log_error("server.upgrade_failed", LOG_ERR(&err));
}

static void on_signal(struct process *process, int number)
{
	if (number == SIGHUP && process->snapshot != NULL)
		reload(process);
	else if (number == SIGUSR2 && process->snapshot != NULL)
		upgrade(process);
	else if (number != SIGHUP && number != SIGUSR2 && process->snapshot != NULL)
		on_end_signal(process, number);
}
