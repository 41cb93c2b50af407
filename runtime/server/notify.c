#include "server/notify.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A name that begins with '@' is in the abstract name space (unix(7)). */
static bool send_to(const char *name, struct str text, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(address.sun_path))
		return error_set(err, ERR_USAGE, "NOTIFY_SOCKET '%s' names no socket", name);
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open a socket");
	const ssize_t sent = sendto(fd, text.data, text.len, MSG_NOSIGNAL, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	const int failed = errno;
	close(fd);
	return sent == (ssize_t)text.len || error_set_errno(err, ERR_INTERNAL, failed, "send to '%s'", name);
}

static void notify(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct error err;

	if (name != NULL && name[0] != '\0' && !send_to(name, str_of(text), &err))
		log_warn("server.notify", LOG_TEXT("message", text), LOG_ERR(&err));
}

void notify_ready(void)
{
	notify("READY=1");
}

void notify_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_ns() / 1000);
	notify(text);
}

void notify_stopping(void)
{
	notify("STOPPING=1");
}

void notify_main_pid(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "MAINPID=%ld", (long)pid);
	notify(text);
}
