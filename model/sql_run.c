/* One run of a statement: bind, step, read, reset. */
#include "model/sql_memory.h"

#include "base/base64.h"
#include "base/clock.h"
#include "model/sql_pool.h"

#include <math.h>

struct reading {
	const struct sql *sql;
	struct sql_connection *connection;
	struct arena *arena;
	struct sql_stop *stop;
	size_t bytes; /* of text so far */
};

void sql_stop(struct sql_stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	stop->is_asked = true;
	if (stop->db != NULL)
		sqlite3_interrupt(stop->db);
	pthread_mutex_unlock(&stop->lock);
}

/* `db` NULL: the connection is somebody else's from now on. */
static bool set_running(struct sql_stop *stop, sqlite3 *db)
{
	pthread_mutex_lock(&stop->lock);
	stop->db = db;
	const bool is_asked = stop->is_asked;
	pthread_mutex_unlock(&stop->lock);
	return !is_asked;
}

static bool is_asked(struct sql_stop *stop)
{
	pthread_mutex_lock(&stop->lock);
	const bool is_asked = stop->is_asked;
	pthread_mutex_unlock(&stop->lock);
	return is_asked;
}

/* No longer than what a function can look through in a moment: it cannot be interrupted. */
static bool bind_text(struct reading *reading, int index, struct str text, struct error *err)
{
	if (text.len > SQL_ARGUMENT_MAX)
		return error_set(err, ERR_BAD_REQUEST, "it has %zu bytes, more than %d", text.len,
			SQL_ARGUMENT_MAX);
	return sqlite3_bind_text64(reading->connection->statement, index, text.data, text.len,
		       SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

static bool bind_tree(
	struct reading *reading, int index, const struct json *value, struct error *err)
{
	struct buf text = {0};

	json_write(&text, value);

	const struct str copy = {arena_memdup(reading->arena, text.data, text.len), text.len};

	buf_done(&text);
	return bind_text(reading, index, copy, err);
}

static bool bind_value(
	struct reading *reading, int index, const struct json *value, struct error *err)
{
	sqlite3_stmt *statement = reading->connection->statement;

	switch (json_type(value)) {
	case JSON_BOOL:
		return sqlite3_bind_int(statement, index, value->boolean) == SQLITE_OK;
	case JSON_INTEGER:
		return sqlite3_bind_int64(statement, index, value->integer) == SQLITE_OK;
	case JSON_DOUBLE:
		return sqlite3_bind_double(statement, index, value->number) == SQLITE_OK;
	case JSON_STRING:
		return bind_text(reading, index, json_str(value), err);
	case JSON_ARRAY:
	case JSON_OBJECT:
		return bind_tree(reading, index, value, err);
	default:
		return sqlite3_bind_null(statement, index) == SQLITE_OK;
	}
}

static bool bind_all(struct reading *reading, const struct json *arguments, struct error *err)
{
	const struct sql *sql = reading->sql;

	for (size_t i = 0; i < sql->parameter_count; i++) {
		const struct str name = sql->parameters[i];
		struct error why = {0};

		if (bind_value(reading, (int)i + 1, json_get(arguments, name), &why))
			continue;
		if (why.code == ERR_NONE)
			error_set(&why, ERR_BAD_REQUEST, "%s",
				sqlite3_errmsg(reading->connection->db));
		return error_set(err, why.code, "argument '%.*s': %s", STR_ARGS(name), why.text);
	}
	return true;
}

static bool read_text(struct reading *reading, int column, struct json *ret, struct error *err)
{
	sqlite3_stmt *statement = reading->connection->statement;
	const char *data = (const char *)sqlite3_column_text(statement, column);
	const struct str text = {data, (size_t)sqlite3_column_bytes(statement, column)};

	if (!str_is_utf8(text))
		return error_set(err, ERR_BAD_REQUEST, "column '%.*s' is text that is not UTF-8",
			STR_ARGS(reading->sql->columns[column]));
	reading->bytes += text.len;
	*ret = json_string(
		(struct str){arena_memdup(reading->arena, text.data, text.len), text.len});
	return true;
}

static struct json read_blob(struct reading *reading, int column)
{
	sqlite3_stmt *statement = reading->connection->statement;
	const char *data = sqlite3_column_blob(statement, column);
	const struct str bytes = {data, (size_t)sqlite3_column_bytes(statement, column)};
	const struct str text = base64_encode(reading->arena, bytes);

	reading->bytes += text.len;
	return json_string(text);
}

static bool read_value(struct reading *reading, int column, struct json *ret, struct error *err)
{
	sqlite3_stmt *statement = reading->connection->statement;

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		*ret = json_integer(sqlite3_column_int64(statement, column));
		break;
	case SQLITE_FLOAT:
		*ret = isfinite(sqlite3_column_double(statement, column))
			       ? json_double(sqlite3_column_double(statement, column))
			       : json_null();
		break;
	case SQLITE_TEXT:
		return read_text(reading, column, ret, err);
	case SQLITE_BLOB:
		*ret = read_blob(reading, column);
		break;
	default:
		*ret = json_null();
	}
	return true;
}

static bool read_row(struct reading *reading, struct json *ret, struct error *err)
{
	const struct sql *sql = reading->sql;
	struct json_member *members =
		arena_array(reading->arena, sql->column_count, sizeof(*members));
	const struct json row = json_object_of(members, sql->column_count);

	for (size_t i = 0; i < sql->column_count; i++) {
		row.members[i].key = json_string(sql->columns[i]);
		if (!read_value(reading, (int)i, &row.members[i].value, err))
			return false;
	}
	if (reading->bytes > SQL_RESULT_MAX)
		return error_set(err, ERR_BAD_REQUEST, "the result is over its limit of %d bytes",
			SQL_RESULT_MAX);
	*ret = row;
	return true;
}

static bool tell_failure(const struct reading *reading, struct error *err)
{
	const struct sql_connection *connection = reading->connection;

	if (is_asked(reading->stop))
		return error_set(err, ERR_CANCELLED, "cancelled");
	if (sql_memory_is_over())
		return error_set(err, ERR_BAD_REQUEST,
			"stopped: the statement wants more than %d bytes of memory",
			SQL_MEMORY_MAX);
	if (sqlite3_errcode(connection->db) == SQLITE_INTERRUPT)
		return error_set(err, ERR_DEADLINE, "the statement took longer than %lld ms",
			(long long)reading->sql->tool->sql.timeout_ms);
	return error_set(err, ERR_BAD_REQUEST, "%s", sqlite3_errmsg(connection->db));
}

static bool read_rows(struct reading *reading, struct json *ret, struct error *err)
{
	const int64_t rows_max = reading->sql->tool->sql.max_rows;
	struct json rows = json_array(), row = {0};
	int status;

	while ((status = sqlite3_step(reading->connection->statement)) == SQLITE_ROW) {
		if (rows_max > 0 && (int64_t)rows.size >= rows_max)
			return error_set(err, ERR_BAD_REQUEST,
				"more than %lld rows: add a LIMIT, or raise max_rows",
				(long long)rows_max);
		if (!read_row(reading, &row, err))
			return false;
		reading->bytes += reading->sql->column_count * sizeof(*row.members);
		json_append(reading->arena, &rows, row);
	}
	if (status != SQLITE_DONE)
		return tell_failure(reading, err);
	*ret = rows;
	return true;
}

/* Only the first row is asked for: the rest is never computed. */
static bool read_first(struct reading *reading, struct json *ret, struct error *err)
{
	const int status = sqlite3_step(reading->connection->statement);

	*ret = json_null();
	if (status == SQLITE_DONE)
		return true;
	if (status != SQLITE_ROW)
		return tell_failure(reading, err);
	if (reading->sql->tool->sql.result == SQL_VALUE)
		return read_value(reading, 0, ret, err);
	return read_row(reading, ret, err);
}

static bool run_on(
	struct reading *reading, const struct json *arguments, struct json *ret, struct error *err)
{
	bool is_done;

	sql_memory_begin();
	if (!set_running(reading->stop, reading->connection->db))
		is_done = error_set(err, ERR_CANCELLED, "cancelled");
	else
		is_done = bind_all(reading, arguments, err) &&
			  (reading->sql->tool->sql.result == SQL_ROWS
					  ? read_rows(reading, ret, err)
					  : read_first(reading, ret, err));
	set_running(reading->stop, NULL);
	sql_memory_end();
	return is_done;
}

bool sql_run(struct sql *sql, struct arena *arena, const struct json *arguments, int64_t now_us,
	struct sql_stop *stop, struct json *ret, struct error *err)
{
	struct reading reading = {
		.sql = sql, .arena = arena, .stop = stop, .connection = sql_take(sql, err)};
	struct sql_connection *connection = reading.connection;
	const int64_t timeout_ms = sql->tool->sql.timeout_ms;

	if (connection == NULL)
		return false;
	connection->now_us = now_us;
	connection->deadline_ns =
		timeout_ms > 0 ? clock_ns() + (uint64_t)timeout_ms * 1000000 : UINT64_MAX;

	const bool is_done = run_on(&reading, arguments, ret, err);

	sqlite3_reset(connection->statement);
	sqlite3_clear_bindings(connection->statement);
	sql_give_back(sql, connection);
	return is_done;
}
