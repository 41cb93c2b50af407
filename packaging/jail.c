/*
 * parent                         child
 * fork ───────────────────────▶  close descriptors, limits, filter
 * read frames, call the sink ◀─  reader_run → frames
 * kill, wait                     exit
 */
#include "packaging/jail.h"

#include "base/clock.h"
#include "base/sanitized.h"
#include "packaging/jail_child.h"
#include "packaging/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

/* zstd's largest window that libarchive accepts is 128 MiB. */
static const rlim_t MEMORY_MAX = 256 * 1024 * 1024;

struct inlet {
	int fd;
	int64_t deadline_ms;
	uint32_t patience_ms;
	size_t at, len;
	char *data; /* JAIL_BUFFER_SIZE */
};

enum inlet_state { INLET_OK, INLET_END, INLET_FAILED };

/* Waits for bytes and takes them in; INLET_END where the child has closed its side. */
static enum inlet_state fill(struct inlet *inlet, struct error *err)
{
	const int64_t left = inlet->deadline_ms - clock_ms();
	struct pollfd poll_fd = {.fd = inlet->fd, .events = POLLIN};

	memmove(inlet->data, inlet->data + inlet->at, inlet->len - inlet->at);
	inlet->len -= inlet->at;
	inlet->at = 0;
	if (left <= 0 || poll(&poll_fd, 1, (int)left) == 0) {
		error_set(err, ERR_DEADLINE, "took longer than %u ms", inlet->patience_ms);
		return INLET_FAILED;
	}
	const ssize_t got =
		read(inlet->fd, inlet->data + inlet->len, JAIL_BUFFER_SIZE - inlet->len);
	if (got < 0 && errno != EINTR && errno != EAGAIN) {
		error_set_errno(err, ERR_INTERNAL, errno, "read from the archive's reader");
		return INLET_FAILED;
	}
	inlet->len += got > 0 ? (size_t)got : 0;
	return got == 0 ? INLET_END : INLET_OK;
}

/* A whole frame, its payload in the inlet's buffer until the next call. */
static enum inlet_state next_frame(
	struct inlet *inlet, struct frame *ret, struct str *ret_payload, struct error *err)
{
	for (;;) {
		const size_t have = inlet->len - inlet->at;

		if (have >= sizeof(*ret)) {
			memcpy(ret, inlet->data + inlet->at, sizeof(*ret));
			if (ret->len > READER_DATA_MAX) {
				error_set(err, ERR_INVALID_BUNDLE,
					"the archive's reader went astray");
				return INLET_FAILED;
			}
			if (have >= sizeof(*ret) + ret->len) {
				*ret_payload = (struct str){
					inlet->data + inlet->at + sizeof(*ret), ret->len};
				inlet->at += sizeof(*ret) + ret->len;
				return INLET_OK;
			}
		}
		const enum inlet_state state = fill(inlet, err);
		if (state != INLET_OK)
			return state;
	}
}

static bool pass_on(const struct frame *frame, struct str payload, const struct reader_sink *sink,
	struct error *err)
{
	const struct reader_entry entry = {
		.type = frame->type,
		.is_encrypted = frame->flags & FLAG_ENCRYPTED,
		.is_sparse = frame->flags & FLAG_SPARSE,
		.is_sized = frame->flags & FLAG_SIZED,
		.size = (int64_t)frame->value,
		.name = payload,
	};
	char shown[NAME_SHOW_SIZE];

	switch (frame->kind) {
	case FRAME_ENTRY:
		return sink->entry(sink->data, &entry, err);
	case FRAME_BYTES:
		return sink->bytes(sink->data, frame->value, payload, err);
	case FRAME_FAIL:
		return error_set(err,
			frame->code == ERR_INTERNAL ? ERR_INTERNAL : ERR_INVALID_BUNDLE, "%s",
			name_show(payload, shown));
	default:
		return error_set(err, ERR_INVALID_BUNDLE, "the archive's reader went astray");
	}
}

