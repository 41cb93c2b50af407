/*
 * What comes in. Header lines gather in the handle's buffer and are split once the section is
 * complete; the body goes straight to where it stays: a short one of known length into the arena, a
 * long one into a buffer that the arena is given in the end.
 */
#include "async/fetch_internal.h"
#include "base/json.h"

#include <stdlib.h>

static size_t on_header(char *line, size_t one, size_t len, void *data);
static size_t on_body(char *bytes, size_t one, size_t len, void *data);

void fetch_reply_watch(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
}

static bool fail(struct fetch *fetch, enum fetch_fault fault)
{
	fetch->fault = fault;
	return false;
}

static struct str trim_line(struct str line)
{
	if (str_ends(line, STR("\r")))
		line.len--;
	return line;
}

/* A folded line goes on with the value before it; its line break becomes blanks (RFC 9112
 * section 5.2). */
static void unfold(struct fetch_header *header, struct str line)
{
	char *at = (char *)header->value.data + header->value.len;
	char *end = (char *)line.data + line.len;

	for (; at < end && strchr("\r\n\t ", *at) != NULL; at++)
		*at = ' ';
	header->value =
		str_trim((struct str){header->value.data, (size_t)(end - header->value.data)});
}

static void split_headers(struct fetch *fetch, struct str text)
{
	struct fetch_header *headers =
		arena_array(fetch->arena, str_count(text, '\n') + 1, sizeof(*headers));
	struct str rest = text, line, name;
	size_t count = 0;

	str_cut(&rest, '\n', &line); /* the status line */
	while (rest.len > 0) {
		str_cut(&rest, '\n', &line);
		line = trim_line(line);
		if (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t') && count > 0)
			unfold(&headers[count - 1], line);
		else if (str_cut(&line, ':', &name))
			headers[count++] =
				(struct fetch_header){str_trim(name), str_trim(line), false};
	}
	fetch->headers = headers;
	fetch->header_count = count;
}

/* Digits only; a number too large for its type becomes the largest one. */
static bool read_number(struct str text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!str_is_digits(text))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(text.data[i] - '0'), &number)) {
			number = UINT64_MAX;
			break;
		}
	*ret_number = number;
	return true;
}

/* libcurl believes the last of several lengths; RFC 9112 section 6.3 wants an error where they
 * differ. */
static bool check_length(struct fetch *fetch)
{
	uint64_t length = 0, known = 0;
	bool is_known = false, is_chunked = false;

	for (size_t i = 0; i < fetch->header_count; i++) {
		const struct fetch_header *header = &fetch->headers[i];

		is_chunked |= str_eq_nocase(header->name, STR("Transfer-Encoding"));
		if (!str_eq_nocase(header->name, STR("Content-Length")))
			continue;
		if (!read_number(header->value, &length) || (is_known && length != known))
			return fail(fetch, FETCH_BAD_LENGTH);
		is_known = true;
		known = length;
	}
	if (!is_known || is_chunked || fetch->is_head || fetch->is_sunk)
		return true;
	if (known > fetch->body_max)
		return fail(fetch, FETCH_BODY_TOO_LARGE);
	if (known > 0 && known <= FETCH_BODY_DIRECT_MAX) {
		fetch->body_size = (size_t)known;
		fetch->body = arena_alloc(fetch->arena, (size_t)known + JSON_PADDING);
	}
	return true;
}

/* The section is complete. That of an interim answer (1xx) is none of the reply's. */
static bool end_head(struct fetch *fetch)
{
	struct buf *head = &fetch->handle->head;
	long status = 0;

	curl_easy_getinfo(fetch->handle->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200) {
		head->len = 0;
		return true;
	}
	fetch->is_head_over = true;
	fetch->is_sunk = fetch->sink != NULL && status < 300;
	split_headers(
		fetch, (struct str){arena_memdup(fetch->arena, head->data, head->len), head->len});
	return check_length(fetch);
}

static size_t on_header(char *line, size_t one, size_t len, void *data)
{
	struct fetch *fetch = ((struct fetch_handle *)data)->fetch;
	struct buf *head = &fetch->handle->head;

	if (fetch->phase != FETCH_READING)
		fetch_on_first_byte(fetch);
	fetch->last_byte_ns = loop_now_ns(fetch->fetcher->loop);
	fetch->head_len += len;
	if (fetch->head_len > FETCH_HEAD_MAX)
		return fail(fetch, FETCH_HEAD_TOO_LARGE);
	if (fetch->is_head_over) /* a trailer */
		return len;
	if (line[0] == '\r' || line[0] == '\n')
		return end_head(fetch) ? len : 0;
	buf_add(head, line, len);
	return len;
}

