/*
 * What goes out: a request is checked, copied into the fetch's arena and laid on an easy handle.
 *
 * Handles are reused. What every request shares is set once; of the rest only what differs from the
 * last request on that handle, because libcurl copies its strings. Header lists and bodies are by
 * reference: nodes and text lie in the arena, so they cost no allocation.
 */
#include "async/fetch_internal.h"
#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const char *const IDEMPOTENT[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
/* libcurl frames the message; a second opinion on its length is how requests are smuggled. */
static const char *const FORBIDDEN[] = {"Content-Length", "Transfer-Encoding", "Connection"};

static size_t on_read(char *to, size_t one, size_t size, void *data);
static int on_seek(void *data, curl_off_t offset, int origin);

void fetch_request_watch(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
}

static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char((unsigned char)text.data[i]))
			return false;
	return text.len > 0;
}

static bool is_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == '\0')
			return false;
	return true;
}

static bool check_header(const struct fetch_header *header, struct error *err)
{
	if (!is_token(header->name))
		return error_set(err, ERR_INVALID_PARAMETER, "header name is not a token");
	for (size_t i = 0; i < sizeof(FORBIDDEN) / sizeof(FORBIDDEN[0]); i++)
		if (str_eq_nocase(header->name, str_of(FORBIDDEN[i])))
			return error_set(err, ERR_INVALID_PARAMETER,
				"header '%s' cannot be set: the framing is not the caller's",
				FORBIDDEN[i]);
	if (!is_value(header->value))
		return error_set(err, ERR_INVALID_PARAMETER,
			"value of header '%.*s' holds CR, LF or NUL", STR_ARGS(header->name));
	return true;
}

static bool check_url(const char *url, struct error *err)
{
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return error_set(
			err, ERR_INVALID_PARAMETER, "URL does not start with http:// or https://");
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7F)
			return error_set(err, ERR_INVALID_PARAMETER,
				"URL holds a blank or a control character");
	return true;
}

bool fetch_request_check(const struct fetch_request *request, struct error *err)
{
	if (!is_token(str_of(request->method)))
		return error_set(err, ERR_INVALID_PARAMETER, "method is not a token");
	if (!check_url(request->url, err))
		return false;
	for (size_t i = 0; i < request->header_count; i++)
		if (!check_header(&request->headers[i], err))
			return false;
	return true;
}

static char *append_text(char *at, struct str text)
{
	if (text.len > 0)
		memcpy(at, text.data, text.len);
	return at + text.len;
}

/* "Name: value", or libcurl's way to write an empty value: "Name;". */
static void write_line(char *at, const struct fetch_header *header)
{
	at = append_text(at, header->name);

	if (header->value.len == 0) {
		*at++ = ';';
	} else {
		at = append_text(at, STR(": "));
		at = append_text(at, header->value);
	}
	*at = '\0';
}

/* A secret's line is wiped when the arena ends. */
static char *header_line(struct arena *arena, const struct fetch_header *header)
{
	const size_t size = header->name.len + header->value.len + 3;

	if (!header->is_secret) {
		char *line = arena_alloc(arena, size);
		write_line(line, header);
		return line;
	}
	char *line = malloc(size);
	if (line == NULL)
		abort();
	write_line(line, header);
	const struct secret kept = secret_new(arena, str_of(line));
	explicit_bzero(line, size);
	free(line);
	return (char *)secret_reveal(kept).data; /* libcurl's list is not const, but only read */
}

static bool has_header(const struct fetch_request *request, struct str name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (str_eq_nocase(request->headers[i].name, name))
			return true;
	return false;
}

/* "Name:" takes a header away that libcurl would send by itself. */
static struct curl_slist *header_list(struct arena *arena, const struct fetch_request *request)
{
	static char NO_EXPECT[] = "Expect:", NO_TYPE[] = "Content-Type:";
	struct curl_slist *nodes =
		arena_array(arena, request->header_count + 2, sizeof(struct curl_slist));
	size_t count = 0;

