/* The front end from inside: what cannot be seen, or not be brought about, over the network alone.
 */
#include "async/loop.h"
#include "server/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(expr)                                                                                   \
	do {                                                                                       \
		struct error err = {0};                                                            \
		if (!(expr))                                                                       \
			fail_msg("%s: %s", #expr, err.text);                                       \
	} while (0)
#define FAILS(expr, wanted, part)                                                                  \
	do {                                                                                       \
		struct error err = {0};                                                            \
		assert_false((expr));                                                              \
		assert_int_equal(err.code, wanted);                                                \
		if (strstr(err.text, part) == NULL)                                                \
			fail_msg("'%s' has no '%s'", err.text, part);                              \
	} while (0)

struct fixture {
	struct loop *loop;
	struct http_listener *listener;
	struct http_server *server;
	struct timer timer;
	void (*handle)(struct fixture *fixture, struct http_request *request);
	struct http_request *request; /* kept by the handler */
	unsigned gone, drained, answered;
	int client;
};

static struct fixture *the_fixture; /* on_gone has no data but the request's */

static void handle(struct http_request *request, void *data)
{
	struct fixture *fixture = data;

	fixture->handle(fixture, request);
}

static void on_late(void *data)
{
	struct fixture *fixture = data;

	loop_stop(fixture->loop);
	fail_msg("nothing happened for 5 s");
}

static int connect_to(unsigned port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void start(struct fixture *fixture, void (*fn)(struct fixture *, struct http_request *))
{
	struct http_limits limits;

	*fixture = (struct fixture){.handle = fn, .loop = loop_new()};
	the_fixture = fixture;
	http_limits_default(&limits);
	OK((fixture->listener = http_listener_new("127.0.0.1", 0, &err)) != NULL);
	fixture->server =
		http_server_new(fixture->loop, fixture->listener, NULL, &limits, handle, fixture);
	timer_init(&fixture->timer, fixture->loop, on_late, fixture);
	timer_start(&fixture->timer, 5000);
	fixture->client = connect_to(http_listener_port(fixture->listener));
}

static void send_text(const struct fixture *fixture, const char *text)
{
	assert_int_equal(send(fixture->client, text, strlen(text), 0), strlen(text));
}

static void end(struct fixture *fixture)
{
	timer_stop(&fixture->timer);
	http_server_free(fixture->server);
	http_listener_free(fixture->listener);
	if (fixture->client >= 0)
		close(fixture->client);
	loop_free(fixture->loop);
}

struct turn {
	struct loop *loop;
	bool is_over;
};

static void on_turn(void *data)
{
	struct turn *turn = data;

	turn->is_over = true;
	loop_stop(turn->loop);
}

/* Runs what is due, and comes back. A stop that came before would only end the first run. */
static void run_a_turn(struct fixture *fixture)
{
	struct turn turn = {.loop = fixture->loop};
	struct loop_task task = {0};

	loop_defer(fixture->loop, &task, on_turn, &turn);
	while (!turn.is_over)
		loop_run(fixture->loop);
}

#define REQUEST "GET /a HTTP/1.1\r\nHost: t\r\nX-Some: thing\r\n\r\n"

static void answer_with_fields(struct fixture *fixture, struct http_request *request)
{
	const struct http_field fields[] = {
		{STR("Allow"), STR("GET, POST")},
		{STR("X-Empty"), {NULL, 0}},
	};
	struct buf body = {0};

	assert_true(str_is(http_field_get(request, "x-SOME"), "thing"));
	assert_null(http_field_get(request, "x-other").data);
	buf_add_text(&body, "taken");
	http_answer(request, &(struct http_answer){.status = 405,
				     .content_type = "text/plain",
				     .fields = fields,
				     .field_count = 2,
				     .take_body = &body,
				     .is_closing = true});
	assert_null(body.data);
	loop_stop(fixture->loop);
}

static void test_answer(void **state)
{
	struct fixture fixture;
	char text[1024];

	start(&fixture, answer_with_fields);
	send_text(&fixture, REQUEST);
	loop_run(fixture.loop);
	const ssize_t len = recv(fixture.client, text, sizeof(text) - 1, 0);
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, "HTTP/1.1 405 Method Not Allowed\r\nServer: sluice/"));
	assert_non_null(strstr(text, "\r\nDate: "));
	assert_non_null(strstr(text,
		"\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nAllow: GET, POST\r\n"
		"X-Empty: \r\nConnection: close\r\n\r\ntaken"));
	end(&fixture);
}

