/*
 * Log: a record is formatted on the caller's stack and copied under a lock; one thread writes.
 *
 *	writer: sleeps → (first record) → gathers for 50 ms, or until something urgent → takes the
 *buffer → writes → …
 *
 * The caller never touches the file descriptor while the writer lives. The writer waits for a slow
 *reader with poll(), in pieces that a pipe takes whole, so that log_done() can give up after
 *GIVE_UP_MS instead of hanging for ever.
 */
#include "base/log.h"
#include "base/log_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAITING_MAX = 4 << 20, GATHER_MS = 50, POLL_MS = 100, GIVE_UP_MS = 3000, PIECE = 4096 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	struct buf waiting;
	size_t writing; /* bytes that the writer holds */
	uint64_t dropped_untold;
	bool is_running, is_urgent, is_stopping;
	atomic_bool is_given_up; /* the reader stalls while we stop */
	atomic_int least;
	atomic_uint_fast64_t dropped;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_INFO};

static void *write_records(void *unused);

static int64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The child of a fork has no writer thread, and the parent writes what waited. */
static void before_fork(void)
{
	pthread_mutex_lock(&logger.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&logger.lock);
}

static void init_wake(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&logger.wake, &attr);
	pthread_condattr_destroy(&attr);
}

static void after_fork_child(void)
{
	logger.waiting.len = 0;
	logger.writing = 0;
	logger.is_running = false;
	pthread_mutex_init(&logger.lock, NULL);
	init_wake();
}

static void init_once(void)
{
	init_wake();
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

void log_init(enum log_level least)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigset_t all, before;

	pthread_once(&once, init_once);
	atomic_store(&logger.least, least);
	pthread_mutex_lock(&logger.lock);
	if (!logger.is_running) {
		logger.is_stopping = false;
		atomic_store(&logger.is_given_up, false);
		/* Signals are for the program's own threads; SIGPIPE here becomes an error of
		 * write(). */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		logger.is_running = pthread_create(&logger.thread, NULL, write_records, NULL) == 0;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_mutex_unlock(&logger.lock);
}

void log_set_level(enum log_level least)
{
	atomic_store(&logger.least, least);
}

/* Waits until the reader takes more; false where it does not while the log ends. */
static bool wait_writable(int64_t *stalled_since_us)
{
	struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};

	while (poll(&pollfd, 1, POLL_MS) <= 0) {
		const int64_t now = clock_us(CLOCK_MONOTONIC);
		if (*stalled_since_us == 0)
			*stalled_since_us = now;
		pthread_mutex_lock(&logger.lock);
		const bool is_stopping = logger.is_stopping;
		pthread_mutex_unlock(&logger.lock);
		if (is_stopping && now - *stalled_since_us > (int64_t)GIVE_UP_MS * 1000)
			return false;
	}
	*stalled_since_us = 0;
	return true;
}

/* Bytes whose reader is gone are lost: there is nowhere to say so. */
static void write_all(struct str bytes)
{
	int64_t stalled_since_us = 0;

	while (bytes.len > 0) {
		if (!wait_writable(&stalled_since_us)) {
			atomic_store(&logger.is_given_up, true);
			return;
		}
		const size_t piece = bytes.len < PIECE ? bytes.len : PIECE;
		const ssize_t written = write(STDERR_FILENO, bytes.data, piece);
		if (written < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (written > 0) {
			bytes.data += written;
			bytes.len -= (size_t)written;
		}
	}
}

/* Holds the lock. */
static void gather(void)
{
	struct timespec until;

	while (logger.waiting.len == 0 && !logger.is_stopping)
		pthread_cond_wait(&logger.wake, &logger.lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)GATHER_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	int status = 0;
	while (!logger.is_urgent && !logger.is_stopping && status == 0)
		status = pthread_cond_timedwait(&logger.wake, &logger.lock, &until);
	logger.is_urgent = false;
}

static void *write_records(void *unused)
{
	struct buf taken = {0};

	pthread_mutex_lock(&logger.lock);
	for (;;) {
		gather();
		if (logger.waiting.len == 0)
			break;
		const struct buf empty = taken;
		taken = logger.waiting;
		logger.waiting = empty;
		logger.writing = taken.len;
		pthread_mutex_unlock(&logger.lock);

		if (!atomic_load(&logger.is_given_up))
			write_all(buf_str(&taken));
		taken.len = 0;

		pthread_mutex_lock(&logger.lock);
		logger.writing = 0;
	}
	pthread_mutex_unlock(&logger.lock);
	buf_done(&taken);
	return NULL;
}

/* Holds the lock. */
static void tell_dropped(int64_t now_us)
{
	struct log_line line;

	if (logger.dropped_untold == 0)
		return;
	log_line_write(&line, now_us, LOG_WARN, "log.dropped",
		(const struct log_field[]){LOG_INT("count", (int64_t)logger.dropped_untold), {0}});
	buf_add(&logger.waiting, line.text, line.len);
	logger.dropped_untold = 0;
}

void log_done(void)
{
	pthread_mutex_lock(&logger.lock);
	const bool was_running = logger.is_running && !logger.is_stopping;
	if (was_running) {
		tell_dropped(clock_us(CLOCK_REALTIME));
		logger.is_stopping = true;
		pthread_cond_broadcast(&logger.wake);
	}
	pthread_mutex_unlock(&logger.lock);
	if (!was_running)
		return;

	pthread_join(logger.thread, NULL);
	pthread_mutex_lock(&logger.lock);
	logger.is_running = false;
	/* What came between the writer's last look and now. */
	const struct buf rest = logger.waiting;
	logger.waiting = (struct buf){0};
	pthread_mutex_unlock(&logger.lock);
	if (!atomic_load(&logger.is_given_up))
		write_all(buf_str(&rest));
	free(rest.data);
}

bool log_is_on(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&logger.least, memory_order_relaxed) &&
	       level < LOG_OFF;
}

uint64_t log_dropped(void)
{
	return atomic_load(&logger.dropped);
}

/* Holds the lock. */
static void put(const struct log_line *line, enum log_level level, int64_t now_us)
{
	if (logger.waiting.len + logger.writing + line->len > WAITING_MAX) {
		logger.dropped_untold++;
		atomic_fetch_add(&logger.dropped, 1);
		return;
	}
	const bool was_empty = logger.waiting.len == 0;
	const bool is_urgent = level >= LOG_WARN && !logger.is_urgent;
	tell_dropped(now_us);
	buf_add(&logger.waiting, line->text, line->len);
	logger.is_urgent |= is_urgent;
	if (was_empty || is_urgent)
		pthread_cond_signal(&logger.wake);
}

void log_write(enum log_level level, const char *id, const struct log_field *fields)
{
	const int64_t now_us = clock_us(CLOCK_REALTIME);
	struct log_line line;

	log_line_write(&line, now_us, level, id, fields);
	pthread_mutex_lock(&logger.lock);
	const bool is_running = logger.is_running;
	if (is_running)
		put(&line, level, now_us);
	pthread_mutex_unlock(&logger.lock);
	if (!is_running)
		write_all((struct str){line.text, line.len});
}
