/*
 * What went wrong, in words that help and tell nothing secret: method and URL without query and
 * user info, and of libcurl's own text only what it says about connections, certificates and
 * framing.
 */
#include "async/fetch_internal.h"

#include <stdio.h>

static const struct {
	CURLcode code;
	bool has_detail; /* libcurl's text adds something */
	enum error_code becomes; /* ERR_NONE: ERR_UPSTREAM */
	const char *text;
} TABLE[] = {
	{CURLE_COULDNT_RESOLVE_HOST, false, ERR_NO_HOST, "host name cannot be resolved"},
	{CURLE_COULDNT_RESOLVE_PROXY, false, ERR_NO_HOST, "proxy's name cannot be resolved"},
	{CURLE_COULDNT_CONNECT, false, ERR_UNREACHABLE, "cannot connect"},
	{CURLE_GOT_NOTHING, false, ERR_NONE, "connection closed before an answer came"},
	{CURLE_SEND_ERROR, true, ERR_NONE, "connection broke while the request was sent"},
	{CURLE_RECV_ERROR, true, ERR_NONE, "answer cannot be read"},
	{CURLE_PARTIAL_FILE, false, ERR_NONE, "answer was cut short"},
	{CURLE_WEIRD_SERVER_REPLY, true, ERR_NONE, "answer is not HTTP/1.1"},
	{CURLE_UNSUPPORTED_PROTOCOL, false, ERR_NONE, "answer is not HTTP/1.1"},
	/* The only function of libcurl that gets a hostile argument here keeps the headers. */
	{CURLE_BAD_FUNCTION_ARGUMENT, false, ERR_NONE, "answer's header section is malformed"},
	{CURLE_BAD_CONTENT_ENCODING, false, ERR_NONE, "answer's encoding is wrong"},
	{CURLE_PEER_FAILED_VERIFICATION, true, ERR_NONE, "certificate was not accepted"},
	{CURLE_SSL_CACERT_BADFILE, false, ERR_NONE, "file of trusted certificates cannot be read"},
	{CURLE_SSL_CONNECT_ERROR, true, ERR_NONE, "TLS handshake failed"},
	{CURLE_SSL_ISSUER_ERROR, true, ERR_NONE, "certificate was not accepted"},
	{CURLE_PROXY, true, ERR_NONE, "proxy refused"},
};

static const char *const FAULTS[] = {
	[FETCH_HEAD_TOO_LARGE] = "answer's header section is over the limit",
	[FETCH_BODY_TOO_LARGE] = "answer's body is over the limit",
	[FETCH_BAD_LENGTH] = "answer's Content-Length is malformed or contradicts itself",
	[FETCH_HEAD_CUT] = "answer was cut short in its header section",
	[FETCH_FILE_SHORT] = "file is shorter than it was",
	[FETCH_FILE_UNREAD] = "file cannot be read",
	[FETCH_NOT_REPEATABLE] =
		"kept connection closed before an answer came, and the request must not be repeated",
};

void fetch_label(const struct fetch *fetch, char *label, size_t size)
{
	const char *rest = strstr(fetch->url, "://") + 3;
	const int scheme = (int)(rest - fetch->url);
	int authority = (int)strcspn(rest, "/?#");

	/* A password may hold an '@', too: the last one counts. */
	for (int i = authority - 1; i >= 0; i--) {
		if (rest[i] != '@')
			continue;
		rest += i + 1;
		authority -= i + 1;
		break;
	}
	const int path = authority + (int)strcspn(rest + authority, "?#");
	snprintf(label, size, "%s %.*s%.*s", fetch->method, scheme, fetch->url, path, rest);
}

