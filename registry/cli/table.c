#include "cli/table.h"

#include <stdio.h>
#include <time.h>

enum { GAP = 2 };

void table_init(struct table *table, struct arena *arena, const char *const *headers)
{
	*table = (struct table){.arena = arena, .headers = headers};
	while (headers[table->column_count] != NULL)
		table->column_count++;
}

void table_add(struct table *table, const struct str *cells)
{
	const size_t columns = table->column_count;

	if (table->row_count == table->cap) {
		const size_t cap = table->cap > 0 ? 2 * table->cap : 16;
		struct str *grown = arena_array(table->arena, cap * columns, sizeof(*grown));

		if (table->row_count > 0)
			memcpy(grown, table->cells, table->row_count * columns * sizeof(*grown));
		table->cells = grown;
		table->cap = cap;
	}
	struct str *row = &table->cells[table->row_count++ * columns];
	for (size_t i = 0; i < columns; i++) {
		struct buf visible = {0};
		buf_add_visible(&visible, cells[i].len > 0 ? cells[i] : STR("-"));
		row[i] = (struct str){arena_memdup(table->arena, visible.data, visible.len), visible.len};
		buf_done(&visible);
	}
}

/* Columns of a terminal, were every character one wide. */
static size_t width_of(struct str text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.len; i++)
		width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return width;
}

static void pad(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_add_char(out, ' ');
}

void table_write(struct buf *out, const struct table *table, bool has_color)
{
	const size_t columns = table->column_count;
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < columns; i++)
		widths[i] = width_of(str_of(table->headers[i]));
	for (size_t i = 0; i < table->row_count * columns; i++)
		if (width_of(table->cells[i]) > widths[i % columns])
			widths[i % columns] = width_of(table->cells[i]);

	for (size_t i = 0; i < columns; i++) {
		console_style(out, has_color, STYLE_BOLD, table->headers[i]);
		if (i + 1 < columns)
			pad(out, widths[i] + GAP - width_of(str_of(table->headers[i])));
	}
	buf_add_char(out, '\n');
	for (size_t i = 0; i < table->row_count * columns; i++) {
		buf_add_str(out, table->cells[i]);
		if ((i + 1) % columns == 0)
			buf_add_char(out, '\n');
		else
			pad(out, widths[i % columns] + GAP - width_of(table->cells[i]));
	}
}

struct str table_time(struct arena *arena, int64_t time_ms)
{
	const time_t seconds = (time_t)(time_ms / 1000);
	struct tm local;
	char text[32], zone[8];

	if (time_ms <= 0 || localtime_r(&seconds, &local) == NULL ||
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local) == 0 ||
		strftime(zone, sizeof(zone), "%z", &local) == 0)
		return STR("");
	/* strftime's +0100 is no ISO 8601 beside a time with colons. */
	return str_of(arena_printf(arena, "%s%.3s:%s", text, zone, zone + 3));
}

struct str table_size(struct arena *arena, uint64_t size)
{
	static const char *const UNITS[] = {"kB", "MB", "GB", "TB"};
	double scaled = (double)size / 1000;
	size_t unit = 0;

	if (size < 1000)
		return str_of(arena_printf(arena, "%u B", (unsigned)size));
	for (; scaled >= 999.95 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0]); unit++)
		scaled /= 1000;
	return str_of(arena_printf(arena, "%.1f %s", scaled, UNITS[unit]));
}
