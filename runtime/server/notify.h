#pragma once
/*
 * Notify: tells the service manager what this process does: sd_notify(3)'s protocol, a datagram to the socket that
 * NOTIFY_SOCKET names. Without that variable nothing is sent. The variable stays set: a successor (upgrade.h) reports to
 * the same manager.
 */
#include <sys/types.h>

void notify_ready(void);
/* With the moment's CLOCK_MONOTONIC, as Type=notify-reload wants it; to be followed by notify_ready(). */
void notify_reloading(void);
void notify_stopping(void);
/* From now on the service is another process. */
void notify_main_pid(pid_t pid);
