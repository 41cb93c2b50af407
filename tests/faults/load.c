/*
 * Load on one path of an HTTP server: an open loop (requests at their times, whatever is answered) or a closed one
 * (clients that ask again when they were answered).
 *
 *	load PORT PATH BODY_FILE open RATE constant|random SECONDS
 *	load PORT PATH BODY_FILE closed CLIENTS SECONDS
 *
 * One line a request, in the order of their ends: microseconds from the start at which it was due, microseconds from
 * then until its answer was whole, status (0: none came). An open loop's latency counts from when the request was due,
 * also where this program was late: what it could not send is not hidden. Connections are kept; as many as answers that
 * take 250 ms need are there from the beginning, more are opened when they are needed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4000, ANSWER_MAX = 16 << 10, WAIT_MAX_S = 60 };

struct connection {
	int fd; /* -1: none */
	bool is_busy;
	uint64_t due_ns;
	size_t len;
	char answer[ANSWER_MAX];
};

static struct connection connections[CONNECTIONS_MAX];
static int free_list[CONNECTIONS_MAX], free_count;
static int poll_fd;
static struct sockaddr_in server;
static char *request;
static size_t request_len;
static uint64_t start_ns;
static unsigned in_flight;
static bool is_closed_loop;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void report(const struct connection *connection, int status)
{
	printf("%llu %llu %d\n", (unsigned long long)(connection->due_ns - start_ns) / 1000,
		(unsigned long long)(now() - connection->due_ns) / 1000, status);
}

static bool dial(int i)
{
	const int on = 1;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connections[i].fd = fd;

	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void hang_up(struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
}

static void end(int i, int status)
{
	report(&connections[i], status);
	connections[i].is_busy = false;
	connections[i].len = 0;
	free_list[free_count++] = i;
	in_flight--;
}

static void ask(uint64_t due_ns)
{
	if (free_count == 0) {
		const struct connection unsent = {.due_ns = due_ns};

		report(&unsent, 0);
		return;
	}

	const int i = free_list[--free_count];
	struct connection *connection = &connections[i];

	connection->is_busy = true;
	connection->due_ns = due_ns;
	in_flight++;
	if ((connection->fd < 0 && !dial(i)) ||
		send(connection->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) {
		if (connection->fd >= 0)
			hang_up(connection);
		end(i, 0);
	}
}

/* Of the head, NULL where there is no such field. */
static const char *field(const char *head, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, len) == 0)
			return line + 2 + len;
	return NULL;
}

/* The answer's status once it is whole, else 0. */
static int whole(struct connection *connection, bool *ret_closes)
{
	char *answer = connection->answer;

	answer[connection->len] = '\0';

	char *body = strstr(answer, "\r\n\r\n");

	if (body == NULL)
		return 0;
	body[2] = '\0';

	const char *length = field(answer, "content-length:"), *closes = field(answer, "connection:");
	const size_t head_len = (size_t)(body - answer) + 4;

	body[2] = '\r';
	*ret_closes = closes != NULL && strncasecmp(closes, " close", 6) == 0;
	if (length == NULL || connection->len < head_len + strtoul(length, NULL, 10))
		return 0;
	return atoi(answer + 9);
}

static void on_readable(int i)
{
	struct connection *connection = &connections[i];
	const ssize_t got = recv(connection->fd, connection->answer + connection->len,
		ANSWER_MAX - 1 - connection->len, MSG_DONTWAIT);
	bool closes = false;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		hang_up(connection);
		if (connection->is_busy)
			end(i, 0);
		return;
	}
	connection->len += (size_t)got;

	const int status = connection->is_busy ? whole(connection, &closes) : 0;

	if (status == 0)
		return;
	if (closes)
		hang_up(connection);
	end(i, status);
	if (is_closed_loop)
		ask(now());
}

static void wait_until(uint64_t until_ns)
{
	struct epoll_event events[256];
	const uint64_t from = now(), wait = until_ns > from ? until_ns - from : 0;
	const struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
	const int count = epoll_pwait2(poll_fd, events, 256, &timeout, NULL);

	for (int i = 0; i < count; i++)
		on_readable((int)events[i].data.u32);
}

static void dial_ahead(int count)
{
	for (int i = 0; i < count && i < CONNECTIONS_MAX; i++)
		if (!dial(free_list[free_count - 1 - i]))
			die("connect");
}

static void run_open(double rate, bool is_random, uint64_t end_ns)
{
	uint64_t due = start_ns;

	while (due < end_ns) {
		while (now() < due)
			wait_until(due);
		ask(due);
		due += (uint64_t)(1e9 / rate * (is_random ? -log(1 - drand48()) : 1));
		if (now() < due)
			continue;
		/* Late: what was answered is looked at nevertheless. */
		wait_until(0);
	}
}

static void run_closed(int clients, uint64_t end_ns)
{
	is_closed_loop = true;
	for (int i = 0; i < clients; i++)
		ask(now());
	while (now() < end_ns)
		wait_until(end_ns);
	is_closed_loop = false;
}

static void read_request(const char *path, const char *body_file)
{
	FILE *file = fopen(body_file, "rb");
	char *body = malloc(1 << 20);
	const size_t len = file != NULL && body != NULL ? fread(body, 1, 1 << 20, file) : 0;

	if (len == 0)
		die(body_file);
	fclose(file);
	request_len = (size_t)asprintf(&request,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
		path, len, (int)len, body);
	free(body);
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return fprintf(stderr, "usage: see the beginning of load.c\n"), 64;
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1);
	server = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	read_request(argv[2], argv[3]);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = CONNECTIONS_MAX - 1; i >= 0; i--) {
		connections[i].fd = -1;
		free_list[free_count++] = i;
	}

	const bool is_open = strcmp(argv[4], "open") == 0;
	const double seconds = atof(argv[is_open ? 7 : 6]);

	dial_ahead(is_open ? (int)(atof(argv[5]) / 4) : atoi(argv[5]));
	start_ns = now();

	const uint64_t end_ns = start_ns + (uint64_t)(seconds * 1e9);

	if (is_open)
		run_open(atof(argv[5]), strcmp(argv[6], "random") == 0, end_ns);
	else
		run_closed(atoi(argv[5]), end_ns);
	while (in_flight > 0 && now() < end_ns + WAIT_MAX_S * 1000000000ull)
		wait_until(end_ns + WAIT_MAX_S * 1000000000ull);
	return 0;
}
