/*
 * Any bytes either fail with an error set, or give a table that survives being written with every
 * cell quoted, and whose cells all come from the text.
 */
#include "model/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void add_cell(struct buf *out, struct str text, char mark)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, text.data[i]);
	}
	buf_add_char(out, '"');
	buf_add_char(out, mark);
}

static char mark_of(const struct csv *csv, size_t cell)
{
	return cell % csv->column_count + 1 == csv->column_count ? '\n' : ',';
}

static void check_again(struct arena *arena, const struct csv *csv)
{
	struct buf text = {0};
	struct csv again;
	struct error err = {0};
	const size_t count = csv->row_count * csv->column_count;

	for (size_t i = 0; i < csv->column_count; i++)
		add_cell(&text, csv->names[i], mark_of(csv, i));
	for (size_t i = 0; i < count; i++)
		add_cell(&text, json_str(&csv->cells[i]), mark_of(csv, i));
	must(csv_read(arena, buf_str(&text), &again, &err));
	must(again.row_count == csv->row_count && again.column_count == csv->column_count);
	for (size_t i = 0; i < csv->column_count; i++)
		must(str_eq(csv->names[i], again.names[i]));
	for (size_t i = 0; i < count; i++)
		must(json_equal(&csv->cells[i], &again.cells[i]));
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct csv csv;
	struct error err = {0};

	arena_init(&arena);
	if (csv_read(&arena, (struct str){(const char *)data, size}, &csv, &err)) {
		must(csv.column_count > 0);
		if (csv.row_count * csv.column_count < 100000)
			check_again(&arena, &csv);
	} else {
		must(err.code == ERR_BAD_REQUEST || err.code == ERR_TOO_LARGE);
	}
	arena_done(&arena);
	return 0;
}
