#pragma once
/*
 * Log: one JSON record a line on standard error, a stable id first:
 *	{"id":"http.request","time":"2026-11-21T02:46:07.123456Z","level":"info","status":200,…}
 *
 *	log_info("http.request", LOG_INT("status", 200), LOG_STR("path", path));
 *
 * Records are buffered and written by one thread within 50 ms, so that a slow reader of standard error never holds a
 * request; warnings and errors are written at once; when 4 MiB wait, records are dropped and counted, and the next one
 * written says how many. Secrets have no LOG_ macro: they cannot be logged.
 */
#include "base/error.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL, LOG_KIND_DOUBLE };
struct log_field {
	const char *name;
	enum log_kind kind;
	union {
		struct str text;
		int64_t integer;
		double number;
	};
};
#define LOG_STR(name_, value_)    ((struct log_field){.name = (name_), .kind = LOG_KIND_STR, .text = (value_)})
#define LOG_TEXT(name_, value_)   LOG_STR(name_, str_of(value_))
#define LOG_INT(name_, value_)    ((struct log_field){.name = (name_), .kind = LOG_KIND_INT, .integer = (value_)})
#define LOG_BOOL(name_, value_)   ((struct log_field){.name = (name_), .kind = LOG_KIND_BOOL, .integer = (value_)})
#define LOG_DOUBLE(name_, value_) ((struct log_field){.name = (name_), .kind = LOG_KIND_DOUBLE, .number = (value_)})
/* The error's code and text. */
#define LOG_ERR(err_) LOG_TEXT("error", (err_)->text), LOG_TEXT("code", error_info((err_)->code)->name)

/* Starts the writer thread. Before it and after log_done(), records go straight to standard error. */
void log_init(enum log_level least);
/* From any thread. */
void log_set_level(enum log_level least);
/* Writes what waits and ends the thread. */
void log_done(void);
/* By enum log_level, NULL at the end. */
extern const char *const log_level_names[];
bool log_is_on(enum log_level level);
uint64_t log_dropped(void);

void log_write(enum log_level level, const char *id, const struct log_field *fields);
#define LOG_AT(level_, id_, ...)                                                                   \
	do {                                                                                       \
		if (log_is_on(level_))                                                             \
			log_write(level_, id_,                                                     \
				(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) {0}});       \
	} while (0)
#define log_debug(id_, ...) LOG_AT(LOG_DEBUG, id_ __VA_OPT__(, ) __VA_ARGS__)
#define log_info(id_, ...)  LOG_AT(LOG_INFO, id_ __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(id_, ...)  LOG_AT(LOG_WARN, id_ __VA_OPT__(, ) __VA_ARGS__)
#define log_error(id_, ...) LOG_AT(LOG_ERROR, id_ __VA_OPT__(, ) __VA_ARGS__)
