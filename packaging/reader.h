#pragma once
/*
 * Reader: libarchive over bytes in memory, as a series of calls. It refuses formats, not contents:
 * what an entry may be called or weigh is the receiver's business (intake.h). Private to
 * packaging/.
 */
#include "base/error.h"
#include "base/str.h"

enum reader_type {
	READER_FILE,
	READER_DIR,
	READER_SYMLINK,
	READER_HARDLINK,
	READER_DEVICE,
	READER_FIFO,
	READER_OTHER,
};

enum { READER_NAME_MAX = 2048, READER_DATA_MAX = 64 * 1024 };

struct reader_entry {
	uint32_t type; /* enum reader_type */
	bool is_encrypted, is_sparse, is_sized;
	int64_t size;    /* as announced, where is_sized */
	struct str name; /* as it stands there, cut at READER_NAME_MAX; empty where unreadable */
};

/* Each returns false to stop, having set the error. */
struct reader_sink {
	bool (*entry)(void *data, const struct reader_entry *entry, struct error *err);
	bool (*bytes)(void *data, uint64_t offset, struct str bytes,
		struct error *err); /* at most READER_DATA_MAX */
	void *data;
};

bool reader_run(struct str archive, const struct reader_sink *sink, struct error *err);
