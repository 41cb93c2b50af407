#pragma once
/* A connection that holds one compiled statement. Private to sql*.c. */
#include "model/sql.h"

#include <sqlite3.h>

struct sql_connection {
	struct sql_connection *next; /* idle */
	sqlite3_vfs vfs;             /* the system's, but for its clock */
	char vfs_name[40];
	sqlite3 *db;
	sqlite3_stmt *statement;
	/* of the run that uses it: */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	int64_t now_us;       /* since 1970 */
	const char *refused;  /* what the authorizer turned down while compiling */
};

/* `uri` is ":memory:" or file:…; NULL with ERR_INVALID_BUNDLE. */
struct sql_connection *sql_connect(const char *uri, struct str statement, struct error *err);
void sql_disconnect(struct sql_connection *connection);
