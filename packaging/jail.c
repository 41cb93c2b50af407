/*
 * parent                         child
 * fork ───────────────────────▶  close descriptors, limits, filter
 * read frames, call the sink ◀─  reader_run → frames
 * kill, wait                     exit
 */
#include "packaging/jail.h"

#include "packaging/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum {
	PIPE_FD = 3,
	/* zstd's largest window that libarchive accepts is 128 MiB. */
	MEMORY_MAX = 256 * 1024 * 1024,
	PIPE_SIZE = 256 * 1024,
	BUFFER_SIZE = PIPE_SIZE,
};

enum frame_kind { FRAME_ENTRY = 1, FRAME_BYTES, FRAME_END, FRAME_FAIL };
enum { FLAG_ENCRYPTED = 1, FLAG_SPARSE = 2, FLAG_SIZED = 4 };

/* What goes through the pipe, followed by `len` bytes: a name, contents, or a message. */
struct frame {
	uint8_t kind, type, flags, code;
	uint32_t len;
	uint64_t value; /* size of an entry, offset of bytes */
};
_Static_assert(
	BUFFER_SIZE >= sizeof(struct frame) + READER_DATA_MAX, "the buffer holds a whole frame");
_Static_assert((int)READER_DATA_MAX >= (int)ERROR_TEXT_MAX, "a message fits in a frame");

/* --- child --- */

struct outlet {
	size_t len;
	char data[BUFFER_SIZE];
};

static void flush(struct outlet *outlet)
{
	size_t at = 0;

	while (at < outlet->len) {
		const ssize_t put = write(PIPE_FD, outlet->data + at, outlet->len - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			_exit(1);
		at += (size_t)put;
	}
	outlet->len = 0;
}

static void send_frame(struct outlet *outlet, struct frame frame, struct str payload)
{
	frame.len = (uint32_t)payload.len;
	if (sizeof(outlet->data) - outlet->len < sizeof(frame) + payload.len)
		flush(outlet);
	memcpy(outlet->data + outlet->len, &frame, sizeof(frame));
	outlet->len += sizeof(frame);
	if (payload.len > 0)
		memcpy(outlet->data + outlet->len, payload.data, payload.len);
	outlet->len += payload.len;
}

static bool send_entry(void *data, const struct reader_entry *entry, struct error *err)
{
	const int flags = (entry->is_encrypted ? FLAG_ENCRYPTED : 0) |
			  (entry->is_sparse ? FLAG_SPARSE : 0) | (entry->is_sized ? FLAG_SIZED : 0);

	send_frame(data,
		(struct frame){.kind = FRAME_ENTRY,
			.type = (uint8_t)entry->type,
			.flags = (uint8_t)flags,
			.value = (uint64_t)entry->size},
		entry->name);
	return true;
}

static bool send_bytes(void *data, uint64_t offset, struct str bytes, struct error *err)
{
	send_frame(data, (struct frame){.kind = FRAME_BYTES, .value = offset}, bytes);
	return true;
}

static void set_limit(int resource, rlim_t value)
{
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	setrlimit((__rlimit_resource_t)resource, &limit);
}

static void set_limits(rlim_t memory_max, uint32_t deadline_ms)
{
	if (!IS_SANITIZED)
		set_limit(RLIMIT_AS, memory_max);
	set_limit(RLIMIT_CPU, deadline_ms / 1000 + 1);
	set_limit(RLIMIT_FSIZE, 0);
	set_limit(RLIMIT_NOFILE, 0);
	set_limit(RLIMIT_NPROC, 0);
	set_limit(RLIMIT_CORE, 0);
}

/* The only locks taken here are malloc's, which fork leaves in order; everything else was made
 * before it. */
static _Noreturn void child(struct str archive, int pipe_fd, rlim_t memory_max,
	uint32_t deadline_ms, scmp_filter_ctx filter, struct outlet *outlet)
{
	/* A fixed time zone keeps the zip reader's mktime() from looking for one. */
	static char time_zone[] = "TZ=UTC0", *environment[] = {time_zone, NULL};
	const struct reader_sink sink = {.entry = send_entry, .bytes = send_bytes, .data = outlet};
	struct error err = {0};

	outlet->len = 0;
	environ = environment;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pipe_fd != PIPE_FD && dup2(pipe_fd, PIPE_FD) < 0)
		_exit(1);
	/* Sanitizers report on standard error. */
	if (!IS_SANITIZED)
		close_range(0, PIPE_FD - 1, 0);
	close_range(PIPE_FD + 1, ~0u, 0);
	tzset();
	set_limits(memory_max, deadline_ms);
	if (filter != NULL)
		seccomp_load(filter);

	if (reader_run(archive, &sink, &err))
		send_frame(outlet, (struct frame){.kind = FRAME_END}, STR(""));
	else
		send_frame(outlet, (struct frame){.kind = FRAME_FAIL, .code = (uint8_t)err.code},
			str_of(err.text));
	flush(outlet);
	_exit(0);
}