static size_t sink_body(struct fetch *fetch, struct str bytes)
{
	struct error err;

	if (fetch->sink(fetch->stream_data, bytes, &err))
		return bytes.len;
	fetch->sink_err = arena_alloc(fetch->arena, sizeof(err));
	*fetch->sink_err = err;
	fail(fetch, FETCH_SINK_FAILED);
	return 0;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *data)
{
	struct fetch *fetch = ((struct fetch_handle *)data)->fetch;

	fetch->last_byte_ns = loop_now_ns(fetch->fetcher->loop);
	if (fetch->is_paused)
		return CURL_WRITEFUNC_PAUSE;
	if (fetch->is_sunk)
		return sink_body(fetch, (struct str){bytes, len});
	if (fetch->body != NULL && len <= fetch->body_size - fetch->body_len)
		memcpy(fetch->body + fetch->body_len, bytes, len);
	else if (fetch->body == NULL && len <= fetch->body_max - fetch->body_len)
		buf_add(&fetch->handle->body, bytes, len);
	else
		return fail(fetch, FETCH_BODY_TOO_LARGE);
	fetch->body_len += len;
	return len;
}

static char *take_buffer(struct fetch *fetch)
{
	struct buf *buf = &fetch->handle->body;

	buf_reserve(buf, JSON_PADDING);
	if (buf->len <= FETCH_BODY_COPY_MAX) {
		char *body = arena_alloc(fetch->arena, buf->len + JSON_PADDING);

		if (buf->len > 0)
			memcpy(body, buf->data, buf->len);
		return body;
	}
	char *body = buf->data;
	arena_on_end(fetch->arena, free, body);
	buf_init(buf);
	return body;
}

void fetch_reply_make(struct fetch *fetch, struct fetch_reply *reply)
{
	long status = 0;

	curl_easy_getinfo(fetch->handle->easy, CURLINFO_RESPONSE_CODE, &status);
	if (fetch->body == NULL)
		fetch->body = take_buffer(fetch);
	memset(fetch->body + fetch->body_len, 0, JSON_PADDING);
	*reply = (struct fetch_reply){
		.status = (int)status,
		.body = {fetch->body, fetch->body_len},
		.headers = fetch->headers,
		.header_count = fetch->header_count,
		.elapsed_ns = loop_now_ns(fetch->fetcher->loop) - fetch->started_ns,
		.first_byte_ns = fetch->first_byte_ns - fetch->started_ns,
	};
}

static void shrink(struct buf *buf)
{
	buf->len = 0;
	if (buf->cap > 2 * FETCH_BODY_COPY_MAX)
		buf_done(buf);
}

void fetch_reply_forget(struct fetch_handle *handle)
{
	shrink(&handle->head);
	shrink(&handle->body);
}

struct str fetch_header_get(const struct fetch_reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++)
		if (str_eq_nocase(reply->headers[i].name, str_of(name)))
			return reply->headers[i].value;
	return (struct str){0};
}

/* RFC 9110 section 5.6.7: IMF-fixdate, RFC 850, asctime. All start with a day's name, so "1.5" is
 * none of them. */
static int64_t date_ms(struct str text, int64_t now_unix_s)
{
	char date[64];

	if (text.len >= sizeof(date) || text.data[0] < 'A' || text.data[0] > 'Z')
		return -1;
	memcpy(date, text.data, text.len);
	date[text.len] = '\0';
	const int64_t at = curl_getdate(date, NULL);
	if (at < 0)
		return -1;
	return at > now_unix_s ? (at - now_unix_s) * 1000 : 0;
}

int64_t fetch_retry_after_ms(const struct fetch_reply *reply, int64_t now_unix_s)
{
	const struct str text = fetch_header_get(reply, "Retry-After");
	uint64_t seconds = 0;

	if (text.len == 0)
		return -1;
	if (read_number(text, &seconds))
		return seconds > INT64_MAX / 1000 ? INT64_MAX : (int64_t)seconds * 1000;
	return date_ms(text, now_unix_s);
}
