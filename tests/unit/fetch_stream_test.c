/*
 * fetch with streams: a file as a request's body, a sink for an answer's. The upstream is a thread that does to one
 * connection after the other what the test wants.
 */
#include "async/fetch.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILE_SIZE = 6 * 1024 * 1024 + 17, HEAD_SIZE = 4096 };

struct scene {
	struct loop *loop;
	struct fetcher *fetcher;
	struct arena arena;
	int listen_fd;
	char url[64];
	pthread_t thread;
	void (*serve)(struct scene *scene, int fd, unsigned connection);
	/* What the upstream saw. */
	unsigned connections;
	uint64_t announced, received;
	bool is_equal;
	/* What fetch told. */
	int file_fd;
	uint64_t sent, sunk, sink_max, fetch_ms;
	unsigned sent_calls;
	bool is_sunk_equal;
	/* Pauses of the sink: how many are left, how long each. */
	unsigned pauses, pause_ms, pieces_while_paused;
	bool is_paused, cancels_paused;
	size_t piece_max;
	struct timer resume;
	int status;
	struct str body;
	struct error err;
	struct fetch *fetch;
	bool was_sent;
};

static char byte_at(uint64_t at)
{
	return (char)(at * 7 + at / 251);
}

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

/* Up to the end of the head; what follows of the body counts as received. False: the peer is gone. */
static bool read_head(struct scene *scene, int fd)
{
	char head[HEAD_SIZE + 1];
	size_t len = 0;

	while (memmem(head, len, "\r\n\r\n", 4) == NULL) {
		const ssize_t got = recv(fd, head + len, HEAD_SIZE - len, 0);

		if (got <= 0)
			return false;
		len += (size_t)got;
	}
	head[len] = '\0';
	const char *end = strstr(head, "\r\n\r\n") + 4;
	const char *length = strcasestr(head, "\r\ncontent-length:");
	assert(strcasestr(head, "\r\nexpect:") == NULL);
	scene->announced = length != NULL ? strtoull(length + 17, NULL, 10) : 0;
	scene->received = 0;
	scene->is_equal = true;
	for (; end < head + len; end++)
		scene->is_equal &= *end == byte_at(scene->received++);
	return true;
}

static void read_body(struct scene *scene, int fd, uint64_t size, unsigned pause)
{
	static char bytes[256 * 1024];

	while (scene->received < size) {
		const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got <= 0)
			return;
		for (ssize_t i = 0; i < got; i++)
			scene->is_equal &= bytes[i] == byte_at(scene->received++);
		if (pause > 0)
			pause_ms(pause);
	}
}

static void answer(int fd, const char *text)
{
	/* The client may be gone: that is what some tests are about. */
	const ssize_t sent = send(fd, text, strlen(text), MSG_NOSIGNAL);

	(void)sent;
}

static void serve_upload(struct scene *scene, int fd, unsigned connection)
{
	while (read_head(scene, fd)) {
		read_body(scene, fd, scene->announced, 0);
		answer(fd, "HTTP/1.1 201 C\r\nContent-Length: 2\r\n\r\n{}");
	}
}

/* The first connection answers once and then goes away in the middle of a body. */
static void serve_upload_cut(struct scene *scene, int fd, unsigned connection)
{
	if (connection == 0) {
		read_head(scene, fd);
		answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
		read_head(scene, fd);
		read_body(scene, fd, 1000000, 0);
		return;
	}
	serve_upload(scene, fd, connection);
}

static void serve_upload_slowly(struct scene *scene, int fd, unsigned connection)
{
	read_head(scene, fd);
	read_body(scene, fd, scene->announced, 20);
	answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
}

static void serve_stall(struct scene *scene, int fd, unsigned connection)
{
	char byte;

	read_head(scene, fd);
	/* Until the client has given up. */
	while (recv(fd, &byte, 1, MSG_PEEK) == 1 && scene->err.code == ERR_NONE)
		pause_ms(5);
}

static void serve_download(struct scene *scene, int fd, unsigned connection)
{
	static char bytes[FILE_SIZE];
	char head[HEAD_SIZE];

	for (uint64_t i = 0; i < FILE_SIZE; i++)
		bytes[i] = byte_at(i);
	read_head(scene, fd);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", FILE_SIZE);
	answer(fd, head);
	for (size_t at = 0; at < FILE_SIZE;) {
		const ssize_t sent = send(fd, bytes + at, FILE_SIZE - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
	}
}

/* Chunks, and silence until the client has given up. */
static void serve_half(struct scene *scene, int fd, unsigned connection)
{
	char bytes[5], byte;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_at(i);
	read_head(scene, fd);
	answer(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
	if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) == sizeof(bytes))
		answer(fd, "\r\n");
	while (recv(fd, &byte, 1, 0) > 0)
		;
}