	for (; count < request->header_count; count++)
		nodes[count].data = header_line(arena, &request->headers[count]);
	const bool has_body = request->body.len > 0 || request->file != NULL;
	if (has_body && !has_header(request, STR("Expect")))
		nodes[count++].data = NO_EXPECT;
	if (has_body && !has_header(request, STR("Content-Type")))
		nodes[count++].data = NO_TYPE;
	if (count == 0)
		return NULL;
	for (size_t i = 0; i + 1 < count; i++)
		nodes[i].next = &nodes[i + 1];
	nodes[count - 1].next = NULL;
	return nodes;
}

static void set_method(CURL *easy, const struct fetch *fetch)
{
	const bool is_post = strcmp(fetch->method, "POST") == 0;

	curl_easy_setopt(easy, fetch->has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (fetch->is_head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (!is_post && (fetch->has_body || strcmp(fetch->method, "GET") != 0))
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, fetch->method);
}

static bool is_idempotent(const char *method)
{
	for (size_t i = 0; i < sizeof(IDEMPOTENT) / sizeof(IDEMPOTENT[0]); i++)
		if (strcmp(method, IDEMPOTENT[i]) == 0)
			return true;
	return false;
}

void fetch_request_copy(struct fetch *fetch, const struct fetch_request *request)
{
	struct arena *arena = fetch->arena;

	fetch->method = arena_strdup(arena, request->method);
	fetch->url = arena_strdup(arena, request->url);
	fetch->lines = header_list(arena, request);
	fetch->is_streamed = request->file != NULL;
	if (fetch->is_streamed)
		fetch->file = *request->file;
	fetch->sink = request->sink;
	fetch->on_sent = request->on_sent;
	fetch->stream_data = request->stream_data;
	fetch->sink_size = request->sink_size != 0 ? request->sink_size : FETCH_STREAM_BUFFER;
	fetch->has_body = request->body.len > 0 || fetch->is_streamed ||
			  strcmp(request->method, "POST") == 0;
	fetch->post = (struct str){
		arena_memdup(arena, request->body.data, request->body.len), request->body.len};
	fetch->is_head = strcmp(request->method, "HEAD") == 0;
	fetch->is_repeatable = request->is_repeatable || is_idempotent(request->method);
}

void fetch_request_apply(struct fetch *fetch)
{
	CURL *easy = fetch->handle->easy;

	curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
	set_method(easy, fetch);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->lines);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
	if (fetch->sink != NULL)
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)fetch->sink_size);
	if (!fetch->has_body)
		return;
	if (fetch->is_streamed) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)FETCH_STREAM_BUFFER);
		curl_easy_setopt(
			easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->file.size);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->post.data);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->post.len);
}

static size_t abort_read(struct fetch *fetch, enum fetch_fault fault)
{
	fetch->fault = fault;
	fetch->file_errno = errno;
	return CURL_READFUNC_ABORT;
}

static size_t on_read(char *to, size_t one, size_t size, void *data)
{
	struct fetch *fetch = ((struct fetch_handle *)data)->fetch;
	const uint64_t left = fetch->file.size - fetch->file_at;
	ssize_t got;

	if (left == 0)
		return 0;
	do {
		got = pread(fetch->file.fd, to, left < size ? (size_t)left : size,
			(off_t)fetch->file_at);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return abort_read(fetch, got == 0 ? FETCH_FILE_SHORT : FETCH_FILE_UNREAD);
	fetch->file_at += (uint64_t)got;
	fetch_on_sent(fetch);
	return (size_t)got;
}

static int on_seek(void *data, curl_off_t offset, int origin)
{
	struct fetch *fetch = ((struct fetch_handle *)data)->fetch;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > fetch->file.size)
		return CURL_SEEKFUNC_FAIL;
	fetch->file_at = (uint64_t)offset;
	fetch_on_sent(fetch);
	return CURL_SEEKFUNC_OK;
}
