/*
 * A server with nothing behind its HTTP front end: what the raw-socket cases and the system tests
 *run against.
 *
 *	GET /ping                   200 at once
 *	POST /invocations           415 unless Content-Type is application/json, else 200 with the
 *body's length POST /echo                  the body GET /stream?bytes=N         N bytes as a stream
 *that waits when told to GET /endless                a stream that writes 16 bytes every 100 ms
 *until the client is gone GET /cut                    a stream that is cut after 5 bytes GET
 * /slow?ms=N              200 after N ms, or never answered to a client that left GET /stats
 *counters as JSON; `gone` counts on_gone
 *	PUT /pieces?size=N&ms=N     the body in pieces of N bytes, each kept for N ms: their number and the length as JSON
 *	PUT /early                  403 without a look at the body
 *
 * Prints "port P" when it listens. -w N: N threads share the socket. SIGTERM drains, at most -d ms. -s N: every body comes
 * in pieces of N bytes and is put together again, for all cases to hold with such bodies, too.
 */
#include "async/loop.h"
#include "server/http.h"

#include <assert.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS_MAX = 8, PIECES_BODY_MAX = 1 << 30 };

static struct worker {
	struct loop *loop;
	struct http_server *server;
	struct loop_task drain;
	pthread_t thread;
} workers[WORKERS_MAX];
static unsigned worker_count = 1;
static _Atomic uint64_t gone;
static uint32_t drain_ms = 10000;
static size_t piece_size; /* of all bodies; 0: they come whole */

static void answer_text(struct http_request *request, int status, const char *type, struct str body)
{
	const struct http_answer answer = {.status = status, .content_type = type, .body = body};

	http_answer(request, &answer);
}

static uint64_t query_number(
	const struct http_request *request, const char *name, uint64_t otherwise)
{
	char query[256];
	char wanted[32];

	snprintf(query, sizeof(query), "%.*s", STR_ARGS(request->query));
	snprintf(wanted, sizeof(wanted), "%s=", name);
	const char *at = strstr(query, wanted);
	return at != NULL ? strtoull(at + strlen(wanted), NULL, 10) : otherwise;
}

static void handle_ping(struct http_request *request)
{
	answer_text(request, 200, "application/json", STR("{}"));
}

static void handle_invocations(struct http_request *request)
{
	const struct str type = http_field_get(request, "content-type");
	unsigned sum = 0;

	if (!str_eq_nocase(type, STR("application/json"))) {
		answer_text(
			request, 415, "application/json", STR("{\"error_code\":\"BAD_REQUEST\"}"));
		return;
	}
	/* Touches every byte and the padding, for the sanitizers. */
	for (size_t i = 0; i < request->body.len + 64; i++)
		sum += (unsigned char)request->body.data[i];
	const char *text = arena_printf(
		request->arena, "{\"length\":%zu,\"sum\":%u}", request->body.len, sum % 10);
	answer_text(request, 200, "application/json", str_of(text));
}

static void handle_echo(struct http_request *request)
{
	struct buf body = {0};

	buf_add_str(&body, request->body);
	const struct http_answer answer = {
		.status = 200, .content_type = "application/octet-stream", .take_body = &body};
	http_answer(request, &answer);
}

struct work {
	struct timer timer;
	struct http_request *request;
	uint64_t left;
	/* of bodies in pieces */
	char *piece;
	size_t size;
	uint64_t ms, count, length;
	bool is_whole;
	struct buf body;
};

static struct work *work_new(struct http_request *request, void (*fn)(void *data))
{
	struct work *work = arena_zalloc(request->arena, sizeof(*work));

	work->request = request;
	request->data = work;
	timer_init(&work->timer, request->loop, fn, work);
	return work;
}

static void work_on(struct http_request *request)
{
	static const char PIECE[4096] = "piece";
	struct work *work = request->data;
	bool is_ready = true;

	while (work->left > 0 && is_ready) {
		const size_t len = work->left < sizeof(PIECE) ? work->left : sizeof(PIECE);

		is_ready = http_stream_write(request, (struct str){PIECE, len});
		work->left -= len;
	}
	if (work->left == 0)
		http_stream_end(request, true);
}