/* Sets *ret_crashed where the child ended without a last word. */
static bool receive(struct inlet *inlet, const struct reader_sink *sink, bool *ret_crashed,
	bool *ret_unfiltered, struct error *err)
{
	for (;;) {
		struct frame frame;
		struct str payload;
		const enum inlet_state state = next_frame(inlet, &frame, &payload, err);

		if (state == INLET_END)
			*ret_crashed = true;
		if (state != INLET_OK)
			return false;
		if (frame.kind == FRAME_END)
			return true;
		if (frame.kind == FRAME_UNFILTERED)
			*ret_unfiltered = !IS_SANITIZED;
		else if (!pass_on(&frame, payload, sink, err))
			return false;
	}
}

static void crash_error(int status, struct error *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		error_set(
			err, ERR_TOO_LARGE, "needs more processor time or memory than is allowed");
	else if (WIFSIGNALED(status))
		error_set(err, ERR_INVALID_BUNDLE, "reading it crashed (signal %d)",
			WTERMSIG(status));
	else
		error_set(err, ERR_INVALID_BUNDLE, "reading it failed (status %d)",
			WEXITSTATUS(status));
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static rlim_t memory_max(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL) {
		if (fscanf(file, "%lu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	/* Without /proc the archive itself and the program still have to fit. */
	const rlim_t used =
		pages > 0 ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) : (rlim_t)2 << 30;
	return used + MEMORY_MAX;
}

/* With all signals blocked, so that no handler of the parent's ever runs in the child. */
static pid_t fork_quietly(void)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	const pid_t pid = fork();
	const int failed = errno;
	if (pid != 0)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = failed;
	return pid;
}

/* Both sides use the one buffer, as each has its own copy of it. */
static bool run_with(struct jail_child *child, int read_fd, const struct reader_sink *sink,
	bool *ret_unfiltered, struct error *err)
{
	struct inlet inlet = {.fd = read_fd,
		.deadline_ms = clock_ms() + child->deadline_ms,
		.patience_ms = child->deadline_ms,
		.data = child->buffer};
	bool is_crashed = false;
	const pid_t pid = fork_quietly();

	if (pid == 0)
		jail_child_run(child);
	const int failed = errno;
	close(child->pipe_fd);
	if (pid < 0)
		return error_set_errno(err, ERR_INTERNAL, failed, "start the archive's reader");

	const bool ok = receive(&inlet, sink, &is_crashed, ret_unfiltered, err);
	/* Also where it seems gone: one that closed the pipe and lives must not hold us. */
	kill(pid, SIGKILL);
	const int status = reap(pid);
	if (is_crashed)
		crash_error(status, err);
	return ok;
}

bool jail_run(struct str archive, uint32_t deadline_ms, const struct reader_sink *sink,
	bool *ret_unfiltered, struct error *err)
{
	int fds[2];

	*ret_unfiltered = false;
	/* A sanitizer's allocator, unlike the C library's, may be left locked for ever in the child. */
	if (IS_SANITIZED && !__libc_single_threaded)
		return reader_run(archive, sink, err);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "make a pipe");
	/* A signal may end poll() early: then read() must not wait. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	/* A larger pipe saves switches; a refusal costs nothing else. */
	fcntl(fds[1], F_SETPIPE_SZ, JAIL_BUFFER_SIZE);
	struct jail_child child = {
		.archive = archive,
		.deadline_ms = deadline_ms,
		.memory_max = memory_max(),
		.filter = jail_filter_new(),
		.buffer = malloc(JAIL_BUFFER_SIZE),
		.pipe_fd = fds[1],
		.parent = getpid(),
	};
	if (child.buffer == NULL)
		abort();
	const bool ok = run_with(&child, fds[0], sink, ret_unfiltered, err);
	free(child.buffer);
	jail_filter_free(child.filter);
	close(fds[0]);
	return ok;
}
