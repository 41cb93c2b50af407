#pragma once
/* Idle connections of one tool's statement: at most as many as threads ever ran it at once. Private
 * to sql*.c. */
#include "model/sql_connection.h"

#include <pthread.h>

struct sql {
	const struct tool_spec *tool;
	const char *uri;
	struct str *parameters, *columns;
	size_t parameter_count, column_count;
	pthread_mutex_t lock; /* of idle, which threads of the pool share */
	struct sql_connection *idle;
};

struct sql_connection *sql_take(struct sql *sql, struct error *err);
void sql_give_back(struct sql *sql, struct sql_connection *connection);