static void on_stream_gone(struct http_request *request)
{
	gone++;
	http_stream_end(request, false);
}

static const struct http_answer STREAM = {
	.status = 200, .content_type = "application/octet-stream"};

static void handle_stream(struct http_request *request)
{
	struct work *work = work_new(request, NULL);

	work->left = query_number(request, "bytes", 1000);
	request->on_gone = on_stream_gone;
	http_stream_on_ready(request, work_on);
	http_stream_start(request, &STREAM);
	work_on(request);
}

static void on_endless_gone(struct http_request *request)
{
	struct work *work = request->data;

	timer_stop(&work->timer);
	on_stream_gone(request);
}

static void on_endless(void *data)
{
	struct work *work = data;

	http_stream_write(work->request, STR("0123456789abcde\n"));
	timer_start(&work->timer, work->left);
}

static void handle_endless(struct http_request *request)
{
	struct work *work = work_new(request, on_endless);

	work->left = query_number(request, "ms", 100);
	request->on_gone = on_endless_gone;
	http_stream_start(request, &STREAM);
	timer_start(&work->timer, work->left);
}

static void handle_cut(struct http_request *request)
{
	http_stream_start(request, &STREAM);
	http_stream_write(request, STR("piece"));
	http_stream_end(request, false);
}

static void on_slow(void *data)
{
	struct work *work = data;

	answer_text(work->request, 200, "text/plain", STR("slow\n"));
}

static void on_slow_gone(struct http_request *request)
{
	struct work *work = request->data;

	gone++;
	timer_stop(&work->timer);
	answer_text(request, 499, NULL, (struct str){NULL, 0});
}

static void handle_slow(struct http_request *request)
{
	struct work *work = work_new(request, on_slow);

	request->on_gone = on_slow_gone;
	timer_start(&work->timer, query_number(request, "ms", 100));
}

static void take_piece(struct work *work);

static void on_piece_kept(void *data)
{
	struct work *work = data;

	if (!work->is_whole) {
		take_piece(work);
		return;
	}
	const char *text = arena_printf(work->request->arena, "{\"length\":%lu,\"pieces\":%lu}", work->length, work->count);
	answer_text(work->request, 200, "application/json", str_of(text));
}

/* Touches every byte, for the sanitizers; what the front end still writes later would be seen. */
static void on_piece(struct http_request *request, size_t len, bool is_whole)
{
	struct work *work = request->data;

	assert(len == work->size || is_whole);
	memset(work->piece, 0, work->size);
	work->length += len;
	work->count += len > 0;
	work->is_whole = is_whole;
	if (work->ms > 0)
		timer_start(&work->timer, work->ms);
	else
		on_piece_kept(work);
}

static void take_piece(struct work *work)
{
	http_body_read(work->request, work->piece, work->size, on_piece);
}

static void handle_pieces(struct http_request *request)
{
	struct work *work = work_new(request, on_piece_kept);

	work->size = query_number(request, "size", 65536);
	work->ms = query_number(request, "ms", 0);
	work->piece = arena_alloc(request->arena, work->size);
	request->on_gone = on_slow_gone;
	take_piece(work);
}

static void handle_early(struct http_request *request)
{
	answer_text(request, 403, "text/plain", STR("early\n"));
}

/* Of all workers. */
static void stats_sum(struct http_stats *ret)
{
	*ret = (struct http_stats){0};
	for (unsigned i = 0; i < worker_count; i++) {
		struct http_stats stats;

		http_server_stats(workers[i].server, &stats);
		ret->accepted += stats.accepted;
		ret->requests += stats.requests;
		ret->refused += stats.refused;
		ret->timeouts += stats.timeouts;
		ret->bytes_in += stats.bytes_in;
		ret->bytes_out += stats.bytes_out;
		ret->open += stats.open;
		ret->active += stats.active;
	}
}

