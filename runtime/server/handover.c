#include "server/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACTIVATED_FD = 3, ACTIVATED_MAX = 64 };
static const char SOCKET_NAME[] = "http";

static bool is_socket(int fd)
{
	struct stat is;

	return fstat(fd, &is) == 0 && S_ISSOCK(is.st_mode);
}

/* -1 where it is no number in range. */
static long number_of(const char *text, long max)
{
	char *end;
	const long value = strtol(text, &end, 10);

	return *text != '\0' && *end == '\0' && value >= 0 && value <= max ? value : -1;
}

/* Which of the names, separated by ':', is ours; -1: none. */
static long find_name(const char *names)
{
	const size_t len = sizeof(SOCKET_NAME) - 1;

	for (long at = 0; names != NULL; at++) {
		if (strncmp(names, SOCKET_NAME, len) == 0 && (names[len] == ':' || names[len] == '\0'))
			return at;
		names = strchr(names, ':');
		names = names != NULL ? names + 1 : NULL;
	}
	return -1;
}

static bool choose(long count, struct handover *ret, struct error *err)
{
	long at = find_name(getenv("LISTEN_FDNAMES"));

	if (at < 0 && count == 1)
		at = 0;
	if (at < 0 || at >= count)
		return error_set(err, ERR_USAGE,
			"LISTEN_FDS=%ld: one socket is served: name it with FileDescriptorName=%s", count, SOCKET_NAME);
	for (long i = 0; i < count; i++)
		if (i != at)
			close(ACTIVATED_FD + (int)i);
	ret->listener_fd = ACTIVATED_FD + (int)at;
	ret->is_shared = true;
	fcntl(ret->listener_fd, F_SETFD, FD_CLOEXEC);
	return true;
}

/* Descriptors that are meant for another process are not ours to touch. */
static bool take_activation(struct handover *ret, struct error *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != (long)getpid())
		return true;
	const long count = number_of(fds, ACTIVATED_MAX);
	if (count < 0)
		return error_set(err, ERR_USAGE, "LISTEN_FDS '%s': expected 0 to %d", fds, ACTIVATED_MAX);
	return count == 0 || choose(count, ret, err);
}

static bool take_predecessor(struct handover *ret, struct error *err)
{
	const char *kind = getenv(HANDOVER_VARIABLE);

	if (kind == NULL)
		return true;
	ret->is_shared = strcmp(kind, "shared") == 0;
	if ((!ret->is_shared && strcmp(kind, "own") != 0) || !is_socket(HANDOVER_LISTENER_FD) ||
		!is_socket(HANDOVER_CHANNEL_FD))
		return error_set(err, ERR_USAGE, HANDOVER_VARIABLE " '%s' is set, but no sluiced started this one",
			kind);
	ret->listener_fd = HANDOVER_LISTENER_FD;
	ret->predecessor_fd = HANDOVER_CHANNEL_FD;
	fcntl(ret->listener_fd, F_SETFD, FD_CLOEXEC);
	fcntl(ret->predecessor_fd, F_SETFD, FD_CLOEXEC);
	return true;
}

bool handover_take(struct handover *ret, struct error *err)
{
	*ret = (struct handover){.listener_fd = -1, .predecessor_fd = -1};
	const bool is_taken = take_activation(ret, err) && take_predecessor(ret, err);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv(HANDOVER_VARIABLE);
	return is_taken;
}

void handover_done(struct handover *handover)
{
	if (handover->predecessor_fd >= 0)
		close(handover->predecessor_fd);
	handover->predecessor_fd = -1;
}

/* A predecessor that is gone is noticed by handover_hear(). */
void handover_say_ready(const struct handover *handover)
{
	send(handover->predecessor_fd, "R", 1, MSG_NOSIGNAL);
}

enum handover_news handover_hear(struct handover *handover)
{
	char said = '\0';
	const ssize_t got = recv(handover->predecessor_fd, &said, 1, MSG_DONTWAIT);

	if (got == 1)
		return said == 'G' ? HANDOVER_GO : HANDOVER_NOTHING;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return HANDOVER_NOTHING;
	handover_done(handover);
	return HANDOVER_ENDED;
}
