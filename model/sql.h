#pragma once
/*
 * SQL: one read-only statement of a tool on an SQLite database: an empty one in memory, or a file
 * of the bundle, opened read-only and immutable.
 *
 * What a statement may do: read tables and views of that database, recurse, call SQLite's
 * functions. Everything else is refused when it is compiled, and it is compiled when the bundle is
 * loaded: writing, ATTACH, PRAGMA, transactions, load_extension, and random() and randomblob(),
 * whose results nobody could replay. Limits: rows (max_rows), time while it runs (timeout_ms),
 * SQL_RESULT_MAX bytes of result, SQL_VALUE_MAX bytes a value, and SQL_MEMORY_MAX bytes that one
 * run of a statement may hold: it is that run which fails, whatever others hold. SQL_PROCESS_MAX
 * bounds all of SQLite's memory in the process.
 *
 * Time is looked at between two instructions of SQLite's machine: one that works on a large value
 * ends first. No call of a function takes longer than a few tenths of a second, as values are
 * limited (what a request brings to SQL_ARGUMENT_MAX, patterns to SQL_PATTERN_MAX) and functions
 * whose time grows faster than its arguments are replaced (sql_functions.h) or, json_patch(),
 * refused.
 *
 * Values: NULL, INTEGER, REAL (null where not finite), TEXT (must be UTF-8), BLOB as base64.
 * Arguments: null, text, numbers; booleans as 0 and 1; arrays and objects as JSON text; a missing
 * one is NULL.
 *
 * Shared by all threads: each run takes an idle connection with its compiled statement, or opens
 * one; the connections close with the bundle.
 */
#include "model/config.h"

#include <pthread.h>

struct sql;
struct sqlite3;

enum {
	SQL_TEXT_MAX = 64 * 1024,
	SQL_ARGUMENT_MAX = 1024 * 1024,
	SQL_VALUE_MAX = 4 * 1024 * 1024,
	SQL_PATTERN_MAX = 50, /* of LIKE and GLOB: bytes */
	SQL_RESULT_MAX = 32 * 1024 * 1024,
	SQL_MEMORY_MAX = 256 * 1024 * 1024,
};
#define SQL_PROCESS_MAX (INT64_C(2048) * 1024 * 1024)

/* How another thread ends a run early. */
struct sql_stop {
	pthread_mutex_t lock;
	bool is_asked;
	struct sqlite3 *db; /* that runs */
};
#define SQL_STOP_INIT                                                                              \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}

/* From any thread, before the run, while it runs or after it. */
void sql_stop(struct sql_stop *stop);

/* Once per process, before anything else uses SQLite; sql_new() does it where nobody did. Sets the
 * limits on memory. */
bool sql_global_init(struct error *err);

/* Compiles the statement, so that its mistakes are known: NULL with ERR_INVALID_BUNDLE. `dir` is
 * the bundle's. */
struct sql *sql_new(
	struct arena *arena, const char *dir, const struct tool_spec *tool, struct error *err);
/* The names behind its colons, each once. */
const struct str *sql_parameters(const struct sql *sql, size_t *ret_count);
/* Blocks; on any thread. `now_us` is the time since 1970 that the statement sees. The result lives
 * on `arena`: an array of objects, an object or null, or a value, as the tool says. ERR_DEADLINE
 * after timeout_ms, ERR_CANCELLED once `stop` was asked, else ERR_BAD_REQUEST with SQLite's words.
 */
bool sql_run(struct sql *sql, struct arena *arena, const struct json *arguments, int64_t now_us,
	struct sql_stop *stop, struct json *ret, struct error *err);
