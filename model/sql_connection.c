/* Opening a database as narrowly as SQLite allows (sqlite.org/security.html), and compiling the one
 * statement. */
#include "model/sql_connection.h"

#include "base/clock.h"
#include "model/sql_functions.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* An instruction takes nanoseconds or, on a large value, milliseconds. */
enum { OPS_BETWEEN_CHECKS = 100 };

static const struct {
	int id, value;
} LIMITS[] = {
	{SQLITE_LIMIT_LENGTH, SQL_VALUE_MAX},
	{SQLITE_LIMIT_SQL_LENGTH, SQL_TEXT_MAX},
	{SQLITE_LIMIT_COLUMN, 500},
	{SQLITE_LIMIT_EXPR_DEPTH, 200},
	{SQLITE_LIMIT_COMPOUND_SELECT, 100},
	{SQLITE_LIMIT_VDBE_OP, 250000},
	{SQLITE_LIMIT_FUNCTION_ARG, 100},
	{SQLITE_LIMIT_ATTACHED, 0},
	{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SQL_PATTERN_MAX},
	{SQLITE_LIMIT_VARIABLE_NUMBER, 250},
	{SQLITE_LIMIT_TRIGGER_DEPTH, 1},
	{SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const struct {
	int id, value;
} SETTINGS[] = {
	{SQLITE_DBCONFIG_DEFENSIVE, 1},
	{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
	{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	/* "name" is a column or a mistake, never silently a text. */
	{SQLITE_DBCONFIG_DQS_DML, 0},
	{SQLITE_DBCONFIG_DQS_DDL, 0},
};

static int on_progress(void *data)
{
	struct sql_connection *connection = data;

	return clock_ns() >= connection->deadline_ns;
}

static bool is_refused_function(const char *name)
{
	static const char *const NAMES[] = {
		"load_extension", "random", "randomblob", "fts3_tokenizer"};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (sqlite3_stricmp(name, NAMES[i]) == 0)
			return true;
	return false;
}

/* Virtual tables that are there without being declared, and show the machine rather than the
 * bundle's data. */
static bool is_refused_table(const char *name)
{
	static const char *const NAMES[] = {"dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode",
		"tables_used", "fts3tokenize"};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (sqlite3_stricmp(name, NAMES[i]) == 0)
			return true;
	return sqlite3_strnicmp(name, "pragma_", 7) == 0;
}

static int refuse(struct sql_connection *connection, const char *what)
{
	connection->refused = what;
	return SQLITE_DENY;
}

static int authorize(void *data, int action, const char *first, const char *second,
	const char *database, const char *trigger)
{
	struct sql_connection *connection = data;

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
		return is_refused_table(first) ? refuse(connection, "tables of SQLite's own state")
					       : SQLITE_OK;
	case SQLITE_FUNCTION:
		if (sql_function_is_unbounded(second))
			return refuse(connection, "a function that may run for minutes");
		return is_refused_function(second)
			       ? refuse(connection,
					 "a function whose result cannot be replayed, or that reaches outside")
			       : SQLITE_OK;
	case SQLITE_UPDATE:
		/* json_each and its like declare themselves so (sqlite3_declare_vtab). A statement
		 * that really updates the schema is refused as one that does not only read. */
		if (strcmp(first, "sqlite_master") == 0)
			return SQLITE_OK;
		return refuse(connection, "statements that write");
	case SQLITE_PRAGMA:
		return refuse(connection, "PRAGMA");
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return refuse(connection, "ATTACH and DETACH");
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return refuse(connection, "transactions");
	default:
		return refuse(connection, "statements that write");
	}
}

static bool fail(struct sql_connection *connection, struct str statement, struct error *err)
{
	const int offset = sqlite3_error_offset(connection->db);
	unsigned line = 1;

	if (connection->refused != NULL)
		return error_set(err, ERR_INVALID_BUNDLE, "not allowed in a tool: %s (%s)",
			connection->refused, sqlite3_errmsg(connection->db));
	for (int i = 0; i < offset && (size_t)i < statement.len; i++)
		line += statement.data[i] == '\n';
	if (offset < 0)
		return error_set(err, ERR_INVALID_BUNDLE, "%s", sqlite3_errmsg(connection->db));
	return error_set(err, ERR_INVALID_BUNDLE, "statement line %u: %s", line,
		sqlite3_errmsg(connection->db));
}

/* SQLite counts milliseconds from noon of 4714-11-24 BC: the Julian day number of 1970-01-01 is
 * 2440587.5. */
static const int64_t JULIAN_1970_MS = 210866760000000;

static int current_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
	const struct sql_connection *connection =
		(const struct sql_connection *)((const char *)vfs -
						offsetof(struct sql_connection, vfs));

	*ret = connection->now_us / 1000 + JULIAN_1970_MS;
	return SQLITE_OK;
}

/* 'now' comes through the seam, so that an answer can be replayed: a VFS is where SQLite asks for
 * the time. */
static bool register_clock(struct sql_connection *connection, struct error *err)
{
	const sqlite3_vfs *system = sqlite3_vfs_find(NULL);

	if (system == NULL || system->iVersion < 2)
		return error_set(err, ERR_INTERNAL, "this SQLite has no file system");
	snprintf(connection->vfs_name, sizeof(connection->vfs_name), "sluice-%p",
		(void *)connection);
	connection->vfs = *system;
	connection->vfs.zName = connection->vfs_name;
	connection->vfs.xCurrentTimeInt64 = current_time;
	if (sqlite3_vfs_register(&connection->vfs, 0) != SQLITE_OK)
		return error_set(err, ERR_INTERNAL, "cannot register the clock with SQLite");
	return true;
}

static bool open_database(struct sql_connection *connection, const char *uri, struct error *err)
{
	const int flags = strcmp(uri, ":memory:") == 0
				  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY
				  : SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW;

	if (sqlite3_open_v2(uri, &connection->db, flags | SQLITE_OPEN_NOMUTEX,
		    connection->vfs_name) != SQLITE_OK)
		return error_set(err, ERR_INVALID_BUNDLE, "cannot open the database: %s",
			connection->db != NULL ? sqlite3_errmsg(connection->db) : "out of memory");
	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(*LIMITS); i++)
		sqlite3_limit(connection->db, LIMITS[i].id, LIMITS[i].value);
	for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(*SETTINGS); i++)
		sqlite3_db_config(connection->db, SETTINGS[i].id, SETTINGS[i].value, NULL);
	/* A file of the bundle is never written beside: no journals, no spilled sorts. */
	if (sqlite3_exec(connection->db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL) != SQLITE_OK)
		return fail(connection, (struct str){0}, err);
	if (!sql_functions_register(connection->db))
		return fail(connection, (struct str){0}, err);
	sqlite3_set_authorizer(connection->db, authorize, connection);
	sqlite3_progress_handler(connection->db, OPS_BETWEEN_CHECKS, on_progress, connection);
	return true;
}

