#pragma once
/*
 * Database: the rows of the embedded registry, one SQLite file (WAL, synchronous=FULL) that threads and processes
 * share.
 *
 *	struct db *db = db_begin(file, DB_WRITE, err);
 *	db_run(db, err, "UPDATE runs SET name = ? WHERE run_id = ?", "ss", name, id) && db_commit(db, err)
 *
 * Invariants: between db_begin and db_commit or db_rollback one thread owns the connection. A DB_READ transaction sees
 * one state of the file, however long it takes; DB_WRITE transactions come one after the other, across processes.
 * What db_commit answered with true is on the disk; of everything else nothing is. After a kill at any moment the next
 * db_open finds the last committed state. Where the disk fails, nobody writes any more until all that is committed was
 * written and synced anew (db_connection.c); reads go on.
 *
 * Everything here blocks: call it on the worker pool. Errors: ERR_INTERNAL with SQLite's words (disk full, I/O),
 * ERR_UNAVAILABLE after such an error as long as the disk does not work, and where another process holds the file for
 * longer than DB_BUSY_MS.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct db_file;
struct db;
struct db_kept;
struct sqlite3_stmt;

enum { DB_BUSY_MS = 10000 };
enum db_mode { DB_READ, DB_WRITE, DB_NONE /* not for db_begin */ };

/* Opens DIR/registry.db, and makes it (0600, schema of db_schema.c, experiment "Default") where it is not there.
 * `dir` exists. sql_global_init() was called. A file of a newer schema is refused. */
struct db_file *db_open(const char *dir, struct error *err);
/* No transaction is open any more. NULL is fine. */
void db_close(struct db_file *file);

struct db *db_begin(struct db_file *file, enum db_mode mode, struct error *err);
/* Ends the transaction in every case; `db` is gone. False: nothing of it was done; only where the disk fails, goes on
 * failing and the process ends like that may a start find that it was. */
bool db_commit(struct db *db, struct error *err);
void db_rollback(struct db *db);

/*
 * One statement. `sql` is a literal: by its address the statement stays compiled. `types` has a letter an argument:
 *	s  struct str, as text; NULL where data is NULL
 *	i  int64_t    d  double    b  int, 0 or 1
 */
bool db_run(struct db *db, struct error *err, const char *sql, const char *types, ...);
/* Rows that the last db_run changed. */
int64_t db_changes(const struct db *db);
/* rowid of the last INSERT. */
int64_t db_last_id(const struct db *db);

/*
 * A query's rows. A statement may run once at a time: end a query before the same literal starts again (asserted). What
 * is bound must live until db_end.
 *
 *	struct db_rows rows;
 *	if (!db_start(&rows, db, err, "SELECT key, value FROM run_tags WHERE run_id = ?", "s", id))
 *		return false;
 *	while (db_next(&rows))
 *		… db_text(&rows, 0, arena) …
 *	return db_end(&rows);
 */
struct db_rows {
	struct db *db;
	struct sqlite3_stmt *statement;
	struct error *err;
	struct db_kept *kept;
	bool is_failed;
};
bool db_start(struct db_rows *rows, struct db *db, struct error *err, const char *sql, const char *types, ...);
/* A bound value of a statement that was put together: what search makes of a filter. */
struct db_value {
	char type; /* 's', 'i', 'd' */
	union {
		struct str text;
		int64_t integer;
		double number;
	};
};
bool db_start_text(struct db_rows *rows, struct db *db, struct error *err, const char *sql,
	const struct db_value *values, size_t value_count);
/* False at the end and on failure; then call db_end. */
bool db_next(struct db_rows *rows);
/* False where the query failed. May be called before the last row was read. */
bool db_end(struct db_rows *rows);

int64_t db_integer(const struct db_rows *rows, int column);
double db_double(const struct db_rows *rows, int column);
/* A copy on the arena; data is NULL where the column is. */
struct str db_text(const struct db_rows *rows, int column, struct arena *arena);

/* For "is there one?": 1 where the query has a row (its first column is in *ret where that is not NULL), 0 where it
 * has none, -1 on failure. */
int db_find(struct db *db, struct error *err, int64_t *ret, const char *sql, const char *types, ...);
int db_find_text(struct db *db, struct error *err, struct arena *arena, struct str *ret, const char *sql,
	const char *types, ...);
