/*
 * Handles: what it takes to perform one fetch at a time, from a pool.
 *
 * libcurl's easy handle is not reused but copied from the fetcher's pattern, which has every option
 * that all requests share. That costs no more than giving a used handle its new options, and is
 * safe: up to libcurl 8.1.0 (Debian 12 has 7.88.1) an answer whose first header line starts with a
 * blank made a handle that had performed before read, and free, memory that was freed
 * (https://github.com/curl/curl/issues/11101).
 */
#include "async/fetch_internal.h"

#include <stdlib.h>

static int on_send(void *data, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
	struct fetch_handle *handle = data;

	if (!fetch_on_send(handle->fetch))
		return CURL_PREREQFUNC_ABORT;
	/* Should this sending meet a connection that is gone, the next one must not meet another of
	 * its kind. */
	curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, 1L);
	return CURL_PREREQFUNC_OK;
}

/* Proxies are the environment's, but never for this machine. NULL where none is named. */
static const char *env_any(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return NULL;
}

static char *no_proxy(void)
{
	/* libcurl does not read HTTP_PROXY in capitals: a CGI client could set it (httpoxy). */
	static const char *const PROXY[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
	static const char *const NO_PROXY[] = {"no_proxy", "NO_PROXY", NULL};
	static const char LOOPBACK[] = "localhost,127.0.0.0/8,::1";
	const char *env = env_any(NO_PROXY);
	struct buf list = {0};

	if (env_any(PROXY) == NULL)
		return NULL;
	if (env != NULL && strcmp(env, "*") == 0)
		buf_add_text(&list, "*");
	else
		buf_printf(
			&list, "%s%s%s", LOOPBACK, env != NULL ? "," : "", env != NULL ? env : "");
	buf_text(&list);
	return list.data;
}

static void set_proxy(CURL *easy)
{
	char *list = no_proxy();

	if (list != NULL)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, list);
	else
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	free(list);
}

CURL *fetch_pattern_new(const struct fetcher_options *options)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		abort();
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	/* Giving up must not wait for a resolver's thread. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	if (options->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	if (options->is_unverified) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	set_proxy(easy);
	fetch_reply_watch(easy);
	fetch_request_watch(easy);
	return easy;
}

static CURL *copy_pattern(CURL *pattern, struct fetch_handle *handle)
{
	CURL *easy = curl_easy_duphandle(pattern);

	if (easy == NULL)
		abort();
	curl_easy_setopt(easy, CURLOPT_PRIVATE, handle);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->why);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, handle);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, handle);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, handle);
	curl_easy_setopt(easy, CURLOPT_READDATA, handle);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, handle);
	return easy;
}

struct fetch_handle *fetch_handle_take(struct fetcher *fetcher)
{
	struct fetch_handle *handle = fetcher->handles;

	if (handle != NULL) {
		fetcher->handles = handle->next;
		fetcher->handle_count--;
	} else if ((handle = calloc(1, sizeof(*handle))) == NULL) {
		abort();
	}
	handle->easy = copy_pattern(fetcher->pattern, handle);
	return handle;
}

void fetch_handle_give_back(struct fetcher *fetcher, struct fetch_handle *handle)
{
	handle->fetch = NULL;
	handle->why[0] = '\0';
	curl_easy_cleanup(handle->easy);
	handle->easy = NULL;
	fetch_reply_forget(handle);
	if (fetcher->handle_count >= FETCH_HANDLES_KEPT) {
		fetch_handle_free(handle);
		return;
	}
	handle->next = fetcher->handles;
	fetcher->handles = handle;
	fetcher->handle_count++;
}

void fetch_handle_free(struct fetch_handle *handle)
{
	if (handle == NULL)
		return;
	buf_done(&handle->head);
	buf_done(&handle->body);
	free(handle);
}