static void serve_refusal(struct scene *scene, int fd, unsigned connection)
{
	read_head(scene, fd);
	answer(fd, "HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\ngone");
}

static void *serve(void *data)
{
	struct scene *scene = data;
	int fd;

	while ((fd = accept(scene->listen_fd, NULL, NULL)) >= 0) {
		scene->serve(scene, fd, scene->connections++);
		close(fd);
	}
	return NULL;
}

static int file_of(uint64_t size)
{
	char path[] = "/tmp/fetch_stream_XXXXXX", *bytes = malloc(size);
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = byte_at(i);
	assert_int_equal(write(fd, bytes, size), size);
	free(bytes);
	return fd;
}

static struct scene *setup(void (*how)(struct scene *scene, int fd, unsigned connection))
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	const int small = 64 * 1024;
	struct error err;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	scene->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(scene->listen_fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(bind(scene->listen_fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(scene->listen_fd, 8), 0);
	getsockname(scene->listen_fd, (struct sockaddr *)&address, &len);
	snprintf(scene->url, sizeof(scene->url), "http://127.0.0.1:%u/x", ntohs(address.sin_port));
	scene->serve = how;
	scene->file_fd = file_of(FILE_SIZE);
	scene->sink_max = UINT64_MAX;
	scene->is_sunk_equal = true;
	scene->loop = loop_new();
	scene->fetcher = fetcher_new(scene->loop, NULL, &err);
	pthread_create(&scene->thread, NULL, serve, scene);
	return scene;
}

static void teardown(struct scene *scene)
{
	fetcher_free(scene->fetcher);
	shutdown(scene->listen_fd, SHUT_RDWR);
	pthread_join(scene->thread, NULL);
	close(scene->listen_fd);
	close(scene->file_fd);
	arena_done(&scene->arena);
	loop_free(scene->loop);
	free(scene);
}

static void on_sent(void *data, uint64_t bytes)
{
	struct scene *scene = data;

	scene->sent = bytes;
	scene->sent_calls++;
}

static void on_resume(void *data)
{
	struct scene *scene = data;

	if (scene->cancels_paused) {
		fetch_cancel(scene->fetch);
		fetch_resume(scene->fetch);
		return;
	}
	scene->is_paused = false;
	fetch_resume(scene->fetch);
	fetch_resume(scene->fetch);
}

static void pause_sink(struct scene *scene)
{
	scene->pauses--;
	scene->is_paused = true;
	fetch_pause(scene->fetch);
	fetch_pause(scene->fetch);
	timer_start(&scene->resume, scene->pause_ms);
}

static bool on_sink(void *data, struct str bytes, struct error *err)
{
	struct scene *scene = data;

	scene->pieces_while_paused += scene->is_paused;
	scene->piece_max = bytes.len > scene->piece_max ? bytes.len : scene->piece_max;
	if (scene->pauses > 0)
		pause_sink(scene);
	for (size_t i = 0; i < bytes.len; i++)
		scene->is_sunk_equal &= bytes.data[i] == byte_at(scene->sunk + i);
	scene->sunk += bytes.len;
	return scene->sunk <= scene->sink_max || error_set(err, ERR_INVALID_BUNDLE, "enough");
}

static void on_done(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct scene *scene = data;

	if (reply != NULL) {
		scene->status = reply->status;
		scene->fetch_ms = reply->elapsed_ns / 1000000;
		scene->body = reply->body;
	} else {
		scene->err = *err;
	}
	scene->was_sent = fetch_was_sent(scene->fetch);
	timer_stop(&scene->resume);
	loop_stop(scene->loop);
}

static void run(struct scene *scene, struct fetch_request request)
{
	request.url = request.url != NULL ? request.url : scene->url;
	request.stream_data = scene;
	request.on_sent = on_sent;
	timer_init(&scene->resume, scene->loop, on_resume, scene);
	request.total_ms = FETCH_NO_LIMIT_MS;
	scene->status = 0;
	scene->fetch = fetch_start(scene->fetcher, &scene->arena, &request, on_done, scene);
	loop_run(scene->loop);
}

static void upload(struct scene *scene, uint32_t first_byte_ms, uint32_t idle_ms)
{
	const struct fetch_file file = {scene->file_fd, FILE_SIZE};

	run(scene, (struct fetch_request){
			   .method = "PUT", .file = &file, .first_byte_ms = first_byte_ms, .idle_ms = idle_ms});
}

static void test_a_file_arrives(void **state)
{
	struct scene *scene = setup(serve_upload);

	upload(scene, 0, 0);
	assert_int_equal(scene->status, 201);
	assert_true(str_is(scene->body, "{}"));
	assert_int_equal(scene->announced, FILE_SIZE);
	assert_int_equal(scene->received, FILE_SIZE);
	assert_true(scene->is_equal);
	assert_int_equal(scene->sent, FILE_SIZE);
	assert_true(scene->sent_calls > 2 && scene->was_sent);
	/* As much of it was in memory as the buffer holds. */
	assert_true(arena_size(&scene->arena) < 64 * 1024);
	teardown(scene);
}

static void test_an_empty_file_is_an_empty_body(void **state)
{
	struct scene *scene = setup(serve_upload);
	const struct fetch_file file = {scene->file_fd, 0};

	run(scene, (struct fetch_request){.method = "PUT", .file = &file});
	assert_int_equal(scene->status, 201);
	assert_int_equal(scene->received, 0);
	teardown(scene);
}

static void test_a_kept_connection_that_broke_gets_the_file_from_its_beginning(void **state)
{
	struct scene *scene = setup(serve_upload_cut);

	run(scene, (struct fetch_request){.method = "GET"});
	assert_int_equal(scene->status, 200);
	upload(scene, 0, 0);
	assert_int_equal(scene->status, 201);
	assert_int_equal(scene->connections, 2);
	assert_int_equal(scene->received, FILE_SIZE);
	assert_true(scene->is_equal);
	teardown(scene);
}

static void test_a_post_of_a_file_is_not_sent_twice(void **state)
{
	struct scene *scene = setup(serve_upload_cut);
	const struct fetch_file file = {scene->file_fd, FILE_SIZE};

	run(scene, (struct fetch_request){.method = "GET"});
	run(scene, (struct fetch_request){.method = "POST", .file = &file});
	assert_int_equal(scene->err.code, ERR_UPSTREAM);
	assert_true(scene->was_sent);
	teardown(scene);
}

static void test_a_file_that_shrank(void **state)
{
	struct scene *scene = setup(serve_upload);

	assert_int_equal(ftruncate(scene->file_fd, FILE_SIZE / 2), 0);
	upload(scene, 0, 0);
	assert_int_equal(scene->err.code, ERR_CONFLICT);
	assert_non_null(strstr(scene->err.text, "file is shorter than it was"));
	teardown(scene);
}

/* What waits in the kernel when the last byte is handed over is read within the first byte's timeout; all of it
 * together takes longer than the idle one, but never stands still for as long. */
static void test_no_timeout_runs_while_bytes_move(void **state)
{
	struct scene *scene = setup(serve_upload_slowly);

	upload(scene, 5000, 200);
	assert_true(scene->fetch_ms > 200);
	assert_int_equal(scene->err.code, ERR_NONE);
	assert_int_equal(scene->status, 200);
	assert_true(scene->is_equal);
	teardown(scene);
}

static void test_an_upstream_that_stops_reading(void **state)
{
	struct scene *scene = setup(serve_stall);

	upload(scene, 5000, 100);
	assert_int_equal(scene->err.code, ERR_DEADLINE);
	assert_non_null(strstr(scene->err.text, "idle timeout of 100 ms"));
	teardown(scene);
}

static void test_a_sink_takes_more_than_memory_may_hold(void **state)
{
	struct scene *scene = setup(serve_download);

	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink, .body_max = 1000});
	assert_int_equal(scene->status, 200);
	assert_int_equal(scene->body.len, 0);
	assert_int_equal(scene->sunk, FILE_SIZE);
	assert_true(scene->is_sunk_equal);
	assert_true(arena_size(&scene->arena) < 64 * 1024);
	teardown(scene);
}

