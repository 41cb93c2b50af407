#pragma once
/*
 * What the files of fetch share:
 *   fetcher.c        what the fetches of one loop share
 *   fetch.c          a fetch's life
 *   fetch_pause.c    a sink's back-pressure
 *   fetch_host.c     who waits for whom
 *   fetch_handle.c   libcurl's options
 *   fetch_request.c  what goes out
 *   fetch_reply.c    what comes in
 *   fetch_error.c    what went wrong, in words
 *   fetch_pump.c     libcurl on the loop
 *
 * A `struct fetch` lives in its caller's arena. While libcurl performs it, it has a `struct fetch_handle`: an easy handle
 * of libcurl and two buffers, taken from the fetcher's pool and given back before `done` is called.
 */
#include "async/deadline.h"
#include "async/fetch.h"

#include <curl/curl.h>

enum {
	FETCH_HEAD_MAX = 256 * 1024,
	FETCH_BODY_MAX_DEFAULT = 16 * 1024 * 1024,
	FETCH_BODY_DIRECT_MAX = 64 * 1024, /* a body of known length up to this goes straight into the arena */
	FETCH_BODY_COPY_MAX = 16 * 1024,   /* one of unknown length is copied up to this, else given away */
	FETCH_STREAM_BUFFER = 256 * 1024,  /* between a socket and a file or sink, where libcurl has 64 and 16 KiB */
	FETCH_HANDLES_KEPT = 256,
	FETCH_HOST_BUCKETS = 64,
};

enum fetch_phase { FETCH_QUEUED, FETCH_CONNECTING, FETCH_SENT, FETCH_READING };
enum fetch_timeout {
	FETCH_NO_TIMEOUT,
	FETCH_CONNECT_TIMEOUT,
	FETCH_FIRST_BYTE_TIMEOUT,
	FETCH_IDLE_TIMEOUT,
	FETCH_TOTAL_TIMEOUT,
};
/* What our own checks found while libcurl was reading or sending. */
enum fetch_fault {
	FETCH_NO_FAULT,
	FETCH_HEAD_TOO_LARGE,
	FETCH_BODY_TOO_LARGE,
	FETCH_BAD_LENGTH,
	FETCH_HEAD_CUT,
	FETCH_NOT_REPEATABLE,
	FETCH_FILE_SHORT,
	FETCH_FILE_UNREAD,
	FETCH_SINK_FAILED,
};

struct fetch_handle {
	struct fetch_handle *next; /* in the pool */
	struct fetch *fetch;
	CURL *easy; /* NULL in the pool */
	struct buf head, body;
	char why[CURL_ERROR_SIZE];
};

struct fetch {
	struct fetcher *fetcher;
	struct fetch_handle *handle; /* NULL: not with libcurl */
	struct fetch_host *host;     /* NULL: it is over, only `task` is left */
	struct fetch *next;          /* in the host's queue */
	struct arena *arena;
	fetch_done *done;
	void *data;
	struct error *err; /* for `task` */
	struct loop_task task;

	/* The request, in the arena. */
	const char *method, *url;
	struct curl_slist *lines;
	struct str post;
	bool has_body, is_streamed; /* the body is `file` */
	struct fetch_file file;
	uint64_t file_at; /* bytes handed to libcurl */
	fetch_sink *sink;
	fetch_sent *on_sent;
	void *stream_data;
	size_t sink_size;
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
	size_t body_max;
	bool is_repeatable, is_head;

	struct deadline deadline; /* never later than the earliest timeout */
	uint64_t started_ns, launched_ns, first_byte_ns, last_byte_ns;
	uint64_t last_sent_ns; /* of the request's head, then of the file */
	unsigned sendings;
	enum fetch_phase phase;
	enum fetch_fault fault;

	bool is_paused;
	uint64_t pause_began_ns, paused_ns; /* in all, of the pauses that are over */
	struct loop_task resume_task;

	bool is_head_over, is_sunk; /* the body goes to the sink */
	size_t head_len; /* bytes, interim answers and trailers included */
	struct fetch_header *headers;
	size_t header_count;
	char *body; /* in the arena, or NULL: in the handle's buffer */
	size_t body_len, body_size;
	struct error *sink_err; /* of FETCH_SINK_FAILED */
	int file_errno;         /* of FETCH_FILE_UNREAD */
};

struct fetch_watch;
struct fetch_host;

