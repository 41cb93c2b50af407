#pragma once
/*
 * The child's side of the jail, and what it says. Private to packaging/, shown to its test.
 */
#include "packaging/reader.h"

#include <sys/resource.h>
#include <sys/types.h>

enum {
	JAIL_BUFFER_SIZE = 256 * 1024, /* of either side, and of the pipe */
};

enum frame_kind { FRAME_ENTRY = 1, FRAME_BYTES, FRAME_END, FRAME_FAIL, FRAME_UNFILTERED };
enum { FLAG_ENCRYPTED = 1, FLAG_SPARSE = 2, FLAG_SIZED = 4 };

/* What goes through the pipe, followed by `len` bytes: a name, contents, or a message. */
struct frame {
	uint8_t kind, type, flags, code;
	uint32_t len;
	uint64_t value; /* size of an entry, offset of bytes */
};
_Static_assert(
	JAIL_BUFFER_SIZE >= sizeof(struct frame) + READER_DATA_MAX, "the buffer holds a frame");
_Static_assert((int)READER_DATA_MAX >= (int)ERROR_TEXT_MAX, "a frame holds a message");

/* Made before the fork, as the child should do as little as possible. */
struct jail_child {
	struct str archive;
	uint32_t deadline_ms;
	rlim_t memory_max;
	void *filter; /* of libseccomp; NULL: none */
	char *buffer; /* JAIL_BUFFER_SIZE */
	int pipe_fd;
	pid_t parent;
};

/* The filter; NULL where there is none to have. Freed with jail_filter_free. */
void *jail_filter_new(void);
void jail_filter_free(void *filter);

/* Runs in the child, from the fork to its end. */
_Noreturn void jail_child_run(const struct jail_child *child);
