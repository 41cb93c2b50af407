/*
 * db_begin → statements → db_commit | db_rollback
 *
 * Statements stay compiled with their connection, by the address of their literal.
 */
#include "store/db_internal.h"

#include <assert.h>

struct db *db_begin(struct db_file *file, enum db_mode mode, struct error *err)
{
	struct db *db = db_take(file, mode, err);

	if (db == NULL || db_run(db, err, mode == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", ""))
		return db;
	db_give_back(db);
	return NULL;
}

bool db_commit(struct db *db, struct error *err)
{
	const bool is_done = db_run(db, err, "COMMIT", "");

	/* A COMMIT that failed (disk full) may have left the transaction open. */
	if (!is_done && sqlite3_get_autocommit(db->connection) == 0)
		sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	db_give_back(db);
	return is_done;
}

void db_rollback(struct db *db)
{
	if (sqlite3_get_autocommit(db->connection) == 0)
		sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	db_give_back(db);
}

/* The slot of a literal, or a free one; NULL where the table is too full. */
static struct db_kept *slot_of(struct db *db, const char *sql)
{
	size_t at = ((uintptr_t)sql >> 3) % DB_KEPT_SLOTS;

	while (db->kept[at].sql != NULL && db->kept[at].sql != sql)
		at = (at + 1) % DB_KEPT_SLOTS;
	if (db->kept[at].sql == NULL && db->kept_count >= DB_KEPT_SLOTS * 3 / 4)
		return NULL;
	return &db->kept[at];
}

static struct sqlite3_stmt *compile(struct db *db, const char *sql, unsigned flags, struct error *err)
{
	struct sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v3(db->connection, sql, -1, flags, &statement, NULL) == SQLITE_OK)
		return statement;
	db_fail(db, sql, err);
	return NULL;
}

/* *ret_kept is NULL where the statement is compiled for this once. */
static struct sqlite3_stmt *take_statement(struct db *db, const char *sql, struct db_kept **ret_kept, struct error *err)
{
	struct db_kept *kept = slot_of(db, sql);

	*ret_kept = kept;
	if (kept == NULL)
		return compile(db, sql, 0, err);
	if (kept->sql == NULL) {
		kept->statement = compile(db, sql, SQLITE_PREPARE_PERSISTENT, err);
		if (kept->statement == NULL)
			return NULL;
		kept->sql = sql;
		db->kept_count++;
	}
	assert(!kept->is_busy);
	kept->is_busy = true;
	return kept->statement;
}

static void give_statement(struct sqlite3_stmt *statement, struct db_kept *kept)
{
	if (kept == NULL) {
		sqlite3_finalize(statement);
		return;
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	kept->is_busy = false;
}

static void bind_text(struct sqlite3_stmt *statement, int at, struct str text)
{
	if (text.data == NULL)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_text64(statement, at, text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* What is bound lives until the call that bound it, or until db_end. */
static void bind_all(struct sqlite3_stmt *statement, const char *types, va_list args)
{
	assert((int)strlen(types) == sqlite3_bind_parameter_count(statement));
	for (int at = 1; *types != '\0'; types++, at++) {
		if (*types == 's')
			bind_text(statement, at, va_arg(args, struct str));
		else if (*types == 'i')
			sqlite3_bind_int64(statement, at, va_arg(args, int64_t));
		else if (*types == 'd')
			sqlite3_bind_double(statement, at, va_arg(args, double));
		else if (*types == 'b')
			sqlite3_bind_int(statement, at, va_arg(args, int));
		else
			assert(!"an unknown letter in types");
	}
}

static bool vstart(struct db_rows *rows, struct db *db, struct error *err, const char *sql, const char *types,
	va_list args)
{
	*rows = (struct db_rows){.db = db, .err = err};
	rows->statement = take_statement(db, sql, &rows->kept, err);
	if (rows->statement == NULL)
		return false;
	bind_all(rows->statement, types, args);
	return true;
}

bool db_start(struct db_rows *rows, struct db *db, struct error *err, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	const bool is_started = vstart(rows, db, err, sql, types, args);
	va_end(args);
	return is_started;
}

bool db_start_text(struct db_rows *rows, struct db *db, struct error *err, const char *sql,
	const struct db_value *values, size_t value_count)
{
	*rows = (struct db_rows){.db = db, .err = err};
	rows->statement = compile(db, sql, 0, err);
	if (rows->statement == NULL)
		return false;
	assert((int)value_count == sqlite3_bind_parameter_count(rows->statement));
	for (size_t i = 0; i < value_count; i++) {
		const int at = (int)i + 1;

		if (values[i].type == 's')
			bind_text(rows->statement, at, values[i].text);
		else if (values[i].type == 'i')
			sqlite3_bind_int64(rows->statement, at, values[i].integer);
		else
			sqlite3_bind_double(rows->statement, at, values[i].number);
	}
	return true;
}

bool db_next(struct db_rows *rows)
{
	const int code = sqlite3_step(rows->statement);

	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		rows->is_failed = true;
		db_fail(rows->db, sqlite3_sql(rows->statement), rows->err);
	}
	return code == SQLITE_ROW;
}

bool db_end(struct db_rows *rows)
{
	give_statement(rows->statement, rows->kept);
	return !rows->is_failed;
}

bool db_run(struct db *db, struct error *err, const char *sql, const char *types, ...)
{
	struct db_rows rows;
	va_list args;

	va_start(args, types);
	const bool is_started = vstart(&rows, db, err, sql, types, args);
	va_end(args);
	if (!is_started)
		return false;
	while (db_next(&rows))
		continue;
	return db_end(&rows);
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes64(db->connection);
}

int64_t db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->connection);
}

int64_t db_integer(const struct db_rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

double db_double(const struct db_rows *rows, int column)
{
	return sqlite3_column_double(rows->statement, column);
}

struct str db_text(const struct db_rows *rows, int column, struct arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(rows->statement, column);

	if (text == NULL)
		return (struct str){NULL, 0};
	const size_t len = (size_t)sqlite3_column_bytes(rows->statement, column);
	return (struct str){arena_memdup(arena, text, len), len};
}

int db_find(struct db *db, struct error *err, int64_t *ret, const char *sql, const char *types, ...)
{
	struct db_rows rows;
	va_list args;

	va_start(args, types);
	const bool is_started = vstart(&rows, db, err, sql, types, args);
	va_end(args);
	if (!is_started)
		return -1;
	const bool is_found = db_next(&rows);
	if (is_found && ret != NULL)
		*ret = db_integer(&rows, 0);
	return db_end(&rows) ? is_found : -1;
}

int db_find_text(struct db *db, struct error *err, struct arena *arena, struct str *ret, const char *sql,
	const char *types, ...)
{
	struct db_rows rows;
	va_list args;

	va_start(args, types);
	const bool is_started = vstart(&rows, db, err, sql, types, args);
	va_end(args);
	if (!is_started)
		return -1;
	const bool is_found = db_next(&rows);
	if (is_found)
		*ret = db_text(&rows, 0, arena);
	return db_end(&rows) ? is_found : -1;
}
