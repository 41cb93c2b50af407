#pragma once
/*
 * Upgrade: starts this program again, from the file that stands under its path now, and gives it the listening socket;
 * what both say to each other is in handover.h.
 *
 * The path is argv[0] as it was found at the start, links not resolved, so that an upgrade follows a link that was moved
 * to another version. The successor gets the command line and environment of this process, 0, 1 and 2, the socket and the
 * channel: no other descriptor. Until it says that it is ready nothing changes here; one that ends before, or takes too
 * long, is killed and reaped, and this process serves on.
 */
#include "base/arena.h"
#include "base/error.h"

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

struct upgrade {
	const char *program;
	char **argv;
	sigset_t signals; /* blocked at the start */
	pid_t pid;        /* of the successor; 0: none was started */
	int fd;           /* the channel to it; -1 */
	int64_t until_ms; /* it has to be ready */
};

/* At the start of the process, before signals are blocked. */
void upgrade_init(struct upgrade *upgrade, struct arena *arena, char **argv);
bool upgrade_start(struct upgrade *upgrade, int listener_fd, bool is_shared, uint32_t timeout_ms, struct error *err);
/* It was started, and is not ready yet. */
bool upgrade_is_under_way(const struct upgrade *upgrade);
/* Without waiting; to be called when fd is readable or until_ms has passed. True: the successor is ready. False with `err`
 * set: there is none any more; false with err->code ERR_NONE: nothing happened yet. */
bool upgrade_check(struct upgrade *upgrade, struct error *err);
/* The service is the successor's; the channel stays open until this process ends. */
void upgrade_let_go(struct upgrade *upgrade);
/* Kills a successor that is not ready yet. */
void upgrade_abort(struct upgrade *upgrade);
void upgrade_done(struct upgrade *upgrade);
