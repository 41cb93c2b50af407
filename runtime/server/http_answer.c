/* Writes answers: the only place where bytes of a response are made. */
#include "server/http_server.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

enum {
	REFERENCE_MIN = 16 * 1024, /* smaller bodies are cheaper copied */
	LINES_MAX = 256, /* status line and our own header lines, without values from outside */
};

enum length_kind { WITH_LENGTH, WITH_CHUNKS, UNTIL_CLOSE, WITHOUT };

static struct str status_line(int status)
{
	static const struct {
		int status;
		struct str line;
	} LINES[] = {
		{200, STR("HTTP/1.1 200 OK\r\n")},
		{201, STR("HTTP/1.1 201 Created\r\n")},
		{202, STR("HTTP/1.1 202 Accepted\r\n")},
		{204, STR("HTTP/1.1 204 No Content\r\n")},
		{206, STR("HTTP/1.1 206 Partial Content\r\n")},
		{301, STR("HTTP/1.1 301 Moved Permanently\r\n")},
		{302, STR("HTTP/1.1 302 Found\r\n")},
		{303, STR("HTTP/1.1 303 See Other\r\n")},
		{304, STR("HTTP/1.1 304 Not Modified\r\n")},
		{307, STR("HTTP/1.1 307 Temporary Redirect\r\n")},
		{308, STR("HTTP/1.1 308 Permanent Redirect\r\n")},
		{400, STR("HTTP/1.1 400 Bad Request\r\n")},
		{401, STR("HTTP/1.1 401 Unauthorized\r\n")},
		{403, STR("HTTP/1.1 403 Forbidden\r\n")},
		{404, STR("HTTP/1.1 404 Not Found\r\n")},
		{405, STR("HTTP/1.1 405 Method Not Allowed\r\n")},
		{406, STR("HTTP/1.1 406 Not Acceptable\r\n")},
		{408, STR("HTTP/1.1 408 Request Timeout\r\n")},
		{409, STR("HTTP/1.1 409 Conflict\r\n")},
		{411, STR("HTTP/1.1 411 Length Required\r\n")},
		{412, STR("HTTP/1.1 412 Precondition Failed\r\n")},
		{413, STR("HTTP/1.1 413 Content Too Large\r\n")},
		{414, STR("HTTP/1.1 414 URI Too Long\r\n")},
		{415, STR("HTTP/1.1 415 Unsupported Media Type\r\n")},
		{416, STR("HTTP/1.1 416 Range Not Satisfiable\r\n")},
		{417, STR("HTTP/1.1 417 Expectation Failed\r\n")},
		{422, STR("HTTP/1.1 422 Unprocessable Content\r\n")},
		{429, STR("HTTP/1.1 429 Too Many Requests\r\n")},
		{431, STR("HTTP/1.1 431 Request Header Fields Too Large\r\n")},
		{499, STR("HTTP/1.1 499 Client Closed Request\r\n")},
		{500, STR("HTTP/1.1 500 Internal Server Error\r\n")},
		{501, STR("HTTP/1.1 501 Not Implemented\r\n")},
		{502, STR("HTTP/1.1 502 Bad Gateway\r\n")},
		{503, STR("HTTP/1.1 503 Service Unavailable\r\n")},
		{504, STR("HTTP/1.1 504 Gateway Timeout\r\n")},
		{505, STR("HTTP/1.1 505 HTTP Version Not Supported\r\n")},
	};

	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++)
		if (LINES[i].status == status)
			return LINES[i].line;
	assert(!"a status without a line in the table");
	return STR("HTTP/1.1 500 Internal Server Error\r\n");
}

static char *put(char *at, struct str text)
{
	memcpy(at, text.data, text.len);
	return at + text.len;
}

static char *put_field(char *at, struct str name, struct str value)
{
	at = put(at, name);
	at = put(at, STR(": "));
	if (value.len > 0)
		at = put(at, value);
	return put(at, STR("\r\n"));
}

static char *put_number(char *at, size_t number)
{
	char digits[20];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (len > 0)
		*at++ = digits[--len];
	return at;
}

/* A value that could end its line would let whoever chose it write the rest of the answer. */
static bool is_line_safe(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0')
			return false;
	return true;
}

static bool is_field_safe(const struct http_field *field)
{
	const bool is_safe = is_line_safe(field->name) && is_line_safe(field->value);

	assert(is_safe);
	return is_safe;
}

static size_t head_max(const struct http_answer *answer)
{
	size_t size = LINES_MAX + HTTP_STAMP_MAX;

	if (answer->content_type != NULL)
		size += strlen(answer->content_type);
	for (size_t i = 0; i < answer->field_count; i++)
		size += answer->fields[i].name.len + answer->fields[i].value.len + 4;
	return size;
}