void fetch_error_timeout(const struct fetch *fetch, enum fetch_timeout timeout, struct error *err)
{
	static const char *const NAMES[] = {
		[FETCH_CONNECT_TIMEOUT] = "connect",
		[FETCH_FIRST_BYTE_TIMEOUT] = "first byte",
		[FETCH_IDLE_TIMEOUT] = "idle",
		[FETCH_TOTAL_TIMEOUT] = "total",
	};
	const uint32_t values[] = {
		[FETCH_CONNECT_TIMEOUT] = fetch->connect_ms,
		[FETCH_FIRST_BYTE_TIMEOUT] = fetch->first_byte_ms,
		[FETCH_IDLE_TIMEOUT] = fetch->idle_ms,
		[FETCH_TOTAL_TIMEOUT] = fetch->total_ms,
	};
	char label[ERROR_TEXT_MAX / 2];

	fetch_label(fetch, label, sizeof(label));
	error_set(err, ERR_DEADLINE, "%s: %s timeout of %u ms ran out", label, NAMES[timeout],
		values[timeout]);
	if (fetch->phase == FETCH_QUEUED)
		error_wrap(err, "all %u connections to the host are busy",
			fetch->fetcher->options.connections_per_host_max);
}

static void set_fault(const struct fetch *fetch, const char *label, struct error *err)
{
	const char *text = FAULTS[fetch->fault];

	if (fetch->fault == FETCH_FILE_SHORT)
		error_set(err, ERR_CONFLICT, "%s: %s", label, text);
	else if (fetch->fault == FETCH_FILE_UNREAD)
		error_set_errno(err, ERR_INTERNAL, fetch->file_errno, "%s: %s", label, text);
	else if (fetch->fault == FETCH_HEAD_TOO_LARGE)
		error_set(err, ERR_TOO_LARGE, "%s: %s of %d bytes", label, text, FETCH_HEAD_MAX);
	else if (fetch->fault == FETCH_BODY_TOO_LARGE)
		error_set(err, ERR_TOO_LARGE, "%s: %s of %zu bytes", label, text, fetch->body_max);
	else
		error_set(err, ERR_UPSTREAM, "%s: %s", label, text);
}

/* Printable ASCII only: some of libcurl's texts quote what the peer sent. */
static void add_detail(const struct fetch *fetch, struct error *err)
{
	char detail[CURL_ERROR_SIZE];
	size_t len = 0;

	for (const char *p = fetch->handle->why; *p != '\0' && len + 1 < sizeof(detail); p++)
		detail[len++] = *p >= ' ' && *p < 0x7F ? *p : '?';
	detail[len] = '\0';
	const size_t used = strlen(err->text);
	if (len > 0)
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", detail);
}

static void set_unreachable(const struct fetch *fetch, const char *label, struct error *err)
{
	long os_errno = 0;

	curl_easy_getinfo(fetch->handle->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (os_errno != 0)
		error_set_errno(err, ERR_UNREACHABLE, (int)os_errno, "%s: cannot connect", label);
	else
		error_set(err, ERR_UNREACHABLE, "%s: cannot connect", label);
}

static void set_curl(const struct fetch *fetch, const char *label, CURLcode code, struct error *err)
{
	for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
		if (TABLE[i].code != code)
			continue;
		error_set(err, TABLE[i].becomes != ERR_NONE ? TABLE[i].becomes : ERR_UPSTREAM, "%s: %s", label, TABLE[i].text);
		if (TABLE[i].has_detail)
			add_detail(fetch, err);
		return;
	}
	error_set(err, ERR_UPSTREAM, "%s: %s", label, curl_easy_strerror(code));
}

void fetch_error_curl(const struct fetch *fetch, CURLcode code, struct error *err)
{
	char label[ERROR_TEXT_MAX / 2];

	fetch_label(fetch, label, sizeof(label));
	if (fetch->fault == FETCH_SINK_FAILED)
		*err = *fetch->sink_err;
	else if (fetch->fault != FETCH_NO_FAULT)
		set_fault(fetch, label, err);
	else if (code == CURLE_COULDNT_CONNECT)
		set_unreachable(fetch, label, err);
	else if (code == CURLE_URL_MALFORMAT)
		error_set(err, ERR_INVALID_PARAMETER, "%s: URL is malformed", label);
	/* libcurl's own cap on one header line, 100 KiB, shows as this. */
	else if (code == CURLE_OUT_OF_MEMORY)
		error_set(err, ERR_TOO_LARGE, "%s: a header line is over libcurl's limit", label);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		fetch_error_timeout(fetch, FETCH_CONNECT_TIMEOUT, err);
	else
		set_curl(fetch, label, code, err);
}
