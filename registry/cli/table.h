#pragma once
/*
 * Table: rows and columns for people, aligned by characters, with a header where a terminal reads it and without colour
 * where none does. Cells pass buf_add_visible(). Scripts use --json.
 */
#include "base/arena.h"
#include "cli/console.h"

enum { TABLE_COLUMNS_MAX = 8 };

struct table {
	struct arena *arena;
	const char *const *headers;
	size_t column_count;
	struct str *cells; /* row by row */
	size_t row_count, cap;
};

/* `headers` is NULL-terminated, at most TABLE_COLUMNS_MAX, and outlives the table. */
void table_init(struct table *table, struct arena *arena, const char *const *headers);
/* One row: a cell a column; "" is shown as "-". Texts outlive the table. */
void table_add(struct table *table, const struct str *cells);
void table_write(struct buf *out, const struct table *table, bool has_color);

/* Milliseconds since 1970 as local time, "2026-11-25T17:31:02+01:00"; "" for 0 and below. On the arena. */
struct str table_time(struct arena *arena, int64_t time_ms);
/* "3.1 MB": decimal units, as disks and networks count. */
struct str table_size(struct arena *arena, uint64_t size);