static void on_gone(struct http_request *request)
{
	the_fixture->gone++;
	loop_stop(the_fixture->loop);
}

static void keep(struct fixture *fixture, struct http_request *request)
{
	fixture->request = request;
	request->on_gone = on_gone;
	loop_stop(fixture->loop);
}

/* The server goes while a handler works: it is told once, answers later, and nothing leaks
 * (LeakSanitizer). */
static void test_free_before_the_answer(void **state)
{
	struct fixture fixture;

	start(&fixture, keep);
	send_text(&fixture, REQUEST);
	loop_run(fixture.loop);
	assert_non_null(fixture.request);

	struct http_stats stats;
	http_server_stats(fixture.server, &stats);
	assert_int_equal(stats.active, 1);
	http_server_free(fixture.server);
	fixture.server = NULL;
	assert_int_equal(fixture.gone, 1);
	http_answer(fixture.request, &(struct http_answer){.status = 200, .body = STR("x")});
	run_a_turn(&fixture);
	assert_int_equal(fixture.gone, 1);
	end(&fixture);
}

static void test_stream_to_nobody(void **state)
{
	struct fixture fixture;

	start(&fixture, keep);
	send_text(&fixture, REQUEST);
	loop_run(fixture.loop);
	const struct linger at_once = {.l_onoff = 1};
	setsockopt(fixture.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fixture.client);
	fixture.client = -1;
	loop_run(fixture.loop);
	assert_int_equal(fixture.gone, 1);
	http_stream_start(fixture.request, &(struct http_answer){.status = 200});
	assert_false(http_stream_write(fixture.request, STR("x")));
	http_stream_end(fixture.request, true);
	run_a_turn(&fixture);

	struct http_stats stats;
	http_server_stats(fixture.server, &stats);
	assert_int_equal(stats.open, 0);
	assert_int_equal(stats.active, 0);
	end(&fixture);
}

#define PUT "PUT /a HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n"

static char piece[64];

static bool wants_pieces(enum http_method method, struct str path, uint64_t *ret_body_max, void *data)
{
	return method == HTTP_PUT;
}

static void on_no_piece(struct http_request *request, size_t len, bool is_whole)
{
	fail_msg("nothing is to be read here");
}

static void ask_for_pieces(struct fixture *fixture, struct http_request *request)
{
	assert_true(request->is_streamed);
	assert_int_equal(request->body_length, 10);
	assert_int_equal(request->body.len, 0);
	http_body_read(request, piece, sizeof(piece), on_no_piece);
	keep(fixture, request);
}

/* The server goes while a body is being read: what came of it is not handed over any more. */
static void test_free_inside_a_body(void **state)
{
	struct fixture fixture;

	start(&fixture, ask_for_pieces);
	http_server_on_head(fixture.server, wants_pieces);
	send_text(&fixture, PUT "12345");
	loop_run(fixture.loop);
	run_a_turn(&fixture);
	http_server_free(fixture.server);
	fixture.server = NULL;
	assert_int_equal(fixture.gone, 1);
	assert_true(fixture.request->is_gone);
	/* Harmless: nobody is left to read from. */
	http_body_read(fixture.request, piece, sizeof(piece), on_no_piece);
	run_a_turn(&fixture);
	http_answer(fixture.request, &(struct http_answer){.status = 200});
	run_a_turn(&fixture);
	end(&fixture);
}

