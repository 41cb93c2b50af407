/*
 * A fetch's life.
 *
 * fetch_start → QUEUED → CONNECTING → SENT → READING → done(reply)
 *      |           '---------+----------+-------'---→ done(error): libcurl's, a timeout, ours
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

static void start(struct fetch *fetch, const struct fetch_request *request);
static void launch_next(struct fetcher *fetcher, struct fetch_host *host);
static void launch(struct fetch *fetch);
static void release(struct fetch *fetch);
static void on_late_end(void *data);

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value != 0 ? value : fallback;
}

static uint64_t after(uint64_t from_ns, uint32_t ms)
{
	return from_ns + (uint64_t)ms * 1000000;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
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

static void hasten(struct fetch *fetch, uint64_t due_ns)
{
	if (due_ns < fetch->deadline.due_ns)
		set_deadline(fetch, due_ns);
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
	fetch_request_copy(fetch, request);
	fetch->host = fetch_host_get(fetch->fetcher, fetch->url);
	fetch_host_push(fetch->host, fetch);
	set_deadline(fetch, after(fetch->started_ns, fetch->total_ms));
	launch_next(fetch->fetcher, fetch->host);
}

/* Starts what waits for the host, as far as it may run. */
static void launch_next(struct fetcher *fetcher, struct fetch_host *host)
{
	const unsigned running_max = fetcher->options.connections_per_host_max;
	const uint64_t now_ns = loop_now_ns(fetcher->loop);
	struct fetch *fetch;

	/* One whose time is over must not open a connection only to drop it. */
	while ((fetch = fetch_host_first(host, running_max)) != NULL &&
		fetch->deadline.due_ns > now_ns) {
		fetch_host_begin(host, fetch);
		launch(fetch);
	}
	fetch_host_drop(fetcher, host);
}

static void launch(struct fetch *fetch)
{
	struct error err;

	fetch->phase = FETCH_CONNECTING;
	fetch->launched_ns = loop_now_ns(fetch->fetcher->loop);
	fetch->handle = fetch_handle_take(fetch->fetcher);
	fetch->handle->fetch = fetch;
	fetch_request_apply(fetch);
	const CURLMcode code = fetch_pump_add(&fetch->fetcher->pump, fetch->handle);
	if (code == CURLM_OK) {
		hasten(fetch, after(fetch->launched_ns, fetch->connect_ms));
		return;
	}
	error_set(&err, ERR_INTERNAL, "libcurl refuses the request: %s", curl_multi_strerror(code));
	release(fetch);
	end_later(fetch, &err);
}

/* libcurl by itself sends again what met a closed connection: here is who may. */
bool fetch_on_send(struct fetch *fetch)
{
	if (fetch->sendings++ > 0 && !fetch->is_repeatable) {
		fetch->fault = FETCH_NOT_REPEATABLE;
		return false;
	}
	fetch->phase = FETCH_SENT;
	fetch->last_sent_ns = loop_now_ns(fetch->fetcher->loop);
	hasten(fetch, after(fetch->last_sent_ns, fetch->first_byte_ms));
	if (fetch->is_streamed)
		hasten(fetch, after(fetch->last_sent_ns, fetch->idle_ms));
	return true;
}

void fetch_on_sent(struct fetch *fetch)
{
	fetch->last_sent_ns = loop_now_ns(fetch->fetcher->loop);
	if (fetch->file_at == fetch->file.size)
		hasten(fetch, after(fetch->last_sent_ns, fetch->first_byte_ms));
	if (fetch->on_sent != NULL)
		fetch->on_sent(fetch->stream_data, fetch->file_at);
}

void fetch_on_first_byte(struct fetch *fetch)
{
	fetch->phase = FETCH_READING;
	fetch->first_byte_ns = loop_now_ns(fetch->fetcher->loop);
	hasten(fetch, after(fetch->first_byte_ns, fetch->idle_ms));
}

/* Out of the fetcher's hands: what is left to do is to tell. */
static void release(struct fetch *fetch)
{
	struct fetcher *fetcher = fetch->fetcher;

	fetch_pause_forget(fetch);
	deadline_set_remove(&fetcher->deadlines, &fetch->deadline);
	if (fetch->phase == FETCH_QUEUED) {
		fetch_host_remove(fetch->host, fetch);
	} else {
		fetch_host_end(fetch->host);
		fetch_handle_give_back(fetcher, fetch->handle);
		fetch->handle = NULL;
	}
	fetch->host = NULL;
}

static void detach(struct fetch *fetch)
{
	struct fetch_host *host = fetch->host;

	release(fetch);
	launch_next(fetch->fetcher, host);
}

static void abandon(struct fetch *fetch)
{
	if (fetch->handle != NULL)
		fetch_pump_remove(&fetch->fetcher->pump, fetch->handle);
	detach(fetch);
}

void fetch_on_result(struct fetch_handle *handle, CURLcode code)
{
	struct fetch *fetch = handle->fetch;
	struct fetch_reply reply;
	struct error err;

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

	if (fetch->host == NULL)
		return;
	abandon(fetch);
	error_set(&err, ERR_CANCELLED, "cancelled");
	end_later(fetch, &err);
}

bool fetch_was_sent(const struct fetch *fetch)
{
	return fetch->sendings > 0;
}

static uint64_t phase_due(const struct fetch *fetch, enum fetch_timeout *ret_timeout)
{
	switch (fetch->phase) {
	case FETCH_QUEUED:
		return UINT64_MAX;
	case FETCH_CONNECTING:
		*ret_timeout = FETCH_CONNECT_TIMEOUT;
		return after(fetch->launched_ns, fetch->connect_ms);
	case FETCH_SENT:
		if (fetch->file_at < fetch->file.size) {
			*ret_timeout = FETCH_IDLE_TIMEOUT;
			return after(fetch->last_sent_ns, fetch->idle_ms);
		}
		*ret_timeout = FETCH_FIRST_BYTE_TIMEOUT;
		return after(fetch->last_sent_ns, fetch->first_byte_ms);
	case FETCH_READING:
		*ret_timeout = FETCH_IDLE_TIMEOUT;
		/* A file may still be on its way when the answer begins. */
		return after(later(fetch->last_byte_ns, fetch->last_sent_ns), fetch->idle_ms);
	}
	abort();
}

/* The earliest timeout and when it runs out. */
static uint64_t next_timeout(const struct fetch *fetch, enum fetch_timeout *ret_timeout)
{
	const uint64_t total_ns = after(fetch->started_ns + fetch->paused_ns, fetch->total_ms);
	const uint64_t due_ns = phase_due(fetch, ret_timeout);

	if (total_ns <= due_ns)
		*ret_timeout = FETCH_TOTAL_TIMEOUT;
	return earlier(total_ns, due_ns);
}

static void time_out(struct fetch *fetch, enum fetch_timeout timeout)
{
	struct error err;

	fetch_error_timeout(fetch, timeout, &err);
	abandon(fetch);
	fetch->fetcher->active--;
	fetch->done(fetch->data, NULL, &err);
}

void fetch_on_resume(struct fetch *fetch)
{
	enum fetch_timeout timeout;

	fetch->last_byte_ns = loop_now_ns(fetch->fetcher->loop);
	set_deadline(fetch, next_timeout(fetch, &timeout));
}

void fetch_fail(struct fetch *fetch, CURLcode code)
{
	struct error err;

	fetch_error_curl(fetch, code, &err);
	abandon(fetch);
	fetch->fetcher->active--;
	fetch->done(fetch->data, NULL, &err);
}

void fetch_on_deadline(void *data)
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
