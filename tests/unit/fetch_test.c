/*
 * fetch: completes once, later, on the loop, whatever is done to it when; and the small readers of
 * replies. What an upstream can do to it is in tests/faults/fetch_faults_test.py. The upstream here
 * lives on the same loop.
 */
#include "async/fetch.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALLS = 8, PEERS = 64 };

struct peer {
	struct scene *scene;
	struct event event;
	int fd;
};

struct call {
	struct scene *scene;
	struct fetch *fetch;
	struct arena arena;
	unsigned done_count;
	enum error_code code;
	char text[ERROR_TEXT_MAX];
	int status;
	struct call *cancels, *starts; /* what on_done does to others */
};

struct scene {
	struct loop *loop;
	struct fetcher *fetcher;
	int listen_fd;
	struct event listener;
	struct peer peers[PEERS];
	unsigned peer_count, request_count;
	bool is_silent;
	char url[64];
	struct call calls[CALLS];
	unsigned done_count, done_wanted;
	bool is_in_call;
	struct timer timer;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The resolver stands still until the test lets it go on. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool may_answer;
	unsigned asked, answered;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Takes libcurl's place of libc's: a name that nobody finds. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **result)
{
	pthread_mutex_lock(&resolver.lock);
	resolver.asked++;
	pthread_cond_broadcast(&resolver.changed);
	while (!resolver.may_answer)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	resolver.answered++;
	pthread_mutex_unlock(&resolver.lock);
	return EAI_NONAME;
}

static void resolver_go_on(void)
{
	pthread_mutex_lock(&resolver.lock);
	while (resolver.asked == 0)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	resolver.may_answer = true;
	pthread_cond_broadcast(&resolver.changed);
	pthread_mutex_unlock(&resolver.lock);
}

static void on_request(evutil_socket_t fd, short what, void *data)
{
	static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	struct peer *peer = data;
	char request[4096];

	if (recv(fd, request, sizeof(request), 0) <= 0) {
		event_del(&peer->event);
		return;
	}
	peer->scene->request_count++;
	if (!peer->scene->is_silent)
		assert_int_equal(
			send(fd, ANSWER, sizeof(ANSWER) - 1, MSG_NOSIGNAL), sizeof(ANSWER) - 1);
}

static void on_connection(evutil_socket_t fd, short what, void *data)
{
	struct scene *scene = data;
	struct peer *peer = &scene->peers[scene->peer_count++];

	assert_true(scene->peer_count <= PEERS);
	peer->scene = scene;
	peer->fd = accept(fd, NULL, NULL);
	assert_true(peer->fd >= 0);
	event_assign(&peer->event, loop_base(scene->loop), peer->fd, EV_READ | EV_PERSIST,
		on_request, peer);
	event_add(&peer->event, NULL);
}

static void listen_on_loop(struct scene *scene)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	scene->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(scene->listen_fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(scene->listen_fd, 64), 0);
	getsockname(scene->listen_fd, (struct sockaddr *)&address, &len);
	snprintf(scene->url, sizeof(scene->url), "http://127.0.0.1:%u/x", ntohs(address.sin_port));
	event_assign(&scene->listener, loop_base(scene->loop), scene->listen_fd,
		EV_READ | EV_PERSIST, on_connection, scene);
	event_add(&scene->listener, NULL);
}

static struct scene *setup(const struct fetcher_options *options)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct error err;

	scene->loop = loop_new();
	listen_on_loop(scene);
	scene->fetcher = fetcher_new(scene->loop, options, &err);
	assert_non_null(scene->fetcher);
	for (int i = 0; i < CALLS; i++)
		scene->calls[i].scene = scene;
	return scene;
}

static void teardown(struct scene *scene)
{
	assert_int_equal(fetcher_active(scene->fetcher), 0);
	fetcher_free(scene->fetcher);
	for (unsigned i = 0; i < scene->peer_count; i++) {
		event_del(&scene->peers[i].event);
		close(scene->peers[i].fd);
	}
	event_del(&scene->listener);
	close(scene->listen_fd);
	for (int i = 0; i < CALLS; i++)
		arena_done(&scene->calls[i].arena);
	loop_free(scene->loop);
	free(scene);
}

static void start(struct call *call, const char *url);
static void cancel(struct call *call);

static void on_done(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct call *call = data;
	struct scene *scene = call->scene;

	assert_false(scene->is_in_call);
	assert_true((reply == NULL) != (err == NULL));
	call->done_count++;
	if (reply != NULL) {
		assert_true(str_is(reply->body, "{}"));
		call->status = reply->status;
	} else {
		call->code = err->code;
		snprintf(call->text, sizeof(call->text), "%s", err->text);
	}
	/* Nothing of the fetch is touched after this. */
	arena_done(&call->arena);
	if (call->cancels != NULL)
		cancel(call->cancels);
	if (call->starts != NULL)
		start(call->starts, scene->url);
	if (++scene->done_count == scene->done_wanted)
		loop_stop(scene->loop);
}