static void test_a_sink_does_not_get_refusals(void **state)
{
	struct scene *scene = setup(serve_refusal);

	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink});
	assert_int_equal(scene->status, 404);
	assert_true(str_is(scene->body, "gone"));
	assert_int_equal(scene->sunk, 0);
	teardown(scene);
}

static void test_a_sink_that_fails_ends_it(void **state)
{
	struct scene *scene = setup(serve_download);

	scene->sink_max = 1000;
	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink});
	assert_int_equal(scene->err.code, ERR_INVALID_BUNDLE);
	assert_string_equal(scene->err.text, "enough");
	teardown(scene);
}

/* The pauses together are longer than any timeout. */
static void test_a_paused_sink_gets_nothing_and_no_timeout_runs(void **state)
{
	struct scene *scene = setup(serve_download);

	scene->pauses = 8;
	scene->pause_ms = 60;
	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink, .sink_size = 16 * 1024, .idle_ms = 50});
	assert_string_equal(scene->err.text, "");
	assert_int_equal(scene->err.code, ERR_NONE);
	assert_int_equal(scene->sunk, FILE_SIZE);
	assert_true(scene->is_sunk_equal);
	assert_int_equal(scene->pauses, 0);
	assert_int_equal(scene->pieces_while_paused, 0);
	assert_true(scene->piece_max <= 16 * 1024);
	assert_true(scene->fetch_ms >= 8 * 60);
	teardown(scene);
}

