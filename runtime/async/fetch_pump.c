/*
 * libcurl's socket interface on the loop, with as few system calls as it can be had for:
 *
 * - libcurl lets go of a socket after each transfer and asks for it again with the next one. The
 * watch on a kept connection stays: two epoll_ctl() less a call. So the pump must know when the
 * descriptor is closed, which is why it opens and closes the sockets. (What libcurl opens by
 * itself, a resolver's pair, is let go at once.)
 * - libcurl asks for "0 ms" once or more a transfer: one deferred call serves all of them.
 * - A timer that is asked for later than the one that runs is left alone; waking up early is
 * harmless.
 */
#include "async/fetch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fetch_watch {
	struct event event;
	struct fetch_pump *pump;
	short wanted; /* what the event waits for; 0: it is not added */
	bool is_kept; /* the socket is a connection in use: we are told when it closes */
	bool is_idle; /* libcurl has let go of it */
};

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *data, void *unused);
static int on_timer_wanted(CURLM *multi, long after_ms, void *data);
static void on_ready(evutil_socket_t fd, short what, void *data);
static void on_turn(void *data);
static void on_timer(void *data);
static void watch_drop(struct fetch_pump *pump, curl_socket_t fd);

/* One that reads as the end of a stream. */
static int dead_socket(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return -1;
	close(pair[1]);
	return pair[0];
}

bool fetch_pump_init(struct fetch_pump *pump, struct loop *loop,
	const struct fetcher_options *options,
	void (*on_result)(struct fetch_handle *handle, CURLcode code))
{
	*pump = (struct fetch_pump){.loop = loop, .on_result = on_result, .dead_fd = dead_socket()};
	timer_init(&pump->timer, loop, on_timer, pump);
	pump->multi = curl_multi_init();
	if (pump->multi == NULL || pump->dead_fd < 0)
		return false;
	curl_multi_setopt(pump->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(pump->multi, CURLMOPT_SOCKETDATA, pump);
	curl_multi_setopt(pump->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(pump->multi, CURLMOPT_TIMERDATA, pump);
	curl_multi_setopt(pump->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(pump->multi, CURLMOPT_MAXCONNECTS, (long)options->connections_max);
	curl_multi_setopt(
		pump->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->connections_max);
	return true;
}

void fetch_pump_done(struct fetch_pump *pump)
{
	curl_multi_cleanup(pump->multi);
	loop_undefer(pump->loop, &pump->turn);
	timer_stop(&pump->timer);
	for (size_t i = 0; i < pump->watch_count; i++)
		watch_drop(pump, (curl_socket_t)i);
	free(pump->watches);
	close(pump->dead_fd);
}

CURLMcode fetch_pump_add(struct fetch_pump *pump, struct fetch_handle *handle)
{
	return curl_multi_add_handle(pump->multi, handle->easy);
}

void fetch_pump_remove(struct fetch_pump *pump, struct fetch_handle *handle)
{
	curl_multi_remove_handle(pump->multi, handle->easy);
}

static void report(struct fetch_pump *pump)
{
	struct fetch_handle *handle;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(pump->multi, &left)) != NULL) {
		const CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &handle);
		curl_multi_remove_handle(pump->multi, message->easy_handle);
		pump->on_result(handle, code);
	}
}

static void act(struct fetch_pump *pump, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(pump->multi, fd, what, &running);
	report(pump);
}

static void watch_stop(struct fetch_watch *watch)
{
	if (watch->wanted != 0)
		event_del(&watch->event);
	watch->wanted = 0;
}

static bool is_tcp(curl_socket_t fd)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       (domain == AF_INET || domain == AF_INET6);
}

static void watch_start(struct fetch_watch *watch, curl_socket_t fd, short wanted)
{
	watch->is_idle = false;
	if (watch->wanted == wanted)
		return;
	/* Nothing is read before the connection stands. */
	if (!watch->is_kept && (wanted & EV_READ) != 0)
		watch->is_kept = is_tcp(fd);
	watch_stop(watch);
	event_assign(&watch->event, loop_base(watch->pump->loop), fd, wanted | EV_PERSIST, on_ready,
		watch);
	if (event_add(&watch->event, NULL) == 0)
		watch->wanted = wanted;
}

static struct fetch_watch *watch_get(struct fetch_pump *pump, curl_socket_t fd)
{
	const size_t at = (size_t)fd;