/* A handler answers while it still reads: the reading ends, and the connection behind the answer. */
static void test_an_answer_ends_the_reading(void **state)
{
	struct fixture fixture;
	char text[512];
	size_t len = 0;
	ssize_t got;

	start(&fixture, ask_for_pieces);
	http_server_on_head(fixture.server, wants_pieces);
	send_text(&fixture, PUT "12345");
	loop_run(fixture.loop);
	http_answer(fixture.request, &(struct http_answer){.status = 409});
	send_text(&fixture, "67890" REQUEST);
	run_a_turn(&fixture);
	shutdown(fixture.client, SHUT_WR);
	run_a_turn(&fixture);
	while ((got = recv(fixture.client, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	assert_non_null(strstr(text, "HTTP/1.1 409 Conflict\r\n"));
	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	assert_null(strstr(text + 1, "HTTP/1.1"));
	assert_int_equal(fixture.gone, 0);
	end(&fixture);
}

static void stream_ten(struct fixture *fixture, struct http_request *request)
{
	struct buf taken = {0};

	http_stream_start(request, &(struct http_answer){.status = 200, .has_length = true, .length = 10});
	assert_true(http_stream_write(request, STR("01234")));
	buf_add_text(&taken, "56789");
	assert_true(http_stream_take(request, &taken));
	assert_null(taken.data);
	http_stream_end(request, true);
	loop_stop(fixture->loop);
}

/* HEAD and HTTP/1.0 keep the length, and the connection. */
static void test_a_stream_of_known_length(void **state)
{
	struct fixture fixture;
	char text[2048];

	start(&fixture, stream_ten);
	send_text(&fixture, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /a HTTP/1.1\r\nHost: t\r\n\r\n");
	loop_run(fixture.loop);
	run_a_turn(&fixture);
	run_a_turn(&fixture);
	const ssize_t len = recv(fixture.client, text, sizeof(text) - 1, 0);
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, "\r\nContent-Length: 10\r\nConnection: keep-alive\r\n\r\n0123456789HTTP/1.1 200 OK\r\n"));
	assert_true(str_ends(str_of(text), STR("\r\nContent-Length: 10\r\n\r\n")));
	end(&fixture);
}

static void on_drained(void *data)
{
	struct fixture *fixture = data;

	fixture->drained++;
	loop_stop(fixture->loop);
}

static void test_drain_is_told_once(void **state)
{
	struct fixture fixture;

	start(&fixture, keep);
	send_text(&fixture, REQUEST);
	loop_run(fixture.loop);
	http_server_drain(fixture.server, 60000, on_drained, &fixture);
	assert_int_equal(fixture.drained, 0);
	/* A second signal hurries: the client is cut and the handler told; but what works for it
	 * may still be on another thread, so the drain is over with its answer only. */
	http_server_drain(fixture.server, 0, on_drained, &fixture);
	while (fixture.gone == 0)
		loop_run(fixture.loop);
	run_a_turn(&fixture);
	assert_int_equal(fixture.gone, 1);
	assert_int_equal(fixture.drained, 0);
	http_answer(fixture.request, &(struct http_answer){.status = 200});
	run_a_turn(&fixture);
	assert_int_equal(fixture.drained, 1);
	http_server_drain(fixture.server, 0, on_drained, &fixture);
	run_a_turn(&fixture);
	assert_int_equal(fixture.drained, 1);
	end(&fixture);
}

/* epoll takes no plain file, as it takes no socket beyond fs.epoll.max_user_watches. */
static void test_a_socket_that_cannot_be_watched_is_refused(void **state)
{
	struct fixture fixture;
	struct http_stats stats;

	start(&fixture, keep);
	const int fd = open(TESTS_DIR "/unit/http_server_test.c", O_RDONLY);
	assert_true(fd >= 0);
	atomic_fetch_add(&fixture.listener->open, 1);
	http_conn_new(fixture.server, fd);
	http_server_stats(fixture.server, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.open, 0);
	assert_int_equal(atomic_load(&fixture.listener->open), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	/* Others are served. */
	send_text(&fixture, REQUEST);
	loop_run(fixture.loop);
	http_answer(fixture.request, &(struct http_answer){.status = 200});
	run_a_turn(&fixture);
	end(&fixture);
}

static void run_for(struct fixture *fixture, bool (*is_enough)(struct fixture *fixture))
{
	while (!is_enough(fixture))
		run_a_turn(fixture);
}

static bool is_drained(struct fixture *fixture)
{
	return fixture->drained > 0;
}

static void answer_at_once(struct fixture *fixture, struct http_request *request)
{
	fixture->answered++;
	http_answer(request, &(struct http_answer){.status = 200});
}

/* Two wait in the listen queue, and there are descriptors for one: the drain takes the second when
 * the first has gone. */
static void test_drain_without_descriptors_loses_nothing(void **state)
{
	struct fixture fixture;
	struct rlimit limit, low;
	char text[256];

	start(&fixture, answer_at_once);
	const int second = connect_to(http_listener_port(fixture.listener));
	send_text(&fixture, REQUEST);
	assert_true(send(second, REQUEST, strlen(REQUEST), 0) > 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	const int next = dup(0);
	close(next);
	low = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	http_server_drain(fixture.server, 60000, on_drained, &fixture);
	run_for(&fixture, is_drained);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(fixture.answered, 2);
	assert_true(recv(fixture.client, text, sizeof(text), 0) > 0);
	assert_true(recv(second, text, sizeof(text), 0) > 0);
	close(second);
	end(&fixture);
}

static void test_listen_errors(void **state)
{
	struct http_listener *listener;

	OK((listener = http_listener_new("::1", 0, &err)) != NULL);
	assert_true(http_listener_port(listener) > 0);
	FAILS(http_listener_new("::1", http_listener_port(listener), &err), ERR_USAGE,
		"Address already in use");
	http_listener_free(listener);
	FAILS(http_listener_new("no.such.host.invalid", 1, &err), ERR_USAGE,
		"listen on 'no.such.host.invalid' port 1: ");
	http_listener_free(NULL);
}

static void test_a_socket_is_adopted(void **state)
{
	struct http_listener *ours, *adopted;

	OK((ours = http_listener_new("127.0.0.1", 0, &err)) != NULL);
	const unsigned port = http_listener_port(ours);
	OK((adopted = http_listener_adopt(dup(http_listener_fd(ours)), true, &err)) != NULL);
	assert_string_equal(http_listener_address(adopted), "127.0.0.1");
	assert_int_equal(http_listener_port(adopted), port);
	assert_true(http_listener_is_at(adopted, "localhost", port) && http_listener_is_at(adopted, "127.0.0.1", 0));
	assert_false(http_listener_is_at(adopted, "127.0.0.1", port + 1));
	assert_false(http_listener_is_at(adopted, "0.0.0.0", port));
	assert_false(http_listener_is_at(adopted, "no.such.host.invalid", port));
	assert_int_equal(fcntl(http_listener_fd(adopted), F_GETFD), FD_CLOEXEC);
	http_listener_free(adopted);
	http_listener_free(ours);
	OK((ours = http_listener_new("::", 0, &err)) != NULL);
	http_listener_free(ours);
	FAILS(http_listener_adopt(socket(AF_INET, SOCK_STREAM, 0), false, &err), ERR_USAGE, "no listening TCP socket");
	FAILS(http_listener_adopt(socket(AF_INET, SOCK_DGRAM, 0), false, &err), ERR_USAGE, "no listening TCP socket");
	FAILS(http_listener_adopt(socket(AF_UNIX, SOCK_STREAM, 0), false, &err), ERR_USAGE, "no listening TCP socket");
	FAILS(http_listener_adopt(open("/dev/null", O_RDONLY), false, &err), ERR_USAGE, "no listening TCP socket");
}

/* Once arrivals end, connect() no longer works, and what worked before is still in the queue. */
static void test_arrivals_end(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct http_listener *listener;

	OK((listener = http_listener_new("127.0.0.1", 0, &err)) != NULL);
	address.sin_port = htons((uint16_t)http_listener_port(listener));
	const int early = socket(AF_INET, SOCK_STREAM, 0), late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(early, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(http_listener_end_arrivals(listener));
	assert_int_equal(connect(late, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EINPROGRESS);
	const int accepted = accept(http_listener_fd(listener), NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(accept(http_listener_fd(listener), NULL, NULL), -1);
	assert_int_equal(send(early, "x", 1, 0), 1);
	char byte;
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	close(accepted);
	close(late);
	close(early);
	http_listener_free(listener);
}

static void test_tls_errors(void **state)
{
	const char *source = TESTS_DIR "/unit/http_server_test.c";

	const struct http_tls_files missing = {.cert = "/no/such.pem", .key = "/no/such.pem"};
	const struct http_tls_files wrong = {.cert = source, .key = source};

	FAILS(http_tls_new(&missing, &err), ERR_USAGE, "No such file or directory");
	FAILS(http_tls_new(&wrong, &err), ERR_USAGE, "nothing of that kind is in it");
	http_tls_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_free_before_the_answer),
		cmocka_unit_test(test_stream_to_nobody),
		cmocka_unit_test(test_free_inside_a_body),
		cmocka_unit_test(test_an_answer_ends_the_reading),
		cmocka_unit_test(test_a_stream_of_known_length),
		cmocka_unit_test(test_drain_is_told_once),
		cmocka_unit_test(test_a_socket_that_cannot_be_watched_is_refused),
		cmocka_unit_test(test_drain_without_descriptors_loses_nothing),
		cmocka_unit_test(test_listen_errors),
		cmocka_unit_test(test_a_socket_is_adopted),
		cmocka_unit_test(test_arrivals_end),
		cmocka_unit_test(test_tls_errors),
	};

	return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