static char *put_head(char *at, struct http_conn *conn, const struct http_answer *answer,
	enum length_kind kind, size_t length, bool is_http10)
{
	at = put(at, status_line(answer->status));
	at = put(at, http_server_stamp(conn->server));
	if (answer->content_type != NULL)
		at = put_field(at, STR("Content-Type"), str_of(answer->content_type));
	if (kind == WITH_LENGTH) {
		at = put(at, STR("Content-Length: "));
		at = put_number(at, length);
		at = put(at, STR("\r\n"));
	} else if (kind == WITH_CHUNKS) {
		at = put(at, STR("Transfer-Encoding: chunked\r\n"));
	}
	for (size_t i = 0; i < answer->field_count; i++)
		if (is_field_safe(&answer->fields[i]))
			at = put_field(at, answer->fields[i].name, answer->fields[i].value);
	if (conn->is_closing)
		at = put(at, STR("Connection: close\r\n"));
	else if (is_http10)
		at = put(at, STR("Connection: keep-alive\r\n"));
	return put(at, STR("\r\n"));
}

/* Head and a short body into one piece of the output. */
static void add_answer(struct http_conn *conn, const struct http_answer *answer,
	enum length_kind kind, size_t length, struct str body, bool is_http10)
{
	struct evbuffer_iovec room;

	if (evbuffer_reserve_space(
		    conn->out, (ev_ssize_t)(head_max(answer) + body.len), &room, 1) != 1)
		abort();
	char *at = put_head(room.iov_base, conn, answer, kind, length, is_http10);
	if (body.len > 0)
		at = put(at, body);
	room.iov_len = (size_t)(at - (char *)room.iov_base);
	evbuffer_commit_space(conn->out, &room, 1);
	HTTP_COUNT(conn->server->counters.answered[answer->status / 100 % 6], 1);
}

static void on_sent(const void *data, size_t len, void *ignored)
{
	free((void *)data);
}

/* The buf's memory goes over to the output; see base/str.h: it is malloc's. */
static void add_taken(struct http_conn *conn, struct buf *body)
{
	if (evbuffer_add_reference(conn->out, body->data, body->len, on_sent, NULL) != 0)
		abort();
	buf_init(body);
}

static bool status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static bool is_http10(const struct http_conn *conn)
{
	return conn->desk->parse.minor == 0;
}

/* A draining server closes behind this answer, but not over requests that came already. */
static bool is_last(const struct http_conn *conn)
{
	return conn->server->is_draining && conn->desk->at == conn->desk->end && !http_io_has_bytes(&conn->io);
}

/* The peer left, or it has got a refusal already. */
static bool is_unheard(const struct http_conn *conn)
{
	return conn->is_broken || conn->is_refused;
}

/* Behind a body that was not read to its end no request can be found. */
static bool is_closing(const struct http_conn *conn, const struct http_answer *answer)
{
	return conn->is_closing || answer->is_closing || is_last(conn) || http_intake_is_open(conn);
}

/* Once an answer is queued, the next request may be looked at: at the end of this turn where
 * http_conn_run() called the handler, else in the next one. What is queued is sent at once in that
 * case, so that no answer waits for a turn. */
static void request_over(struct http_conn *conn)
{
	if (!conn->is_running && !conn->is_broken)
		http_conn_flush(conn);
	http_conn_request_end(conn);
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
	struct http_conn *conn = request->conn;
	struct str body = answer->take_body != NULL ? buf_str(answer->take_body) : answer->body;
	const size_t length = body.len;

	assert(conn->state == HTTP_CONN_HANDLING && !conn->is_streaming);
	if (!is_unheard(conn)) {
		const bool has_body =
			request->method != HTTP_HEAD && status_has_body(answer->status);
		const bool is_taken =
			has_body && answer->take_body != NULL && length >= REFERENCE_MIN;

		conn->is_closing = is_closing(conn, answer);
		if (!has_body || is_taken)
			body.len = 0;
		add_answer(conn, answer, status_has_body(answer->status) ? WITH_LENGTH : WITHOUT,
			length, body, is_http10(conn));
		if (is_taken)
			add_taken(conn, answer->take_body);
	}
	if (answer->take_body != NULL)
		buf_done(answer->take_body);
	request_over(conn);
}

void http_stream_start(struct http_request *request, const struct http_answer *head)
{
	struct http_conn *conn = request->conn;
	const bool has_body = request->method != HTTP_HEAD && status_has_body(head->status);

	assert(conn->state == HTTP_CONN_HANDLING && !conn->is_streaming);
	conn->is_streaming = true;
	conn->is_measured = has_body && head->has_length;
	conn->stream_left = head->length;
	if (is_unheard(conn))
		return;
	conn->is_closing = is_closing(conn, head) || (is_http10(conn) && !head->has_length);
	conn->is_chunking = has_body && !head->has_length && !is_http10(conn);
	const enum length_kind kind = !status_has_body(head->status) ? WITHOUT
				      : head->has_length             ? WITH_LENGTH
				      : is_http10(conn)              ? UNTIL_CLOSE
								     : WITH_CHUNKS;
	add_answer(conn, head, kind, head->length, (struct str){NULL, 0}, is_http10(conn));
	http_conn_wake(conn);
}

