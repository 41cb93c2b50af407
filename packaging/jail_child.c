#include "packaging/jail_child.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

enum { PIPE_FD = 3 };

struct outlet {
	size_t len;
	char *data; /* JAIL_BUFFER_SIZE */
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
	if (JAIL_BUFFER_SIZE - outlet->len < sizeof(frame) + payload.len)
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

/* Descriptors, death with the parent, limits, and then the filter, which allows none of this any
 * more. */
static void lock_up(const struct jail_child *child)
{
	/* A fixed time zone keeps the zip reader's mktime() from looking for one. */
	static char time_zone[] = "TZ=UTC0", *environment[] = {time_zone, NULL};

	environ = environment;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->parent)
		_exit(1);
	if (child->pipe_fd != PIPE_FD && dup2(child->pipe_fd, PIPE_FD) < 0)
		_exit(1);
	/* Sanitizers report on standard error. */
	if (!IS_SANITIZED)
		close_range(0, PIPE_FD - 1, 0);
	close_range(PIPE_FD + 1, ~0u, 0);
	tzset();
	set_limits(child->memory_max, child->deadline_ms);
	if (child->filter != NULL)
		seccomp_load(child->filter);
}

/* The only locks taken here are malloc's, which fork leaves in order; everything else was made
 * before it. */
_Noreturn void jail_child_run(const struct jail_child *child)
{
	struct outlet outlet = {.data = child->buffer};
	const struct reader_sink sink = {.entry = send_entry, .bytes = send_bytes, .data = &outlet};
	struct error err = {0};

	lock_up(child);
	if (reader_run(child->archive, &sink, &err))
		send_frame(&outlet, (struct frame){.kind = FRAME_END}, STR(""));
	else
		send_frame(&outlet, (struct frame){.kind = FRAME_FAIL, .code = (uint8_t)err.code},
			str_of(err.text));
	flush(&outlet);
	_exit(0);
}

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

void *jail_filter_new(void)
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

void jail_filter_free(void *filter)
{
	if (filter != NULL)
		seccomp_release(filter);
}
