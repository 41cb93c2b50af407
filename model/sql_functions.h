#pragma once
/*
 * SQL functions whose time SQLite does not bound, as ones whose time is linear in their arguments:
 * a call cannot be interrupted. instr, replace, trim, ltrim, rtrim, printf and format answer as
 * SQLite's do. A width or precision over SQL_WIDTH_MAX is an error. Private to sql*.c.
 */
#include "model/sql.h"

#include <sqlite3.h>

enum { SQL_WIDTH_MAX = 100000 };

bool sql_functions_register(sqlite3 *db);
/* For which there is no such replacement: json_patch takes time by the square. */
bool sql_function_is_unbounded(const char *name);
void sql_printf(sqlite3_context *context, int count, sqlite3_value **values);
