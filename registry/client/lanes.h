#pragma once
/*
 * Lanes: many files, a few at a time. A transfer has as many lanes as files may be in flight; each takes the next file
 * when it is done with one. Private to client/.
 *
 * What a lane needs for one file lies in an arena of its own, so a transfer of 10,000 files holds no more than one of
 * eight.
 */
#include "base/hash.h"
#include "client/place.h"
#include "client/transfer.h"

struct transfer {
	struct operation op;
	struct place place;
	struct str path; /* in front of every name there */
	int dir_fd;
	enum place_way way;
	const struct file_list *files;
	size_t next; /* that no lane has taken */

	struct client_progress progress;
	client_progress_fn *on_progress;
	void *data;
	uint64_t told_ns;
};

struct lane {
	struct operation op;
	struct transfer *transfer;
	struct file *file;  /* NULL: none is left */
	struct arena arena; /* for this file */
	int fd;             /* -1: none */
	struct fetch_file body;
	struct json answer; /* of signing */
	uint64_t moved;     /* bytes of the file, of this attempt */
	struct sha256 hash;
};

/* `first` runs in each lane, with its first file taken. Then `on`, or it fails as the first lane that did. */
MUST_USE struct next lanes_run(struct transfer *transfer, flow_step *first, flow_step *on);
/* Takes the next file and runs `first` for it, or ends the lane. Closes what is open. */
MUST_USE struct next lane_next(struct lane *lane, flow_step *first);
/* Ends the lane with flow.err. Closes what is open. */
MUST_USE struct next lane_fail(struct lane *lane);
/* The name at the place, below its root. */
struct str lane_path(struct lane *lane);
/* So many bytes of the file are done. */
void lane_moved(struct lane *lane, uint64_t bytes);
/* In any case, not only every tenth of a second. */
void transfer_tell(struct transfer *transfer);
