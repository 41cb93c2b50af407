#include "model/sql_memory.h"

#include <sqlite3.h>
#include <stdatomic.h>

static struct sqlite3_mem_methods system_memory;
static struct error init_error;

/* All threads' but for what each has not told yet: one shared counter that every allocation changes made two statements
 * at once half as fast as one. */
static _Atomic int64_t process_held;
static _Thread_local int64_t untold;

enum { TOLD_EVERY = 256 << 10 };

static _Thread_local struct {
	int64_t held; /* below 0: it gave back what the connection had before */
	bool is_on, is_over;
} run;

static void count(int64_t size)
{
	run.held += size;
	untold += size;
	if (untold < TOLD_EVERY && untold > -TOLD_EVERY)
		return;
	atomic_fetch_add_explicit(&process_held, untold, memory_order_relaxed);
	untold = 0;
}

static bool may_take(int64_t size)
{
	const int64_t held = atomic_load_explicit(&process_held, memory_order_relaxed) + untold;

	if (size > 0 && held + size > SQL_PROCESS_MAX)
		return false;
	if (!run.is_on || run.held + size <= SQL_MEMORY_MAX)
		return true;
	run.is_over = true;
	return false;
}

static void *take(int size)
{
	void *memory = may_take(size) ? system_memory.xMalloc(size) : NULL;

	if (memory != NULL)
		count(system_memory.xSize(memory));
	return memory;
}

static void give_back(void *memory)
{
	count(-(int64_t)system_memory.xSize(memory));
	system_memory.xFree(memory);
}

static void *resize(void *memory, int size)
{
	const int before = system_memory.xSize(memory);
	void *resized =
		may_take((int64_t)size - before) ? system_memory.xRealloc(memory, size) : NULL;

	if (resized != NULL)
		count((int64_t)system_memory.xSize(resized) - before);
	return resized;
}

static bool set_memory(struct error *err)
{
	struct sqlite3_mem_methods ours;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory) != SQLITE_OK)
		return error_set(err, ERR_INTERNAL, "SQLite is in use before its memory was set");
	ours = system_memory;
	ours.xMalloc = take;
	ours.xFree = give_back;
	ours.xRealloc = resize;
	/* SQLite's own count, and with it its heap limit, takes a lock of the whole process for each allocation. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK ||
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
		return error_set(err, ERR_INTERNAL, "SQLite refuses its memory");
	return true;
}

static void init_once(void)
{
	set_memory(&init_error);
}

bool sql_global_init(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
	if (init_error.code == ERR_NONE)
		return true;
	*err = init_error;
	return false;
}

void sql_memory_begin(void)
{
	run.held = 0;
	run.is_on = true;
	run.is_over = false;
}

void sql_memory_end(void)
{
	run.is_on = false;
}

bool sql_memory_is_over(void)
{
	return run.is_over;
}