	if (at >= pump->watch_count) {
		const size_t count = 2 * at + 16;

		pump->watches = realloc(pump->watches, count * sizeof(*pump->watches));
		if (pump->watches == NULL)
			abort();
		for (size_t i = pump->watch_count; i < count; i++)
			pump->watches[i] = NULL;
		pump->watch_count = count;
	}
	if (pump->watches[at] == NULL) {
		pump->watches[at] = calloc(1, sizeof(*pump->watches[at]));
		if (pump->watches[at] == NULL)
			abort();
		pump->watches[at]->pump = pump;
	}
	return pump->watches[at];
}

static void watch_drop(struct fetch_pump *pump, curl_socket_t fd)
{
	if ((size_t)fd >= pump->watch_count || pump->watches[fd] == NULL)
		return;
	watch_stop(pump->watches[fd]);
	free(pump->watches[fd]);
	pump->watches[fd] = NULL;
}

static curl_socket_t on_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch_pump *pump = data;
	const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->protocol);

	if (fd < 0)
		return CURL_SOCKET_BAD;
	watch_drop(pump, fd);
	return fd;
}

static int on_close(void *data, curl_socket_t fd)
{
	watch_drop(data, fd);
	return close(fd);
}

void fetch_pump_watch(struct fetch_pump *pump, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, pump);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, pump);
}

static void let_go(struct fetch_pump *pump, curl_socket_t fd)
{
	/* It may be closed already. */
	struct fetch_watch *watch = (size_t)fd < pump->watch_count ? pump->watches[fd] : NULL;

	if (watch == NULL)
		return;
	if (!watch->is_kept) {
		watch_drop(pump, fd);
		return;
	}
	watch_start(watch, fd, EV_READ);
	watch->is_idle = true;
}

static bool is_paused(CURL *easy)
{
	const struct fetch_handle *handle = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &handle);
	return handle != NULL && handle->fetch != NULL && handle->fetch->is_paused;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
	struct fetch_pump *pump = data;
	const short wanted = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
				     ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));

	if (what != CURL_POLL_REMOVE)
		watch_start(watch_get(pump, fd), fd, wanted);
	else if (is_paused(easy)) /* what comes meanwhile is no surprise */
		watch_stop(watch_get(pump, fd));
	else
		let_go(pump, fd);
	return 0;
}

/* libcurl owns the descriptor and cannot be told to drop it: the connection behind it is closed,
 * and the dead socket in its place reads as the end of the stream when libcurl looks. */
static void put_out_of_use(struct fetch_pump *pump, struct fetch_watch *watch, curl_socket_t fd)
{
	char byte;

	/* What woke us may be read already. */
	if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	watch_stop(watch);
	dup3(pump->dead_fd, fd, O_CLOEXEC);
}

static void on_ready(evutil_socket_t fd, short what, void *data)
{
	struct fetch_watch *watch = data;

	if (watch->is_idle)
		put_out_of_use(watch->pump, watch, fd);
	else
		act(watch->pump, fd,
			((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
				((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void timer_arm(struct fetch_pump *pump, uint64_t now_ns)
{
	pump->timer_due_ns = pump->wanted_ns;
	timer_start(&pump->timer, (pump->wanted_ns - now_ns + 999999) / 1000000);
}

static int on_timer_wanted(CURLM *multi, long after_ms, void *data)
{
	struct fetch_pump *pump = data;

	pump->wanted_ns = 0;
	if (after_ms == 0)
		loop_defer(pump->loop, &pump->turn, on_turn, pump);
	if (after_ms <= 0)
		return 0;
	const uint64_t now_ns = loop_now_ns(pump->loop);

	pump->wanted_ns = now_ns + (uint64_t)after_ms * 1000000;
	if (pump->timer_due_ns == 0 || pump->wanted_ns < pump->timer_due_ns)
		timer_arm(pump, now_ns);
	return 0;
}

static void on_turn(void *data)
{
	act(data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(void *data)
{
	struct fetch_pump *pump = data;
	const uint64_t now_ns = loop_now_ns(pump->loop);

	pump->timer_due_ns = 0;
	if (pump->wanted_ns == 0)
		return;
	if (pump->wanted_ns > now_ns) {
		timer_arm(pump, now_ns);
		return;
	}
	pump->wanted_ns = 0;
	act(pump, CURL_SOCKET_TIMEOUT, 0);
}
