#pragma once
/*
 * Fetch: every outgoing HTTP call. One `struct fetcher` a loop: libcurl's multi interface on the loop, with kept
 * connections and reused handles.
 *
 * Invariants: `done` is called exactly once, on the loop's thread, never inside fetch_start() or fetch_cancel(), also
 * after a cancel (ERR_CANCELLED). Nothing here blocks the loop (names are resolved by libcurl's threads).
 * Redirects are not followed, only http and https are spoken, TLS 1.2+ with peer and host verified (but for a fetcher that
 * was told not to). Proxies from the environment, as it is in fetcher_new(), are honoured as libcurl does, but never for localhost, 127.0.0.0/8 and ::1.
 *
 * Timeouts: `connect` covers name, connection and TLS; `first_byte` the sending and the wait for the answer's status
 * line; `idle` the time without a complete header line or a byte of the body; `total` everything, also the wait for one
 * of the connections to that host, which no other timeout counts. While a file is sent, `idle` counts from the last bytes
 * that went out, and `first_byte` from the last of all; a transfer takes as long as bytes move: `total` FETCH_NO_LIMIT_MS.
 *
 * Streams: a request's body may be an open file, an answer's may go to a sink piece by piece. Neither is ever in memory as a
 * whole. A file that ends before its size is ERR_CONFLICT; a sink that fails ends the fetch with its own error.
 *
 * Errors: ERR_UNREACHABLE (refused), ERR_NO_HOST, ERR_UPSTREAM (reset, TLS, malformed, cut short), ERR_DEADLINE (names which of the four timeouts and
 * its value), ERR_TOO_LARGE (answer over body_max or header section over 256 KiB), ERR_CANCELLED,
 * ERR_INVALID_PARAMETER (URL, method or headers are wrong).
 * An HTTP status of 4xx or 5xx is a reply, not an error. Messages name method and URL without query and user info;
 * header values and bodies never appear in them.
 *
 * A request that failed on a kept connection before any byte of an answer came is sent once more on a new one, where
 * its method is idempotent (RFC 9110 section 9.2.2) or it is declared `is_repeatable`, as model calls are; a file from its
 * beginning.
 */
#include "async/loop.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct fetcher;
struct fetch;

struct fetch_header {
	struct str name, value; /* value must not hold CR, LF or NUL; the framing's names are refused */
	bool is_secret;         /* never logged */
};

enum { FETCH_NO_LIMIT_MS = INT32_MAX }; /* 24 days */

/* The first `size` bytes of `fd`, which stays the caller's, open until done; its position does not matter. */
struct fetch_file {
	int fd;
	uint64_t size;
};

/* Takes a piece of the body; false with the error set ends the fetch. Must not start, cancel or free anything of fetch,
 * but may pause its own. */
typedef bool fetch_sink(void *data, struct str bytes, struct error *err);
/* So many bytes of the file went out, 0 again where it is sent once more. As little is allowed here. */
typedef void fetch_sent(void *data, uint64_t bytes);

struct fetch_request {
	const char *method; /* "GET", "POST", … */
	const char *url;    /* absolute, NUL-terminated */
	const struct fetch_header *headers;
	size_t header_count;
	struct str body;
	const struct fetch_file *file; /* instead of `body`; NULL: none */
	fetch_sink *sink;              /* where the body of a 2xx answer goes, without limit; NULL: to memory, as all others */
	fetch_sent *on_sent;           /* may be NULL */
	void *stream_data;             /* for sink and on_sent */
	size_t sink_size;              /* most bytes of a piece; 0 = 256 KiB, which is also what a fetch with a sink holds */
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms; /* 0 = the fetcher's default */
	size_t body_max;                                       /* 0 = 16 MiB */
	bool is_repeatable;
};

struct fetch_reply {
	int status;
	struct str body; /* in the caller's arena, with JSON_PADDING readable bytes behind it; empty where a sink took it */
	const struct fetch_header *headers;
	size_t header_count;
	uint64_t elapsed_ns, first_byte_ns;
};

/* `reply` is NULL exactly where `err` is not. Both are gone when done returns, but for what lies in the arena. */
typedef void fetch_done(void *data, const struct fetch_reply *reply, const struct error *err);

struct fetcher_options {
	uint32_t connect_ms, first_byte_ms, idle_ms, total_ms; /* defaults: 5 s, 60 s, 30 s, 120 s */
	unsigned connections_max, connections_per_host_max;    /* kept and open; defaults 1,024 and 256 */
	const char *ca_file; /* NULL: the system's */
	bool is_unverified;  /* any certificate will do: for a server of one's own that has none */
};

/* Once per process, before any thread. */
bool fetch_global_init(struct error *err);
void fetch_global_done(void);

struct fetcher *fetcher_new(struct loop *loop, const struct fetcher_options *options, struct error *err);
/* No fetch may be in flight; not to be called inside a `done`. */
void fetcher_free(struct fetcher *fetcher);
unsigned fetcher_active(const struct fetcher *fetcher);

/* What `request` points to may go when the call returns. Failures to start are reported through `done`, too. */
struct fetch *fetch_start(struct fetcher *fetcher, struct arena *arena, const struct fetch_request *request,
	fetch_done *done, void *data);
/* Valid until `done` was called; harmless where the fetch has failed or was cancelled already. */
void fetch_cancel(struct fetch *fetch);
/*
 * Back-pressure of a sink: no piece comes after the one that it is given, and nothing more is read from the connection,
 * until fetch_resume(), which brings the next one in a later turn. No timeout runs meanwhile: who pauses has a limit of
 * its own. Harmless, both, where it is so already or the fetch is over, but for `done` having been called.
 */
void fetch_pause(struct fetch *fetch);
void fetch_resume(struct fetch *fetch);
/* Some of the request may have reached the server: for whoever must not ask twice. Inside `done`, too. */
bool fetch_was_sent(const struct fetch *fetch);

/* First header of that name (case does not count), or an empty str. */
struct str fetch_header_get(const struct fetch_reply *reply, const char *name);
/* Retry-After in milliseconds (RFC 9110 section 10.2.3: seconds or HTTP-date, the date against `now_unix_s`);
 * -1 where absent or unreadable. Never negative otherwise. */
int64_t fetch_retry_after_ms(const struct fetch_reply *reply, int64_t now_unix_s);
