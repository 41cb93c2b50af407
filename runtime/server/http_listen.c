#include "server/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
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

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static struct http_listener *listener_of(int fd)
{
	struct http_listener *listener = calloc(1, sizeof(*listener));
	union address address = {.v6 = {0}};
	socklen_t len = sizeof(address);

	if (listener == NULL || getsockname(fd, &address.any, &len) != 0)
		abort();
	const bool is_v6 = address.any.sa_family == AF_INET6;
	const void *bytes = is_v6 ? (const void *)&address.v6.sin6_addr : &address.v4.sin_addr;

	listener->fd = fd;
	listener->port = ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port);
	inet_ntop(address.any.sa_family, bytes, listener->address, sizeof(listener->address));
	/* OpenSSL writes with write(2), which has no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return listener;
}

static bool look_up(const char *host, unsigned port, struct addrinfo **ret, struct error *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	char service[16];

	snprintf(service, sizeof(service), "%u", port);
	const int failed = getaddrinfo(host, service, &hints, ret);
	return failed == 0 ||
	       error_set(err, ERR_USAGE, "listen on '%s' port %u: %s", host, port, gai_strerror(failed));
}

struct http_listener *http_listener_new(const char *host, unsigned port, struct error *err)
{
	struct addrinfo *found = NULL;
	int fd = -1;

	if (!look_up(host, port, &found, err))
		return NULL;
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
	return listener_of(fd);
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

struct http_listener *http_listener_adopt(int fd, bool is_shared, struct error *err)
{
	const int domain = option_of(fd, SO_DOMAIN);
	const int flags = fcntl(fd, F_GETFL);

	if ((domain != AF_INET && domain != AF_INET6) || option_of(fd, SO_TYPE) != SOCK_STREAM ||
		option_of(fd, SO_ACCEPTCONN) != 1) {
		error_set(err, ERR_USAGE, "descriptor %d is no listening TCP socket", fd);
	} else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
		   !set_option(fd, IPPROTO_TCP, TCP_NODELAY)) {
		error_set_errno(err, ERR_INTERNAL, errno, "take over the socket of descriptor %d", fd);
	} else {
		struct http_listener *listener = listener_of(fd);

		listener->is_shared = is_shared;
		return listener;
	}
	close(fd);
	return NULL;
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

const char *http_listener_address(const struct http_listener *listener)
{
	return listener->address;
}

int http_listener_fd(const struct http_listener *listener)
{
	return listener->fd;
}

bool http_listener_is_at(const struct http_listener *listener, const char *host, unsigned port)
{
	struct addrinfo *found = NULL;
	struct error ignored;
	char address[INET6_ADDRSTRLEN];
	bool is_at = false;

	if ((port != 0 && port != listener->port) || !look_up(host, port, &found, &ignored))
		return false;
	for (const struct addrinfo *at = found; at != NULL && !is_at; at = at->ai_next)
		is_at = getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), NULL, 0,
				NI_NUMERICHOST) == 0 &&
			strcmp(address, listener->address) == 0;
	freeaddrinfo(found);
	return is_at;
}

void http_listener_hold(struct http_listener *listener)
{
	atomic_store(&listener->is_held, true);
}

void http_listener_leave(struct http_listener *listener)
{
	atomic_store(&listener->is_left, true);
}

/* Whose handshake ends behind the last look into the queue would be reset when the socket is closed, though its connect()
 * worked. So connection requests (SYN without ACK) are thrown away before: such a client tries again a second later
 * and is refused, while who is in the midst of a handshake gets through. */
bool http_listener_end_arrivals(struct http_listener *listener)
{
	enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 }; /* of the TCP header: RFC 9293 3.1 */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return !listener->is_shared &&
	       setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}