/* libcurl's multi handle on the loop. */
struct fetch_pump {
	struct loop *loop;
	CURLM *multi;
	void (*on_result)(struct fetch_handle *handle, CURLcode code);
	struct fetch_watch **watches; /* by descriptor */
	size_t watch_count;
	int dead_fd;
	struct loop_task turn; /* libcurl asked to be called at once */
	struct timer timer;    /* … or later */
	uint64_t timer_due_ns; /* 0: not running */
	uint64_t wanted_ns;    /* when libcurl wants to be called, at or after timer_due_ns; 0: no wish */
};

struct fetcher {
	struct loop *loop;
	struct fetcher_options options;
	struct fetch_pump pump;
	struct deadline_set deadlines;
	struct timer deadline_timer;
	uint64_t deadline_timer_ns; /* 0: not running */
	struct fetch_handle *handles;
	unsigned handle_count, active;
	struct fetch_host *hosts[FETCH_HOST_BUCKETS];
	CURL *pattern; /* what every request shares; performs nothing itself */
};

/* fetch_pump.c. What libcurl finished is handed to on_result, never inside another call of these. */
bool fetch_pump_init(struct fetch_pump *pump, struct loop *loop, const struct fetcher_options *options,
	void (*on_result)(struct fetch_handle *handle, CURLcode code));
void fetch_pump_done(struct fetch_pump *pump);
CURLMcode fetch_pump_add(struct fetch_pump *pump, struct fetch_handle *handle);
void fetch_pump_remove(struct fetch_pump *pump, struct fetch_handle *handle);
/* Lets the pump see the handle's sockets come and go. */
void fetch_pump_watch(struct fetch_pump *pump, CURL *easy);

/* fetch_request.c */
bool fetch_request_check(const struct fetch_request *request, struct error *err);
/* Lets this file feed what goes out; the callbacks' data is the handle. */
void fetch_request_watch(CURL *easy);
/* Copies the request into the fetch's arena; later lays it on the fetch's handle. */
void fetch_request_copy(struct fetch *fetch, const struct fetch_request *request);
void fetch_request_apply(struct fetch *fetch);

/* fetch_host.c. A host is there from fetch_host_get() until fetch_host_drop() finds nothing running or waiting. */
struct fetch_host *fetch_host_get(struct fetcher *fetcher, const char *url);
void fetch_host_drop(struct fetcher *fetcher, struct fetch_host *host);
void fetch_host_push(struct fetch_host *host, struct fetch *fetch);
void fetch_host_remove(struct fetch_host *host, struct fetch *fetch);
/* The next that may run, or NULL. */
struct fetch *fetch_host_first(const struct fetch_host *host, unsigned running_max);
/* It no longer waits, and counts as running until fetch_host_end(). */
void fetch_host_begin(struct fetch_host *host, struct fetch *fetch);
void fetch_host_end(struct fetch_host *host);

/* fetch_reply.c */
/* Lets this file see what comes in; the callbacks' data is the handle. */
void fetch_reply_watch(CURL *easy);
void fetch_reply_make(struct fetch *fetch, struct fetch_reply *reply);
void fetch_reply_forget(struct fetch_handle *handle);

/* fetch_error.c */
void fetch_error_timeout(const struct fetch *fetch, enum fetch_timeout timeout, struct error *err);
void fetch_error_curl(const struct fetch *fetch, CURLcode code, struct error *err);
/* "POST https://host/path": no query, no user info. */
void fetch_label(const struct fetch *fetch, char *label, size_t size);

/* fetch_handle.c: the pool. */
CURL *fetch_pattern_new(const struct fetcher_options *options);
struct fetch_handle *fetch_handle_take(struct fetcher *fetcher);
void fetch_handle_give_back(struct fetcher *fetcher, struct fetch_handle *handle);
void fetch_handle_free(struct fetch_handle *handle);

/* fetch_pause.c: it will not be resumed. */
void fetch_pause_forget(struct fetch *fetch);

/* fetch.c: events in a fetch's life. */
/* Timeouts, which stood still, run on. */
void fetch_on_resume(struct fetch *fetch);
/* libcurl said so outside of its turns. */
void fetch_fail(struct fetch *fetch, CURLcode code);
void fetch_on_result(struct fetch_handle *handle, CURLcode code);
void fetch_on_deadline(void *fetcher);
/* False: give up (fetch->fault says why). */
bool fetch_on_send(struct fetch *fetch);
void fetch_on_first_byte(struct fetch *fetch);
/* Bytes of the file are on their way: file_at says how many. */
void fetch_on_sent(struct fetch *fetch);
