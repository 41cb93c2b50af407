#pragma once
/*
 * CSV, as docs/protocol/RULES.md V10 says: comma, double quotes doubled, CR, LF or CRLF, blank
 * lines skipped; the first line is the header. Quotes count only at a field's start; text behind a
 * closing quote belongs to the field.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

struct csv {
	size_t row_count, column_count;
	struct str *names; /* not empty, each once */
	struct json
		*cells; /* row-major: JSON_STRING, or JSON_NULL where a cell is empty or missing */
};

/* Short rows are filled, so a wide header makes cells out of nothing: there may be so many more
 * than the text has bytes. */
enum { CSV_CELLS_FREE = 1 << 20 };

/* Cells without quotes are views into `text`. ERR_BAD_REQUEST where it is not UTF-8, has no header,
 * empty or repeated names, longer rows or an unterminated quote ("line 3: …"); ERR_TOO_LARGE with
 * many more cells than bytes. */
bool csv_read(struct arena *arena, struct str text, struct csv *ret, struct error *err);
