#include "server/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static bool set_option(int fd, int level, int option)
{
	const int one = 1;

	return setsockopt(fd, level, option, &one, sizeof(one)) == 0;
}

/* Accepted sockets inherit TCP_NODELAY, which saves a call each. */
static int bind_to(const struct addrinfo *address)
{
	const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) && set_option(fd, IPPROTO_TCP, TCP_NODELAY) &&
		bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	const int failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

static unsigned port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {.v6 = {0}};
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len) != 0)
		return 0;
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

struct http_listener *http_listener_new(const char *host, unsigned port, struct error *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	char service[16];

	snprintf(service, sizeof(service), "%u", port);
	const int failed = getaddrinfo(host, service, &hints, &found);
	if (failed != 0) {
		error_set(err, ERR_USAGE, "listen on '%s' port %u: %s", host, port,
			gai_strerror(failed));
		return NULL;
	}
	int fd = -1;
	for (const struct addrinfo *address = found; address != NULL && fd < 0;
		address = address->ai_next)
		fd = bind_to(address);
	const int bind_errno = errno;
	freeaddrinfo(found);
	if (fd < 0 && bind_errno == EADDRINUSE) {
		error_set(err, ERR_USAGE,
			"listen on '%s' port %u: Address already in use: another program has it; "
			"choose another with --port (0 picks a free one)",
			host, port);
		return NULL;
	}
	if (fd < 0) {
		error_set_errno(err, ERR_USAGE, bind_errno, "listen on '%s' port %u", host, port);
		return NULL;
	}
	/* OpenSSL writes with write(2), which has no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);

	struct http_listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		abort();
	listener->fd = fd;
	listener->port = port_of(fd);
	return listener;
}

void http_listener_free(struct http_listener *listener)
{
	if (listener == NULL)
		return;
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}

unsigned http_listener_port(const struct http_listener *listener)
{
	return listener->port;
}
