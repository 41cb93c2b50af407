#pragma once
/*
 * Scoring: one input run through a bundle without a server, on a loop of its own with the machine's
 * clock, randomness and network: `sluice predict`.
 *
 * Answers are handed out in the order of the rows, as soon as all rows before them are answered.
 * SIGINT and SIGTERM cancel what is in flight (ERR_CANCELLED); a second one ends the program at
 * once.
 */
#include "model/batch.h"

struct scoring_options {
	const char *record_path; /* every model reply goes there, too; NULL: nowhere */
	const char *ca_file;     /* NULL: the system's certificates */
	bool is_offline;         /* no outgoing calls */
	uint32_t timeout_ms;
	unsigned rows_in_flight;
	/* `err` is the row's own. False stops the scoring. */
	bool (*on_answer)(
		void *data, size_t row, const struct json *answer, const struct error *err);
	void (*on_tick)(void *data, size_t done, size_t total); /* about ten times a second */
	void *data;
};

struct scored {
	const struct batch *batch; /* on the arena */
	struct batch_usage usage;
	size_t row_count;
	uint64_t elapsed_ms;
	int signal_number; /* that cancelled it; 0: none did */
};

/* False with the batch's error; *ret is set in any case. */
bool scoring_run(struct arena *arena, struct bundle *bundle, const struct input *input,
	const struct scoring_options *options, struct scored *ret, struct error *err);