static void start_with(struct call *call, const struct fetch_request *request)
{
	call->scene->is_in_call = true;
	call->fetch = fetch_start(call->scene->fetcher, &call->arena, request, on_done, call);
	call->scene->is_in_call = false;
}

static void start(struct call *call, const char *url)
{
	start_with(call, &(struct fetch_request){.method = "GET", .url = url});
}

static void cancel(struct call *call)
{
	const bool is_nested = call->scene->is_in_call;

	call->scene->is_in_call = true;
	fetch_cancel(call->fetch);
	call->scene->is_in_call = is_nested;
}

static void run_until(struct scene *scene, unsigned done_wanted)
{
	scene->done_wanted = done_wanted;
	loop_run(scene->loop);
	assert_int_equal(scene->done_count, done_wanted);
}

static void test_reply(void **state)
{
	struct scene *scene = setup(NULL);

	start(&scene->calls[0], scene->url);
	assert_int_equal(fetcher_active(scene->fetcher), 1);
	run_until(scene, 1);
	start(&scene->calls[1], scene->url);
	run_until(scene, 2);
	assert_int_equal(scene->calls[0].status, 200);
	assert_int_equal(scene->calls[1].status, 200);
	assert_int_equal(scene->peer_count, 1);
	teardown(scene);
}

/* An arena's blocks are freed, not wiped: a secret must lie elsewhere. */
static void test_a_secret_header_leaves_no_copy(void **state)
{
	static const char SECRET[] = "Bearer sk-canary-77";
	struct scene *scene = setup(NULL);
	struct call *call = &scene->calls[0];
	const struct fetch_header headers[] = {
		{STR("Authorization"), STR("Bearer sk-canary-77"), true},
		{STR("X-Plain"), STR("plain-canary"), false},
	};

	const char *begin = arena_alloc(&call->arena, 16);
	start_with(call, &(struct fetch_request){.method = "POST",
				 .url = scene->url,
				 .headers = headers,
				 .header_count = 2,
				 .body = STR("{}")});
	const size_t len = (size_t)(call->arena.at - begin);
	assert_non_null(memmem(begin, len, "plain-canary", 12));
	assert_null(memmem(begin, len, SECRET, sizeof(SECRET) - 1));
	run_until(scene, 1);
	assert_int_equal(call->status, 200);
	teardown(scene);
}

static void test_a_failure_to_start_comes_later(void **state)
{
	struct scene *scene = setup(NULL);

	start(&scene->calls[0], "gopher://127.0.0.1/");
	cancel(&scene->calls[0]); /* changes nothing: it has failed */
	assert_int_equal(fetcher_active(scene->fetcher), 1);
	run_until(scene, 1);
	assert_int_equal(scene->calls[0].code, ERR_INVALID_PARAMETER);
	teardown(scene);
}

static void test_cancel_at_once(void **state)
{
	struct scene *scene = setup(NULL);

	start(&scene->calls[0], scene->url);
	cancel(&scene->calls[0]);
	cancel(&scene->calls[0]);
	run_until(scene, 1);
	assert_int_equal(scene->calls[0].done_count, 1);
	assert_int_equal(scene->calls[0].code, ERR_CANCELLED);
	assert_int_equal(scene->request_count, 0);
	teardown(scene);
}

static void cancel_first(void *data)
{
	cancel(&((struct scene *)data)->calls[0]);
}

static void test_cancel_while_the_upstream_is_silent(void **state)
{
	struct scene *scene = setup(NULL);

	scene->is_silent = true;
	start(&scene->calls[0], scene->url);
	timer_init(&scene->timer, scene->loop, cancel_first, scene);
	timer_start(&scene->timer, 30);
	run_until(scene, 1);
	assert_int_equal(scene->request_count, 1);
	assert_int_equal(scene->calls[0].code, ERR_CANCELLED);
	teardown(scene);
}

