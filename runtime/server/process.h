#pragma once
/*
 * Process: the life of sluiced after its start: signals, the hand-over from a predecessor and to a successor, the end.
 *
 *	starting ──▶ serving ──SIGTERM──▶ leaving ──▶ draining ──▶ over
 *	    │           ▲  └──the successor is ready──────▲
 *	    └▶ waiting ─┘
 *
 * - starting: the workers run and say on /ready what is missing.
 * - waiting: ready; the predecessor has the clients until it says go. What comes waits in the listen queue.
 * - leaving: /ready says no, all is served: --drain-delay-ms, so that load balancers look away.
 * - draining: what was accepted is answered (http_server_drain()).
 *
 * SIGTERM and SIGINT leave, then drain; a further one skips the delay, or cuts a drain short; SIGQUIT does at once. SIGHUP
 * reloads (reload.h). SIGUSR2 upgrades (upgrade.h).
 */
#include "server/handover.h"
#include "server/reload.h"
#include "server/server.h"
#include "server/upgrade.h"

enum stage { STAGE_STARTING, STAGE_WAITING, STAGE_SERVING, STAGE_LEAVING, STAGE_DRAINING };

struct process {
	struct server *server;
	int argc;
	char **argv;
	struct handover handover;
	struct upgrade upgrade;
	struct snapshot *snapshot; /* what the workers have, or are about to take */
	int signal_fd;
	enum stage stage;
	int64_t until_ms;      /* of a stage that ends by itself */
	int end_signal;        /* the last one that asked for the end; 0: none did */
	bool is_handed_over;   /* to a successor: this process is no longer the service */
	bool is_reloading;     /* a reload was begun and not all workers have it */
	bool is_succession_over; /* on_predecessor_ended was called */
	int status;            /* with which it ends */
};

/* First thing: what was handed over, and where the program's file is. `process` is the caller's, and outlives the server. */
bool process_init(struct process *process, struct arena *arena, int argc, char **argv, struct error *err);
/* Blocks the signals, which from now on process_run() takes. */
bool process_take_signals(struct process *process, struct error *err);
/* After server_start(), which failed where `start_err` is not NULL: until the end. False where work does not end though it
 * was cancelled: then nothing of the server may be freed. */
bool process_run(struct process *process, struct server *server, const struct error *start_err);
void process_done(struct process *process);
