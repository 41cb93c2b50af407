#pragma once
/*
 * Intake: the receiving side of extraction. Checks every entry against names.h and the limits,
 * makes the files and hashes them. Its input is hostile even when it comes from our own child.
 * Private to packaging/.
 */
#include "packaging/archive.h"
#include "packaging/names.h"
#include "packaging/reader.h"

struct intake {
	struct arena *arena;
	const struct archive_limits *limits;
	int dir_fd;          /* -1: nothing is written */
	uint64_t total_max;  /* of the limits, and of the archive's size by the ratio */
	bool is_ratio;       /* total_max comes from the ratio */
	int64_t deadline_ms; /* on the monotonic clock */
	struct names names;
	struct sha256 hash;
	uint32_t entries;
	struct file_list files;
	bool is_open; /* a file is being received: */
	struct file file;
	uint64_t announced;
	bool is_sized;
	int fd;
};

void intake_init(struct intake *intake, struct arena *arena, int dir_fd, uint64_t archive_size,
	const struct archive_limits *limits);
void intake_done(struct intake *intake);
struct reader_sink intake_sink(struct intake *intake);
/* After the last entry: ends the open file, sorts the list and gives it out. */
bool intake_end(struct intake *intake, struct file_list *ret, struct error *err);