static void handle_stats(struct http_request *request)
{
	struct http_stats stats;

	stats_sum(&stats);
	const char *text = arena_printf(request->arena,
		"{\"accepted\":%lu,\"requests\":%lu,\"refused\":%lu,\"timeouts\":%lu,"
		"\"bytes_in\":%lu,\"bytes_out\":%lu,\"open\":%u,\"active\":%u,\"gone\":%lu}",
		stats.accepted, stats.requests, stats.refused, stats.timeouts, stats.bytes_in,
		stats.bytes_out, stats.open, stats.active, gone);
	answer_text(request, 200, "application/json", str_of(text));
}

static void handle_subject(struct http_request *request)
{
	answer_text(request, 200, "text/plain", request->client_subject);
}

static void dispatch(struct http_request *request)
{
	static const struct {
		const char *path;
		enum http_method method;
		void (*fn)(struct http_request *request);
	} ROUTES[] = {
		{"/ping", HTTP_GET, handle_ping},
		{"/ping", HTTP_HEAD, handle_ping},
		{"/invocations", HTTP_POST, handle_invocations},
		{"/echo", HTTP_POST, handle_echo},
		{"/stream", HTTP_GET, handle_stream},
		{"/endless", HTTP_GET, handle_endless},
		{"/cut", HTTP_GET, handle_cut},
		{"/slow", HTTP_GET, handle_slow},
		{"/stats", HTTP_GET, handle_stats},
		{"/subject", HTTP_GET, handle_subject},
		{"/pieces", HTTP_PUT, handle_pieces},
		{"/early", HTTP_PUT, handle_early},
	};
	bool is_path = false;

	assert(request->body.len == 0 || request->body.data != NULL);
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		if (!str_is(request->path, ROUTES[i].path))
			continue;
		is_path = true;
		if (ROUTES[i].method == request->method) {
			ROUTES[i].fn(request);
			return;
		}
	}
	answer_text(request, is_path ? 405 : 404, "application/json",
		STR("{\"error_code\":\"NO_SUCH_ROUTE\"}"));
}

static bool is_for_pieces(enum http_method method, struct str path)
{
	return method == HTTP_PUT && (str_is(path, "/pieces") || str_is(path, "/early"));
}

static bool on_head(enum http_method method, struct str path, uint64_t *ret_body_max, void *data)
{
	if (is_for_pieces(method, path))
		*ret_body_max = PIECES_BODY_MAX;
	return is_for_pieces(method, path) || piece_size > 0;
}

static void body_free(void *data)
{
	buf_done(data);
}

static void on_joined(struct http_request *request, size_t len, bool is_whole)
{
	struct work *work = request->data;

	buf_add(&work->body, work->piece, len);
	memset(work->piece, 0, work->size);
	if (!is_whole) {
		http_body_read(request, work->piece, work->size, on_joined);
		return;
	}
	memset(buf_reserve(&work->body, 64), 0, 64);
	request->body = buf_str(&work->body);
	request->on_gone = NULL;
	dispatch(request);
}

static void on_joined_gone(struct http_request *request)
{
	gone++;
	answer_text(request, 499, NULL, (struct str){NULL, 0});
}

static void handle(struct http_request *request, void *data)
{
	if (!request->is_streamed || is_for_pieces(request->method, request->path)) {
		dispatch(request);
		return;
	}
	struct work *work = work_new(request, NULL);
	work->size = piece_size;
	work->piece = arena_alloc(request->arena, piece_size);
	arena_on_end(request->arena, body_free, &work->body);
	request->on_gone = on_joined_gone;
	http_body_read(request, work->piece, work->size, on_joined);
}

struct options {
	unsigned port;
	struct http_tls_files tls;
	struct http_limits limits;
};