static void test_done_may_cancel_and_start_others(void **state)
{
	struct scene *scene = setup(NULL);

	/* 0 starts 2 and cancels 1, which waits for a connection that 0 holds. */
	scene->calls[0].cancels = &scene->calls[1];
	scene->calls[0].starts = &scene->calls[2];
	start(&scene->calls[0], scene->url);
	start(&scene->calls[1], scene->url);
	run_until(scene, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(scene->calls[i].done_count, 1);
	assert_int_equal(scene->calls[2].status, 200);
	teardown(scene);
}

static void test_each_timeout_runs_by_itself(void **state)
{
	static const struct fetcher_options OPTIONS = {.first_byte_ms = 120};
	struct scene *scene = setup(&OPTIONS);
	struct fetch_request request = {.method = "GET", .url = scene->url};
	const uint64_t begin_ms = now_ms();

	scene->is_silent = true;
	start_with(&scene->calls[0], &request);
	request.first_byte_ms = 40;
	start_with(&scene->calls[1], &request);
	request.first_byte_ms = 0;
	request.total_ms = 80;
	start_with(&scene->calls[2], &request);
	run_until(scene, 1);
	assert_int_equal(scene->calls[1].done_count, 1);
	run_until(scene, 2);
	assert_int_equal(scene->calls[2].done_count, 1);
	run_until(scene, 3);
	assert_true(now_ms() - begin_ms >= 110);
	for (int i = 0; i < 3; i++)
		assert_int_equal(scene->calls[i].code, ERR_DEADLINE);
	assert_non_null(strstr(scene->calls[0].text, "first byte timeout of 120 ms"));
	assert_non_null(strstr(scene->calls[1].text, "first byte timeout of 40 ms"));
	assert_non_null(strstr(scene->calls[2].text, "total timeout of 80 ms"));
	assert_int_equal(strncmp(scene->calls[0].text, "GET http://127.0.0.1:", 21), 0);
	teardown(scene);
}

static void test_giving_up_on_a_name_does_not_wait_for_it(void **state)
{
	struct scene *scene = setup(NULL);
	struct fetch_request request = {
		.method = "GET", .url = "http://slow.invalid/", .connect_ms = 50};

	start_with(&scene->calls[0], &request);
	start(&scene->calls[1], "http://slower.invalid/");
	cancel(&scene->calls[1]);
	run_until(scene, 2);
	assert_int_equal(scene->calls[0].code, ERR_DEADLINE);
	assert_int_equal(scene->calls[1].code, ERR_CANCELLED);
	assert_int_equal(resolver.answered, 0);
	teardown(scene);
	assert_int_equal(resolver.answered, 0);
	resolver_go_on();
	sleep(1); /* libcurl's threads end by themselves, and are no leak then */
}

static void test_header_get(void **state)
{
	static const struct fetch_header HEADERS[] = {
		{STR("Content-Type"), STR("a"), false}, {STR("content-type"), STR("b"), false}};
	const struct fetch_reply reply = {.headers = HEADERS, .header_count = 2};

	assert_true(str_is(fetch_header_get(&reply, "CONTENT-TYPE"), "a"));
	assert_int_equal(fetch_header_get(&reply, "Content").len, 0);
}

static void test_retry_after(void **state)
{
	static const int64_t NOW = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct {
		const char *text;
		int64_t wanted_ms;
	} CASES[] = {
		{"0", 0},
		{"120", 120000},
		{"99999999999999999999999", INT64_MAX},
		{"18446744073709551616", INT64_MAX},
		{"-1", -1},
		{"1.5", -1},
		{"+1", -1},
		{"1 2", -1},
		{"soon", -1},
		{"Soon", -1},
		{"", -1},
		{"0x10", -1},
		{"Sun, 06 Nov 1994 08:49:40 GMT", 3000},
		{"Sunday, 06-Nov-94 08:49:40 GMT", 3000},
		{"Sun Nov  6 08:49:40 1994", 3000},
		{"Sun, 06 Nov 1994 08:49:00 GMT", 0},
		{"Sun, 99 Nov 1994 08:49:40 GMT", -1},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct fetch_header header = {
			STR("retry-after"), str_of(CASES[i].text), false};
		const struct fetch_reply reply = {.headers = &header, .header_count = 1};

		assert_int_equal(fetch_retry_after_ms(&reply, NOW), CASES[i].wanted_ms);
	}
	assert_int_equal(fetch_retry_after_ms(&(struct fetch_reply){0}, NOW), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_a_secret_header_leaves_no_copy),
		cmocka_unit_test(test_a_failure_to_start_comes_later),
		cmocka_unit_test(test_cancel_at_once),
		cmocka_unit_test(test_cancel_while_the_upstream_is_silent),
		cmocka_unit_test(test_done_may_cancel_and_start_others),
		cmocka_unit_test(test_each_timeout_runs_by_itself),
		cmocka_unit_test(test_giving_up_on_a_name_does_not_wait_for_it),
		cmocka_unit_test(test_header_get),
		cmocka_unit_test(test_retry_after),
	};
	struct error err;

	if (!fetch_global_init(&err))
		return 1;
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetch_global_done();
	return failed;
}
