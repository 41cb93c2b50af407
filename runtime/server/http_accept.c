/*
 * Accepting. Several servers, a thread each, watch one listening socket; each wake-up takes one
 * connection, and who has more than its share of them lets the others go first: connections are
 * kept, so a burst that one thread takes alone would stay with it. Accepting pauses at the limit of
 * connections and where descriptors run out.
 */
#include "server/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAUSE_MS = 100, YIELD_MS = 2 };
enum accepted { ACCEPT_TOOK, ACCEPT_NOTHING, ACCEPT_NO_ROOM };

static void on_arrivals_over(void *data);
static void empty_queue(struct http_server *server);

static void pause_accepting(struct http_server *server, uint64_t for_ms)
{
	event_del(&server->accepting);
	server->is_accepting = false;
	timer_start(&server->accept_timer, for_ms);
}

void http_accept_resume(struct http_server *server)
{
	/* Not from here: this may be an accept's own connection that ended. */
	if (server->is_finishing && !server->is_accept_over)
		timer_start(&server->accept_timer, 0);
	if (server->is_accepting || server->is_finishing || server->is_accept_over ||
		server->accept_fails > 0 || atomic_load(&server->listener->is_held))
		return;
	timer_stop(&server->accept_timer);
	event_add(&server->accepting, NULL);
	server->is_accepting = true;
}

static void on_pause_over(void *data)
{
	struct http_server *server = data;

	if (server->is_accept_over)
		return;
	if (server->is_finishing) {
		empty_queue(server);
		return;
	}
	event_add(&server->accepting, NULL);
	server->is_accepting = true;
}

/* No descriptors even after a pause: the spare one serves to turn one client away, who would else
 * wait for nothing. */
static void turn_one_away(struct http_server *server)
{
	if (server->spare_fd < 0)
		return;
	close(server->spare_fd);
	const int fd = accept4(server->listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		HTTP_COUNT(server->counters.refused, 1);
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_full(const struct http_server *server)
{
	return atomic_load_explicit(&server->listener->open, memory_order_relaxed) >=
	       server->limits.connections_max;
}

static enum accepted accept_one(struct http_server *server)
{
	const int fd = accept4(server->listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		server->accept_fails = 0;
		atomic_fetch_add_explicit(&server->listener->open, 1, memory_order_relaxed);
		http_conn_new(server, fd);
		return ACCEPT_TOOK;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		return ACCEPT_NO_ROOM;
	/* Else EAGAIN: another thread was faster. Errors of one connection in the queue pass. */
	return errno == ECONNABORTED || errno == EPROTO || errno == EINTR ? ACCEPT_TOOK
									  : ACCEPT_NOTHING;
}

static bool has_its_share(const struct http_server *server)
{
	const struct http_listener *listener = server->listener;
	const uint64_t servers = atomic_load_explicit(&listener->accepting, memory_order_relaxed);
	const uint64_t all = atomic_load_explicit(&listener->open, memory_order_relaxed);
	const uint64_t own = atomic_load_explicit(&server->counters.open, memory_order_relaxed);

	return own * servers > all + servers;
}

static void on_acceptable(evutil_socket_t fd, short what, void *data)
{
	struct http_server *server = data;

	if (is_full(server)) {
		pause_accepting(server, PAUSE_MS);
	} else if (!server->has_yielded && has_its_share(server)) {
		/* Once: what nobody takes meanwhile is taken here. */
		server->has_yielded = true;
		pause_accepting(server, YIELD_MS);
	} else {
		server->has_yielded = false;
		if (accept_one(server) == ACCEPT_NO_ROOM) {
			if (server->accept_fails++ > 0)
				turn_one_away(server);
			pause_accepting(server, PAUSE_MS);
		}
	}
}

void http_accept_start(struct http_server *server)
{
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	timer_init(&server->accept_timer, server->loop, on_pause_over, server);
	timer_init(&server->finish_timer, server->loop, on_arrivals_over, server);
	event_assign(&server->accepting, loop_base(server->loop), server->listener->fd,
		EV_READ | EV_PERSIST, on_acceptable, server);
	atomic_fetch_add(&server->listener->accepting, 1);
	http_accept_resume(server);
}

void http_accept_stop(struct http_server *server)
{
	if (server->is_accept_over)
		return;
	server->is_accept_over = true;
	timer_stop(&server->accept_timer);
	timer_stop(&server->finish_timer);
	if (server->is_accepting)
		event_del(&server->accepting);
	server->is_accepting = false;
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	server->spare_fd = -1;
}

void http_accept_finish(struct http_server *server)
{
	struct http_listener *listener = server->listener;

	if (atomic_load(&listener->is_left) || atomic_load(&listener->is_held))
		http_accept_give_up(server);
	else if (!server->is_finishing && http_listener_end_arrivals(listener))
		timer_start(&server->finish_timer, HTTP_DRAIN_ARRIVALS_MS);
	else
		empty_queue(server);
}

static void on_arrivals_over(void *data)
{
	empty_queue(data);
}

static void empty_queue(struct http_server *server)
{
	enum accepted accepted;

	if (server->is_accepting)
		event_del(&server->accepting);
	server->is_accepting = false;
	server->is_finishing = true;
	while ((accepted = accept_one(server)) == ACCEPT_TOOK)
		continue;
	if (accepted == ACCEPT_NO_ROOM)
		timer_start(&server->accept_timer, PAUSE_MS);
	else
		http_accept_give_up(server);
}

/* Who comes behind the last server's last look is refused at once, instead of waiting in a queue
 * that nobody empties and being reset when the process ends. A process that inherited the socket
 * keeps it. */
void http_accept_give_up(struct http_server *server)
{
	struct http_listener *listener = server->listener;

	if (server->is_accept_over)
		return;
	http_accept_stop(server);
	if (atomic_fetch_sub(&listener->accepting, 1) == 1) {
		close(listener->fd);
		listener->fd = -1;
	}
	http_server_check_drain(server);
}