/* --- the filter, made in the parent --- */

static bool allow(scmp_filter_ctx filter)
{
	static const int CALLS[] = {SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
		SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
		SCMP_SYS(exit_group)};
	static const int DENIED[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat),
		SCMP_SYS(newfstatat), SCMP_SYS(access), SCMP_SYS(readlink)};
	bool ok = true;

	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++)
		ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 0) == 0;
	for (size_t i = 0; i < sizeof(DENIED) / sizeof(DENIED[0]); i++)
		ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), DENIED[i], 0) == 0;
	ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
			   SCMP_A0(SCMP_CMP_EQ, PIPE_FD)) == 0;
	/* Memory that can be executed is none of a parser's needs. */
	ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
	return ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

/* NULL where there is none to have. */
static scmp_filter_ctx filter_new(void)
{
	if (IS_SANITIZED)
		return NULL;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter != NULL && !allow(filter)) {
		seccomp_release(filter);
		filter = NULL;
	}
	return filter;
}

/* --- parent --- */

struct inlet {
	int fd;
	int64_t deadline_ms;
	uint32_t patience_ms;
	size_t at, len;
	char *data; /* BUFFER_SIZE */
};

enum inlet_state { INLET_OK, INLET_END, INLET_FAILED };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for bytes and takes them in; INLET_END where the child has closed its side. */
static enum inlet_state fill(struct inlet *inlet, struct error *err)
{
	const int64_t left = inlet->deadline_ms - now_ms();
	struct pollfd poll_fd = {.fd = inlet->fd, .events = POLLIN};

	memmove(inlet->data, inlet->data + inlet->at, inlet->len - inlet->at);
	inlet->len -= inlet->at;
	inlet->at = 0;
	if (left <= 0 || poll(&poll_fd, 1, (int)left) == 0) {
		error_set(err, ERR_DEADLINE, "took longer than %u ms", inlet->patience_ms);
		return INLET_FAILED;
	}
	const ssize_t got = read(inlet->fd, inlet->data + inlet->len, BUFFER_SIZE - inlet->len);
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
static bool receive(
	struct inlet *inlet, const struct reader_sink *sink, bool *ret_crashed, struct error *err)
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
		if (!pass_on(&frame, payload, sink, err))
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

static bool run_with(struct str archive, uint32_t deadline_ms, const struct reader_sink *sink,
	int fds[2], void *memory, struct error *err)
{
	struct inlet inlet = {.fd = fds[0],
		.deadline_ms = now_ms() + deadline_ms,
		.patience_ms = deadline_ms,
		.data = memory};
	scmp_filter_ctx filter = filter_new();
	const rlim_t memory_limit = memory_max();
	bool is_crashed = false;
	const pid_t pid = fork_quietly();

	if (pid == 0)
		child(archive, fds[1], memory_limit, deadline_ms, filter, memory);
	const int failed = errno;
	seccomp_release(filter);
	close(fds[1]);
	fds[1] = -1;
	if (pid < 0)
		return error_set_errno(err, ERR_INTERNAL, failed, "start the archive's reader");

	const bool ok = receive(&inlet, sink, &is_crashed, err);
	if (!is_crashed)
		kill(pid, SIGKILL);
	const int status = reap(pid);
	if (is_crashed)
		crash_error(status, err);
	return ok;
}

bool jail_run(
	struct str archive, uint32_t deadline_ms, const struct reader_sink *sink, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "make a pipe");
	/* A larger pipe saves switches; a refusal costs nothing else. */
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	void *memory = malloc(sizeof(struct outlet));
	if (memory == NULL)
		abort();
	const bool ok = run_with(archive, deadline_ms, sink, fds, memory, err);
	free(memory);
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	return ok;
}