static char *put_hex(char *at, size_t number)
{
	int shift = 60;

	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[number >> shift & 15];
	return at;
}

static void add_chunk(struct http_conn *conn, struct str data)
{
	struct evbuffer_iovec room;

	if (evbuffer_reserve_space(conn->out, (ev_ssize_t)(data.len + 24), &room, 1) != 1)
		abort();
	char *at = put_hex(room.iov_base, data.len);
	at = put(at, STR("\r\n"));
	at = put(at, data);
	at = put(at, STR("\r\n"));
	room.iov_len = (size_t)(at - (char *)room.iov_base);
	evbuffer_commit_space(conn->out, &room, 1);
}

static void measure(struct http_conn *conn, size_t len)
{
	assert(conn->state == HTTP_CONN_HANDLING && conn->is_streaming);
	assert(!conn->is_measured || len <= conn->stream_left);
	conn->stream_left -= conn->is_measured ? len : 0;
}

static bool stream_on(struct http_conn *conn)
{
	http_conn_wake(conn);
	if (http_conn_waiting(conn) >= HTTP_OUTPUT_MAX)
		conn->is_stalled = true;
	return !conn->is_stalled;
}

bool http_stream_write(struct http_request *request, struct str data)
{
	struct http_conn *conn = request->conn;

	measure(conn, data.len);
	if (is_unheard(conn))
		return false;
	if (data.len > 0 && conn->is_chunking)
		add_chunk(conn, data);
	else if (data.len > 0 && request->method != HTTP_HEAD)
		evbuffer_add(conn->out, data.data, data.len);
	return stream_on(conn);
}

bool http_stream_take(struct http_request *request, struct buf *take_data)
{
	struct http_conn *conn = request->conn;
	char size[24];

	measure(conn, take_data->len);
	if (is_unheard(conn) || take_data->len == 0 || request->method == HTTP_HEAD) {
		buf_done(take_data);
		return !is_unheard(conn) && !conn->is_stalled;
	}
	if (conn->is_chunking) {
		char *end = put(put_hex(size, take_data->len), STR("\r\n"));
		evbuffer_add(conn->out, size, (size_t)(end - size));
	}
	add_taken(conn, take_data);
	if (conn->is_chunking)
		evbuffer_add(conn->out, "\r\n", 2);
	return stream_on(conn);
}

void http_stream_on_ready(
	struct http_request *request, void (*on_ready)(struct http_request *request))
{
	request->conn->on_ready = on_ready;
}

void http_stream_end(struct http_request *request, bool is_whole)
{
	struct http_conn *conn = request->conn;

	assert(conn->state == HTTP_CONN_HANDLING && conn->is_streaming);
	assert(!is_whole || !conn->is_measured || conn->stream_left == 0);
	/* Where the head did not say so, a draining server does not close: the client's next request would meet the end. */
	conn->is_closing = conn->is_closing || !is_whole;
	if (!is_unheard(conn) && is_whole && conn->is_chunking)
		evbuffer_add(conn->out, "0\r\n\r\n", 5);
	/* Without chunks only a reset tells a cut from an end. */
	if (!is_whole && !conn->is_chunking && !conn->is_refused)
		conn->is_cut = true;
	request_over(conn);
}

void http_answer_refusal(struct http_conn *conn, struct http_refusal refusal)
{
	static const struct {
		int status;
		enum error_code code;
	} CODES[] = {
		{408, ERR_REQUEST_TIMEOUT},
		{413, ERR_TOO_LARGE},
		{414, ERR_TOO_LARGE},
		{431, ERR_TOO_LARGE},
		{501, ERR_NOT_IMPLEMENTED},
		{503, ERR_UNAVAILABLE},
		{505, ERR_NOT_IMPLEMENTED},
	};
	static const struct http_field AGAIN = {{"Retry-After", 11}, {"1", 1}};
	enum error_code code = ERR_BAD_REQUEST;
	struct buf body = {0};

	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (CODES[i].status == refusal.status)
			code = CODES[i].code;
	/* Messages are literals of ours without anything to escape. */
	buf_printf(&body, "{\"error_code\":\"%s\",\"message\":\"%s\"}",
		error_info(code)->error_code, refusal.message);
	const struct http_answer answer = {
		.status = refusal.status,
		.content_type = "application/json",
		.fields = &AGAIN,
		.field_count = refusal.status == 503,
	};
	const bool is_head = conn->desk != NULL && conn->desk->parse.method == HTTP_HEAD;

	conn->is_closing = true;
	add_answer(conn, &answer, WITH_LENGTH, body.len,
		is_head ? (struct str){NULL, 0} : buf_str(&body), false);
	buf_done(&body);
}

/* An HTTP/1.1 client skips interim answers (RFC 9110 15.2), and a chunk's size may begin with
 * zeros. */
void http_answer_probe(struct http_conn *conn)
{
	if (conn->is_chunking)
		evbuffer_add(conn->out, "0", 1);
	else if (!conn->is_streaming && !is_http10(conn))
		evbuffer_add(conn->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}