static void test_a_paused_fetch_can_be_cancelled(void **state)
{
	struct scene *scene = setup(serve_download);

	scene->pauses = 1;
	scene->pause_ms = 1;
	scene->cancels_paused = true;
	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink});
	assert_int_equal(scene->err.code, ERR_CANCELLED);
	assert_int_equal(scene->pieces_while_paused, 0);
	assert_int_equal(fetcher_active(scene->fetcher), 0);
	teardown(scene);
}

/* What libcurl had read already is handed out inside of its own call. */
static void test_a_sink_may_fail_on_what_comes_after_a_pause(void **state)
{
	struct scene *scene = setup(serve_download);

	scene->pauses = 1000;
	scene->sink_max = 100 * 1000;
	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink, .sink_size = 16 * 1024});
	assert_int_equal(scene->err.code, ERR_INVALID_BUNDLE);
	assert_string_equal(scene->err.text, "enough");
	assert_int_equal(scene->pieces_while_paused, 0);
	teardown(scene);
}

static void test_an_upstream_that_stalls_after_a_pause(void **state)
{
	struct scene *scene = setup(serve_half);

	scene->pauses = 1;
	scene->pause_ms = 100;
	run(scene, (struct fetch_request){.method = "GET", .sink = on_sink, .idle_ms = 60});
	assert_int_equal(scene->err.code, ERR_DEADLINE);
	assert_non_null(strstr(scene->err.text, "idle timeout of 60 ms"));
	assert_int_equal(scene->sunk, 5);
	teardown(scene);
}

static void test_a_refused_connection_sent_nothing(void **state)
{
	struct scene *scene = setup(serve_refusal);

	run(scene, (struct fetch_request){.method = "POST", .url = "http://127.0.0.1:1/", .body = STR("{}")});
	assert_int_equal(scene->err.code, ERR_UNREACHABLE);
	assert_false(scene->was_sent);
	teardown(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_arrives),
		cmocka_unit_test(test_an_empty_file_is_an_empty_body),
		cmocka_unit_test(test_a_kept_connection_that_broke_gets_the_file_from_its_beginning),
		cmocka_unit_test(test_a_post_of_a_file_is_not_sent_twice),
		cmocka_unit_test(test_a_file_that_shrank),
		cmocka_unit_test(test_no_timeout_runs_while_bytes_move),
		cmocka_unit_test(test_an_upstream_that_stops_reading),
		cmocka_unit_test(test_a_sink_takes_more_than_memory_may_hold),
		cmocka_unit_test(test_a_sink_does_not_get_refusals),
		cmocka_unit_test(test_a_sink_that_fails_ends_it),
		cmocka_unit_test(test_a_paused_sink_gets_nothing_and_no_timeout_runs),
		cmocka_unit_test(test_a_paused_fetch_can_be_cancelled),
		cmocka_unit_test(test_a_sink_may_fail_on_what_comes_after_a_pause),
		cmocka_unit_test(test_an_upstream_that_stalls_after_a_pause),
		cmocka_unit_test(test_a_refused_connection_sent_nothing),
	};
	struct error err;

	if (!fetch_global_init(&err))
		return 1;
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetch_global_done();
	return failed;
}
