/* A tool's statement and its idle connections. What a run does is in sql_run.c. */
#include "model/bundle_files.h"
#include "model/sql_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void end_sql(void *data)
{
	struct sql *sql = data;

	while (sql->idle != NULL) {
		struct sql_connection *connection = sql->idle;

		sql->idle = connection->next;
		sql_disconnect(connection);
	}
	pthread_mutex_destroy(&sql->lock);
}

static const char *make_uri(struct arena *arena, const char *dir, struct str path)
{
	struct buf uri = {0};
	const char *result;

	buf_add_text(&uri, "file:");
	for (const char *c = arena_printf(arena, "%s/%.*s", dir, STR_ARGS(path)); *c != '\0'; c++) {
		if (strchr("%?# ", *c) != NULL)
			buf_printf(&uri, "%%%02X", (unsigned char)*c);
		else
			buf_add_char(&uri, *c);
	}
	buf_add_text(&uri, "?mode=ro&immutable=1");
	result = arena_strdup(arena, buf_text(&uri));
	buf_done(&uri);
	return result;
}

static bool find_database(struct sql *sql, struct arena *arena, const char *dir, struct error *err)
{
	const struct data_spec *data = sql->tool->data_spec;
	const struct str path = data != NULL ? data->sqlite : (struct str){0};

	sql->uri = ":memory:";
	if (path.len == 0 || str_is(path, ":memory:"))
		return true;
	if (!bundle_path_is_safe(path))
		return error_set(err, ERR_INVALID_BUNDLE,
			"expected a path inside the bundle, got '%.*s'", STR_ARGS(path));

	/* Resolved once: no component of the path may become a link later (SQLITE_OPEN_NOFOLLOW).
	 */
	char *real = realpath(dir, NULL);

	if (real == NULL)
		return error_set_errno(
			err, ERR_INVALID_BUNDLE, errno, "cannot find the folder '%s'", dir);
	sql->uri = make_uri(arena, real, path);
	free(real);
	return true;
}

/* Statements name what they take: a number or a bare ? would depend on an order that nobody sees.
 */
static bool read_parameters(
	struct sql *sql, struct arena *arena, sqlite3_stmt *statement, struct error *err)
{
	const int count = sqlite3_bind_parameter_count(statement);

	sql->parameters = arena_array(arena, (size_t)count, sizeof(*sql->parameters));
	sql->parameter_count = (size_t)count;
	for (int i = 0; i < count; i++) {
		const char *name = sqlite3_bind_parameter_name(statement, i + 1);

		if (name == NULL || name[0] != ':')
			return error_set(err, ERR_INVALID_BUNDLE,
				"parameter %d has no name: write :name, got '%s'", i + 1,
				name != NULL ? name : "?");
		sql->parameters[i] = str_of(arena_strdup(arena, name + 1));
	}
	return true;
}

static bool read_columns(
	struct sql *sql, struct arena *arena, sqlite3_stmt *statement, struct error *err)
{
	const int count = sqlite3_column_count(statement);

	sql->columns = arena_array(arena, (size_t)count, sizeof(*sql->columns));
	sql->column_count = (size_t)count;
	for (int i = 0; i < count; i++) {
		sql->columns[i] = str_of(arena_strdup(arena, sqlite3_column_name(statement, i)));
		for (int k = 0; k < i; k++)
			if (str_eq(sql->columns[i], sql->columns[k]))
				return error_set(err, ERR_INVALID_BUNDLE,
					"two columns are called '%.*s': give one another name with AS",
					STR_ARGS(sql->columns[i]));
	}
	return true;
}

struct sql *sql_new(
	struct arena *arena, const char *dir, const struct tool_spec *tool, struct error *err)
{
	struct sql *sql = arena_zalloc(arena, sizeof(*sql));

	sql->tool = tool;
	if (pthread_mutex_init(&sql->lock, NULL) != 0)
		abort();
	arena_on_end(arena, end_sql, sql);
	if (!sql_global_init(err) || !find_database(sql, arena, dir, err))
		return NULL;

	struct sql_connection *connection = sql_connect(sql->uri, tool->sql.statement, err);

	if (connection == NULL)
		return NULL;
	sql_give_back(sql, connection);
	if (!read_parameters(sql, arena, connection->statement, err) ||
		!read_columns(sql, arena, connection->statement, err))
		return NULL;
	return sql;
}

const struct str *sql_parameters(const struct sql *sql, size_t *ret_count)
{
	*ret_count = sql->parameter_count;
	return sql->parameters;
}

struct sql_connection *sql_take(struct sql *sql, struct error *err)
{
	pthread_mutex_lock(&sql->lock);

	struct sql_connection *connection = sql->idle;

	if (connection != NULL)
		sql->idle = connection->next;
	pthread_mutex_unlock(&sql->lock);
	return connection != NULL ? connection
				  : sql_connect(sql->uri, sql->tool->sql.statement, err);
}

void sql_give_back(struct sql *sql, struct sql_connection *connection)
{
	pthread_mutex_lock(&sql->lock);
	connection->next = sql->idle;
	sql->idle = connection;
	pthread_mutex_unlock(&sql->lock);
}
