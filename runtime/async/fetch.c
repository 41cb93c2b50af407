/*
 * A fetch's life.
 *
 * fetch_start → CONNECTING → SENT → READING → done(reply)
 *      |            '---------+---------'---→ done(error): libcurl's, a timeout, ours
 *      '→ done(error) in the loop's next turn, and so after fetch_cancel()
 *
 * The four timeouts cost no timer of their own: a fetch has one deadline in the fetcher's set,
 * never later than the earliest of its timeouts. Bytes that arrive only note the time; when the
 * deadline falls due, the timeouts are looked at and the deadline moves on.
 */
#include "async/fetch_internal.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

static const struct fetcher_options DEFAULTS = {
	.connect_ms = 5000,
	.first_byte_ms = 60000,
	.idle_ms = 30000,
	.total_ms = 120000,
	.connections_max = 1024,
	.connections_per_host_max = 256,
};

static void start(struct fetch *fetch, const struct fetch_request *request);
static void on_result(struct fetch_handle *handle, CURLcode code);
static void on_deadline(void *data);
static void on_late_end(void *data);

bool fetch_global_init(struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERR_INTERNAL, "libcurl cannot be initialised");
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		return error_set(err, ERR_INTERNAL,
			"libcurl %s resolves names without threads, which would block the loop",
			info->version);
	return true;
}

void fetch_global_done(void)
{
	curl_global_cleanup();
}

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value != 0 ? value : fallback;
}

static void set_options(struct fetcher *fetcher, const struct fetcher_options *options)
{
	const struct fetcher_options none = {0}, *from = options != NULL ? options : &none;
	struct fetcher_options *to = &fetcher->options;

	to->connect_ms = or_default(from->connect_ms, DEFAULTS.connect_ms);
	to->first_byte_ms = or_default(from->first_byte_ms, DEFAULTS.first_byte_ms);
	to->idle_ms = or_default(from->idle_ms, DEFAULTS.idle_ms);
	to->total_ms = or_default(from->total_ms, DEFAULTS.total_ms);
	to->connections_max = or_default(from->connections_max, DEFAULTS.connections_max);
	to->connections_per_host_max =
		or_default(from->connections_per_host_max, DEFAULTS.connections_per_host_max);
	if (from->ca_file != NULL && (to->ca_file = strdup(from->ca_file)) == NULL)
		abort();
}

struct fetcher *fetcher_new(
	struct loop *loop, const struct fetcher_options *options, struct error *err)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (fetcher == NULL)
		abort();
	fetcher->loop = loop;
	set_options(fetcher, options);
	fetcher->no_proxy = fetch_no_proxy();
	deadline_set_init(&fetcher->deadlines);
	timer_init(&fetcher->deadline_timer, loop, on_deadline, fetcher);
	if (fetch_pump_init(&fetcher->pump, loop, &fetcher->options, on_result))
		return fetcher;
	free((char *)fetcher->options.ca_file);
	free(fetcher->no_proxy);
	free(fetcher);
	error_set(err, ERR_INTERNAL, "libcurl cannot make a multi handle");
	return NULL;
}

void fetcher_free(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	assert(fetcher->active == 0);
	while (fetcher->handles != NULL) {
		struct fetch_handle *handle = fetcher->handles;

		fetcher->handles = handle->next;
		fetch_handle_free(handle);
	}
	fetch_pump_done(&fetcher->pump);
	timer_stop(&fetcher->deadline_timer);
	deadline_set_done(&fetcher->deadlines);
	free((char *)fetcher->options.ca_file);
	free(fetcher->no_proxy);
	free(fetcher);
}

unsigned fetcher_active(const struct fetcher *fetcher)
{
	return fetcher->active;
}

static struct fetch_handle *handle_take(struct fetcher *fetcher)
{
	struct fetch_handle *handle = fetcher->handles;

	if (handle == NULL)
		return fetch_handle_new(fetcher);
	fetcher->handles = handle->next;
	fetcher->handle_count--;
	return handle;
}

static void handle_give_back(struct fetcher *fetcher, struct fetch_handle *handle)
{
	handle->fetch = NULL;
	handle->why[0] = '\0';
	fetch_reply_forget(handle);
	if (fetcher->handle_count >= FETCH_HANDLES_KEPT) {
		fetch_handle_free(handle);
		return;
	}
	handle->next = fetcher->handles;
	fetcher->handles = handle;
	fetcher->handle_count++;
}

