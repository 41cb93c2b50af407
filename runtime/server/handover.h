#pragma once
/*
 * Handover: what this process was given by the one that started it.
 *
 * - Socket activation (sd_listen_fds(3)): LISTEN_PID is this process, LISTEN_FDS counts descriptors from 3 on, and
 *   LISTEN_FDNAMES names them. One listening TCP socket is wanted: the one named "http", or the only one.
 * - An upgrade (upgrade.h): SLUICED_HANDOVER says what descriptor 3, the predecessor's listening socket, is: "own", or
 *   "shared" with whoever activated the predecessor. Descriptor 4 is the channel to the predecessor:
 *
 *	successor                        predecessor
 *	   │  'R': restored, may serve  ──▶  │
 *	   │  ◀──────  'G': go: it is yours  │  drains
 *	   │  ◀───────────── end of stream   │  ended, one way or the other
 *
 * The variables are removed, so that no child finds them.
 */
#include "base/error.h"

enum { HANDOVER_LISTENER_FD = 3, HANDOVER_CHANNEL_FD = 4 };
#define HANDOVER_VARIABLE "SLUICED_HANDOVER"

struct handover {
	int listener_fd;    /* -1: bind one; http_listener_adopt() takes it */
	bool is_shared;     /* with who keeps it for the next process */
	int predecessor_fd; /* the channel; -1: none, or it has ended */
};

/* To be called while nothing else is open but 0, 1 and 2. */
bool handover_take(struct handover *ret, struct error *err);
void handover_done(struct handover *handover);

enum handover_news { HANDOVER_NOTHING, HANDOVER_GO, HANDOVER_ENDED };

/* This process is ready to serve. */
void handover_say_ready(const struct handover *handover);
/* Without waiting; to be called when predecessor_fd is readable. After HANDOVER_ENDED the channel is closed. */
enum handover_news handover_hear(struct handover *handover);
