#pragma once
/*
 * What a run of a statement holds of SQLite's memory. Private to sql*.c.
 *
 * A run stays on one thread from its beginning to its end, so a counter a thread is enough. SQLite
 * asks for memory through here; where a run would hold more than SQL_MEMORY_MAX it gets none, and
 * fails with SQLITE_NOMEM. Its own status calls do not help: they count neither sorters nor
 * temporary tables, or count the whole process.
 */
#include "model/sql.h"

/* What the connection holds already does not count. */
void sql_memory_begin(void);
void sql_memory_end(void);
/* The run of this thread was refused memory. */
bool sql_memory_is_over(void);