static uint64_t after(uint64_t from_ns, uint32_t ms)
{
	return from_ns + (uint64_t)ms * 1000000;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The timer runs for the earliest deadline or an earlier point in time. */
static void arm(struct fetcher *fetcher)
{
	const struct deadline *first = deadline_set_first(&fetcher->deadlines);
	const uint64_t now_ns = loop_now_ns(fetcher->loop);

	if (first == NULL ||
		(fetcher->deadline_timer_ns != 0 && fetcher->deadline_timer_ns <= first->due_ns))
		return;
	fetcher->deadline_timer_ns = first->due_ns;
	timer_start(&fetcher->deadline_timer,
		first->due_ns > now_ns ? (first->due_ns - now_ns + 999999) / 1000000 : 0);
}

static void set_deadline(struct fetch *fetch, uint64_t due_ns)
{
	deadline_set_put(&fetch->fetcher->deadlines, &fetch->deadline, due_ns);
	arm(fetch->fetcher);
}

struct fetch *fetch_start(struct fetcher *fetcher, struct arena *arena,
	const struct fetch_request *request, fetch_done *done, void *data)
{
	struct fetch *fetch = arena_zalloc(arena, sizeof(*fetch));
	const struct fetcher_options *options = &fetcher->options;

	fetch->fetcher = fetcher;
	fetch->arena = arena;
	fetch->done = done;
	fetch->data = data;
	fetch->connect_ms = or_default(request->connect_ms, options->connect_ms);
	fetch->first_byte_ms = or_default(request->first_byte_ms, options->first_byte_ms);
	fetch->idle_ms = or_default(request->idle_ms, options->idle_ms);
	fetch->total_ms = or_default(request->total_ms, options->total_ms);
	fetch->body_max = request->body_max != 0 ? request->body_max : FETCH_BODY_MAX_DEFAULT;
	fetch->started_ns = loop_now_ns(fetcher->loop);
	fetcher->active++;
	start(fetch, request);
	return fetch;
}

static void end_later(struct fetch *fetch, const struct error *err)
{
	fetch->err = arena_alloc(fetch->arena, sizeof(*fetch->err));
	*fetch->err = *err;
	loop_defer(fetch->fetcher->loop, &fetch->task, on_late_end, fetch);
}

static void start(struct fetch *fetch, const struct fetch_request *request)
{
	struct error err;

	if (!fetch_request_check(request, &err)) {
		end_later(fetch, &err);
		return;
	}
	fetch->method = arena_strdup(fetch->arena, request->method);
	fetch->url = arena_strdup(fetch->arena, request->url);
	fetch->is_head = strcmp(request->method, "HEAD") == 0;
	fetch->handle = handle_take(fetch->fetcher);
	fetch->handle->fetch = fetch;
	fetch_request_apply(fetch, request);

	const CURLMcode code = fetch_pump_add(&fetch->fetcher->pump, fetch->handle);
	if (code != CURLM_OK) {
		handle_give_back(fetch->fetcher, fetch->handle);
		fetch->handle = NULL;
		error_set(&err, ERR_INTERNAL, "libcurl refuses the request: %s",
			curl_multi_strerror(code));
		end_later(fetch, &err);
		return;
	}
	set_deadline(fetch,
		after(fetch->started_ns,
			fetch->connect_ms < fetch->total_ms ? fetch->connect_ms : fetch->total_ms));
}

bool fetch_on_send(struct fetch *fetch)
{
	if (fetch->sendings++ > 0 && !fetch->is_repeatable) {
		fetch->fault = FETCH_NOT_REPEATABLE;
		return false;
	}
	fetch->phase = FETCH_SENT;
	fetch->sent_ns = loop_now_ns(fetch->fetcher->loop);
	const uint64_t due_ns = after(fetch->sent_ns, fetch->first_byte_ms);
	if (due_ns < fetch->deadline.due_ns)
		set_deadline(fetch, due_ns);
	return true;
}

void fetch_on_first_byte(struct fetch *fetch)
{
	fetch->phase = FETCH_READING;
	fetch->first_byte_ns = loop_now_ns(fetch->fetcher->loop);
	const uint64_t due_ns = after(fetch->first_byte_ns, fetch->idle_ms);
	if (due_ns < fetch->deadline.due_ns)
		set_deadline(fetch, due_ns);
}

/* Out of the fetcher's hands: what is left to do is to tell. */
static void detach(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;

	deadline_set_remove(&fetcher->deadlines, &fetch->deadline);
	handle_give_back(fetcher, fetch->handle);
	fetch->handle = NULL;
}

/* A kept connection may end just as it is used again. libcurl sees to most of these cases, not to
 * all. */
static bool send_again(struct fetch *fetch, CURLcode code)
{
	long connects = 1;

	if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	if (fetch->phase != FETCH_SENT || fetch->sendings != 1 || !fetch->is_repeatable)
		return false;
	curl_easy_getinfo(fetch->handle->easy, CURLINFO_NUM_CONNECTS, &connects);
	return connects == 0 && fetch_pump_add(&fetch->fetcher->pump, fetch->handle) == CURLM_OK;
}

static void on_result(struct fetch_handle *handle, CURLcode code)
{
	struct fetch *fetch = handle->fetch;
	struct fetch_reply reply;
	struct error err;

	if (send_again(fetch, code))
		return;
	/* libcurl takes the end of the connection for the end of the section. */
	if (code == CURLE_OK && !fetch->is_head_over)
		fetch->fault = FETCH_HEAD_CUT;
	const bool is_fine = code == CURLE_OK && fetch->fault == FETCH_NO_FAULT;
	if (is_fine)
		fetch_reply_make(fetch, &reply);
	else
		fetch_error_curl(fetch, code, &err);
	detach(fetch);
	fetch->fetcher->active--;
	/* done() may free the arena, and the fetch with it. */
	fetch->done(fetch->data, is_fine ? &reply : NULL, is_fine ? NULL : &err);
}

static void on_late_end(void *data)
{
	struct fetch *fetch = data;

	fetch->fetcher->active--;
	fetch->done(fetch->data, NULL, fetch->err);
}

void fetch_cancel(struct fetch *fetch)
{
	struct error err;

	if (fetch->handle == NULL)
		return;
	fetch_pump_remove(&fetch->fetcher->pump, fetch->handle);
	detach(fetch);
	error_set(&err, ERR_CANCELLED, "cancelled");
	end_later(fetch, &err);
}

static uint64_t phase_due(const struct fetch *fetch, enum fetch_timeout *ret_timeout)
{
	switch (fetch->phase) {
	case FETCH_CONNECTING:
		*ret_timeout = FETCH_CONNECT_TIMEOUT;
		return after(fetch->started_ns, fetch->connect_ms);
	case FETCH_SENT:
		*ret_timeout = FETCH_FIRST_BYTE_TIMEOUT;
		return after(fetch->sent_ns, fetch->first_byte_ms);
	case FETCH_READING:
		*ret_timeout = FETCH_IDLE_TIMEOUT;
		return after(fetch->last_byte_ns, fetch->idle_ms);
	}
	abort();
}

/* The earliest timeout and when it runs out. */
static uint64_t next_timeout(const struct fetch *fetch, enum fetch_timeout *ret_timeout)
{
	const uint64_t total_ns = after(fetch->started_ns, fetch->total_ms);
	const uint64_t due_ns = phase_due(fetch, ret_timeout);

	if (total_ns <= due_ns)
		*ret_timeout = FETCH_TOTAL_TIMEOUT;
	return earlier(total_ns, due_ns);
}

static void time_out(struct fetch *fetch, enum fetch_timeout timeout)
{
	struct error err;

	fetch_error_timeout(fetch, timeout, &err);
	fetch_pump_remove(&fetch->fetcher->pump, fetch->handle);
	detach(fetch);
	fetch->fetcher->active--;
	fetch->done(fetch->data, NULL, &err);
}

static void on_deadline(void *data)
{
	struct fetcher *fetcher = data;
	const uint64_t now_ns = loop_now_ns(fetcher->loop);
	struct deadline *first;

	fetcher->deadline_timer_ns = 0;
	while ((first = deadline_set_first(&fetcher->deadlines)) != NULL &&
		first->due_ns <= now_ns) {
		struct fetch *fetch =
			(struct fetch *)((char *)first - offsetof(struct fetch, deadline));
		enum fetch_timeout timeout = FETCH_NO_TIMEOUT;
		const uint64_t due_ns = next_timeout(fetch, &timeout);

		if (due_ns <= now_ns)
			time_out(fetch, timeout);
		else
			deadline_set_put(&fetcher->deadlines, first, due_ns);
	}
	arm(fetcher);
}