/* Behind the statement there may be blanks, comments and semicolons: what compiles to nothing. */
static bool check_is_last(
	struct sql_connection *connection, const char *tail, const char *end, struct error *err)
{
	while (tail < end) {
		sqlite3_stmt *second = NULL;
		const char *from = tail;
		const int status =
			sqlite3_prepare_v2(connection->db, from, (int)(end - from), &second, &tail);

		sqlite3_finalize(second);
		if (second != NULL || status != SQLITE_OK)
			return error_set(
				err, ERR_INVALID_BUNDLE, "expected one statement, got more");
		if (tail == from)
			break;
	}
	return true;
}

static bool compile(struct sql_connection *connection, struct str text, struct error *err)
{
	const char *tail = NULL;

	if (text.len > SQL_TEXT_MAX || memchr(text.data, '\0', text.len) != NULL)
		return error_set(err, ERR_INVALID_BUNDLE,
			"expected a statement of at most %d bytes of text", SQL_TEXT_MAX);
	connection->deadline_ns = UINT64_MAX;
	if (sqlite3_prepare_v3(connection->db, text.data, (int)text.len, SQLITE_PREPARE_PERSISTENT,
		    &connection->statement, &tail) != SQLITE_OK)
		return fail(connection, text, err);
	if (connection->statement == NULL)
		return error_set(err, ERR_INVALID_BUNDLE, "the statement is empty");
	if (!check_is_last(connection, tail, text.data + text.len, err))
		return false;
	if (!sqlite3_stmt_readonly(connection->statement) ||
		sqlite3_column_count(connection->statement) == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "expected a statement that only reads");
	return true;
}

struct sql_connection *sql_connect(const char *uri, struct str statement, struct error *err)
{
	struct sql_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		abort();
	if (register_clock(connection, err) && open_database(connection, uri, err) &&
		compile(connection, statement, err))
		return connection;
	sql_disconnect(connection);
	return NULL;
}

void sql_disconnect(struct sql_connection *connection)
{
	sqlite3_finalize(connection->statement);
	sqlite3_close(connection->db);
	sqlite3_vfs_unregister(&connection->vfs);
	free(connection);
}