static bool set_limit(struct http_limits *limits, const char *text)
{
	const struct {
		const char *name;
		size_t *size;
		uint32_t *ms;
		unsigned *count;
	} LIMITS[] = {
		{.name = "target-max", .size = &limits->target_max},
		{.name = "header-max", .size = &limits->header_max},
		{.name = "fields-max", .count = &limits->fields_max},
		{.name = "body-max", .size = &limits->body_max},
		{.name = "header-ms", .ms = &limits->header_timeout_ms},
		{.name = "body-ms", .ms = &limits->body_timeout_ms},
		{.name = "body-rate", .ms = &limits->body_rate_min},
		{.name = "idle-ms", .ms = &limits->idle_timeout_ms},
		{.name = "write-ms", .ms = &limits->write_timeout_ms},
		{.name = "tls-ms", .ms = &limits->tls_timeout_ms},
		{.name = "connections-max", .count = &limits->connections_max},
	};
	const char *equals = strchr(text, '=');

	for (size_t i = 0; equals != NULL && i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		const unsigned long value = strtoul(equals + 1, NULL, 10);

		if (strncmp(LIMITS[i].name, text, (size_t)(equals - text)) != 0)
			continue;
		if (LIMITS[i].size != NULL)
			*LIMITS[i].size = value;
		else if (LIMITS[i].ms != NULL)
			*LIMITS[i].ms = (uint32_t)value;
		else
			*LIMITS[i].count = (unsigned)value;
		return true;
	}
	return false;
}

static bool options_read(int argc, char **argv, struct options *options)
{
	int c;

	http_limits_default(&options->limits);
	while ((c = getopt(argc, argv, "p:c:k:a:ol:d:w:s:")) != -1) {
		if (c == 'p')
			options->port = (unsigned)atoi(optarg);
		else if (c == 'c')
			options->tls.cert = optarg;
		else if (c == 'k')
			options->tls.key = optarg;
		else if (c == 'a')
			options->tls.client_ca = optarg;
		else if (c == 'o')
			options->tls.is_client_optional = true;
		else if (c == 'w')
			worker_count = (unsigned)atoi(optarg);
		else if (c == 's')
			piece_size = (size_t)atoi(optarg);
		else if (c == 'd')
			drain_ms = (uint32_t)atoi(optarg);
		else if (c != 'l' || !set_limit(&options->limits, optarg))
			return false;
	}
	return worker_count >= 1 && worker_count <= WORKERS_MAX;
}

static void on_drained(void *data)
{
	loop_stop(data);
}

static void begin_drain(void *data)
{
	struct worker *worker = data;

	http_server_drain(worker->server, drain_ms, on_drained, worker->loop);
}

static void *worker_main(void *data)
{
	struct worker *worker = data;

	loop_run(worker->loop);
	return NULL;
}

/* Until SIGTERM. */
static void serve(const sigset_t *term)
{
	int ignored;

	for (unsigned i = 0; i < worker_count; i++)
		if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
			abort();
	sigwait(term, &ignored);
	for (unsigned i = 0; i < worker_count; i++)
		loop_post(workers[i].loop, &workers[i].drain, begin_drain, &workers[i]);
	for (unsigned i = 0; i < worker_count; i++)
		pthread_join(workers[i].thread, NULL);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct error err = {0};
	struct ssl_ctx_st *tls = NULL;
	struct http_listener *listener = NULL;
	sigset_t term;

	if (!options_read(argc, argv, &options)) {
		fprintf(stderr, "usage: http_test_server [-p port] [-w workers] [-c cert -k key [-a client_ca [-o]]] "
				"[-d drain_ms] [-s piece] [-l limit=n]…\n");
		return 64;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	if ((options.tls.cert != NULL && (tls = http_tls_new(&options.tls, &err)) == NULL) ||
		(listener = http_listener_new("127.0.0.1", options.port, &err)) == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (unsigned i = 0; i < worker_count; i++) {
		workers[i].loop = loop_new();
		workers[i].server = http_server_new(
			workers[i].loop, listener, tls, &options.limits, handle, NULL);
		http_server_on_head(workers[i].server, on_head);
	}
	printf("port %u\n", http_listener_port(listener));
	fflush(stdout);
	serve(&term);

	for (unsigned i = 0; i < worker_count; i++) {
		http_server_free(workers[i].server);
		loop_free(workers[i].loop);
	}
	http_listener_free(listener);
	http_tls_free(tls);
	return 0;
}
