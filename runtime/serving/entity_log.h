#pragma once
/*
 * Entity log: the last requests of one served entity, in memory: when, status, duration, rows, and why rows or the
 * request failed. Neither bodies nor headers.
 *
 * A ring a worker, which its thread alone writes; whoever reads takes them all, in the order of time. A ring grows from
 * nothing to ENTITY_LOG_MAX records with the requests that come.
 */
#include "base/str.h"

enum { ENTITY_LOG_MAX = 128, ENTITY_LOG_TEXT_MAX = 255, ENTITY_LOG_ROWS_MAX = 5 };

struct entity_record {
	int64_t time_us; /* since 1970 */
	uint64_t duration_us;
	int status;    /* 0: a row's error, in `text` */
	uint64_t rows; /* of a row's error: which one */
	uint64_t rows_failed;
	char text[ENTITY_LOG_TEXT_MAX + 1]; /* the error; cut */
};

struct entity_log;
struct entity_log *entity_log_new(unsigned worker_count);
void entity_log_free(struct entity_log *log);
/* On the worker's thread. `text` may be NULL; record->text is set from it. */
void entity_log_add(struct entity_log *log, unsigned worker, const struct entity_record *record, const char *text);
/* Copies of all, oldest first; to be freed with free(). */
size_t entity_log_read(struct entity_log *log, struct entity_record **ret);
