#include "packaging/jail_child.h"

#include "base/sanitized.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

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
 * more. False: there is no filter. */
static bool lock_up(const struct jail_child *child)
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
	return child->filter != NULL && seccomp_load(child->filter) == 0;
}

/* The only locks taken here are malloc's, which fork leaves in order; everything else was made
 * before it. */
_Noreturn void jail_child_run(const struct jail_child *child)
{
	struct outlet outlet = {.data = child->buffer};
	const struct reader_sink sink = {.entry = send_entry, .bytes = send_bytes, .data = &outlet};
	struct error err = {0};

	if (!lock_up(child))
		send_frame(&outlet, (struct frame){.kind = FRAME_UNFILTERED}, STR(""));
	if (reader_run(child->archive, &sink, &err))
		send_frame(&outlet, (struct frame){.kind = FRAME_END}, STR(""));
	else
		send_frame(&outlet, (struct frame){.kind = FRAME_FAIL, .code = (uint8_t)err.code},
			str_of(err.text));
	flush(&outlet);
	_exit(0);
}

/* A call without conditions has arg.op 0. */
struct rule {
	int call;
	uint32_t action;
	struct scmp_arg_cmp condition;
};

static const struct rule RULES[] = {
	{.call = SCMP_SYS(write),
		.action = SCMP_ACT_ALLOW,
		.condition = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PIPE_FD}},
	/* Memory that can be executed is none of a parser's needs. */
	{.call = SCMP_SYS(mmap),
		.action = SCMP_ACT_ALLOW,
		.condition = {.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC}},
	{.call = SCMP_SYS(mprotect),
		.action = SCMP_ACT_ALLOW,
		.condition = {.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC}},
	{.call = SCMP_SYS(munmap), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(mremap), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(brk), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(madvise), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(futex), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(getrandom), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(clock_gettime), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(gettimeofday), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(restart_syscall), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(exit), .action = SCMP_ACT_ALLOW},
	{.call = SCMP_SYS(exit_group), .action = SCMP_ACT_ALLOW},
	/* The C library asks for locale and time zone tables and does without. */
	{.call = SCMP_SYS(open), .action = SCMP_ACT_ERRNO(EACCES)},
	{.call = SCMP_SYS(openat), .action = SCMP_ACT_ERRNO(EACCES)},
	{.call = SCMP_SYS(stat), .action = SCMP_ACT_ERRNO(EACCES)},
	{.call = SCMP_SYS(newfstatat), .action = SCMP_ACT_ERRNO(EACCES)},
	{.call = SCMP_SYS(access), .action = SCMP_ACT_ERRNO(EACCES)},
	{.call = SCMP_SYS(readlink), .action = SCMP_ACT_ERRNO(EACCES)},
};

static bool add_rules(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
		const struct rule *rule = &RULES[i];
		const unsigned conditions = rule->condition.op != 0 ? 1 : 0;

		if (seccomp_rule_add_array(
			    filter, rule->action, rule->call, conditions, &rule->condition) != 0)
			return false;
	}
	return true;
}

void *jail_filter_new(void)
{
	if (IS_SANITIZED)
		return NULL;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter != NULL && !add_rules(filter)) {
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
