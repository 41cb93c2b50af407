#pragma once
/*
 * Jail: reader_run in a child process that can only compute and write to a pipe. Private to
 * packaging/.
 *
 * The child has an empty environment, no descriptor but the pipe, no files, processes or core dumps
 * to make, memory for the archive's dictionaries only, and dies with its parent. A seccomp filter
 * allows memory, the pipe and exit; opening files fails with EACCES (the C library asks for locale
 * and time zone tables), all else kills the child.
 *
 * Where the kernel has no seccomp, and in sanitizer builds (their runtimes need more system calls),
 * the child runs without the filter and, for sanitizers, without the memory limit; everything else
 * holds. A sanitizer build with several threads cannot fork safely and reads in this process.
 *
 * The child is a fork and has a copy of this process's memory; that is why it may say nothing to
 * anyone but us.
 */
#include "packaging/reader.h"

/* As reader_run; the sink is called in this process. ERR_DEADLINE after `deadline_ms`; a child that
 * crashes is ERR_INVALID_BUNDLE. *ret_unfiltered: the kernel took no filter; false in sanitizer
 * builds, which want none. */
bool jail_run(struct str archive, uint32_t deadline_ms, const struct reader_sink *sink,
	bool *ret_unfiltered, struct error *err);
