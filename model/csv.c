#include "model/csv.h"

#include "model/enforce_text.h"
#include "model/input_names.h"

struct reader {
	struct arena *arena;
	const char *at, *end;
	size_t line; /* from 1 */
	struct json *fields;
	size_t count, cap;
	size_t cells_max;
	struct error *err;
};

static bool read_header(struct reader *reader, struct csv *csv);
static bool read_rows(struct reader *reader, struct csv *csv);
static bool read_record(struct reader *reader);
static bool read_field(struct reader *reader, struct str *ret);

bool csv_read(struct arena *arena, struct str text, struct csv *ret, struct error *err)
{
	struct reader reader = {.arena = arena, .line = 1, .err = err};
	struct csv csv = {0};

	if (!str_is_utf8(text))
		return error_set(err, ERR_BAD_REQUEST, "the CSV is not valid UTF-8");
	if (str_starts(text, STR("\xEF\xBB\xBF"))) {
		text.data += 3;
		text.len -= 3;
	}
	reader.cells_max = CSV_CELLS_FREE + text.len;
	reader.at = text.data;
	reader.end = text.data + text.len;
	if (!read_header(&reader, &csv) || !read_rows(&reader, &csv))
		return false;
	*ret = csv;
	return true;
}

static bool fail(struct reader *reader, const char *text)
{
	return error_set(reader->err, ERR_BAD_REQUEST, "CSV line %zu: %s", reader->line, text);
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static void skip_line_end(struct reader *reader)
{
	if (reader->at == reader->end)
		return;
	if (*reader->at == '\r' && reader->end - reader->at > 1 && reader->at[1] == '\n')
		reader->at++;
	reader->at++;
	reader->line++;
}

/* Lines of nothing but spaces and tabs are blank, too. */
static void skip_blank_lines(struct reader *reader)
{
	while (reader->at < reader->end) {
		const char *at = reader->at;
		while (at < reader->end && (*at == ' ' || *at == '\t'))
			at++;
		if (at < reader->end && !is_line_end(*at))
			return;
		reader->at = at;
		skip_line_end(reader);
	}
}

static void add_field(struct reader *reader, struct str text)
{
	if (reader->count == reader->cap) {
		const size_t cap = reader->cap > 0 ? reader->cap * 2 : 64;
		struct json *fields = arena_array(reader->arena, cap, sizeof(*fields));
		if (reader->count > 0)
			memcpy(fields, reader->fields, reader->count * sizeof(*fields));
		reader->fields = fields;
		reader->cap = cap;
	}
	reader->fields[reader->count++] = text.len > 0 ? json_string(text) : json_null();
}

static bool read_header(struct reader *reader, struct csv *csv)
{
	size_t duplicate;

	skip_blank_lines(reader);
	if (reader->at == reader->end)
		return error_set(reader->err, ERR_BAD_REQUEST, "the CSV has no header line");
	if (!read_record(reader))
		return false;
	struct str *names = arena_array(reader->arena, reader->count, sizeof(*names));
	for (size_t i = 0; i < reader->count; i++) {
		names[i] = json_str(&reader->fields[i]);
		if (names[i].len == 0)
			return error_set(reader->err, ERR_BAD_REQUEST,
				"the CSV header has an empty name (column %zu, counted from 0)", i);
	}
	if (names_find_duplicate(reader->arena, names, reader->count, &duplicate))
		return error_set(reader->err, ERR_BAD_REQUEST, "the CSV header has '%.*s' twice",
			STR_ARGS(text_clip(names[duplicate])));
	csv->names = names;
	csv->column_count = reader->count;
	return true;
}

static bool read_rows(struct reader *reader, struct csv *csv)
{
	reader->count = 0;
	for (;;) {
		skip_line_end(reader);
		skip_blank_lines(reader);
		if (reader->at == reader->end)
			break;
		const size_t before = reader->count;
		if (before + csv->column_count > reader->cells_max)
			return error_set(reader->err, ERR_TOO_LARGE,
				"the CSV has over %zu cells, most of them empty",
				reader->cells_max);
		if (!read_record(reader))
			return false;
		if (reader->count - before > csv->column_count)
			return fail(reader, "more cells than the header has names");
		while (reader->count - before < csv->column_count)
			add_field(reader, (struct str){0});
		csv->row_count++;
	}
	csv->cells = reader->fields;
	return true;
}

/* Stands at the line's end, or the text's, afterwards. */
static bool read_record(struct reader *reader)
{
	for (;;) {
		struct str field;
		if (!read_field(reader, &field))
			return false;
		add_field(reader, field);
		if (reader->at == reader->end || *reader->at != ',')
			return true;
		reader->at++;
	}
}

static struct str take_plain(struct reader *reader)
{
	const char *start = reader->at;

	while (reader->at < reader->end && *reader->at != ',' && !is_line_end(*reader->at))
		reader->at++;
	return (struct str){start, (size_t)(reader->at - start)};
}

/* The closing quote of a field that starts behind reader->at; doubled ones are inside. NULL where
 * there is none. */
static const char *find_quote_end(struct reader *reader)
{
	const char *at = reader->at + 1;

	for (;;) {
		at = memchr(at, '"', (size_t)(reader->end - at));
		if (at == NULL || at + 1 == reader->end || at[1] != '"')
			return at;
		at += 2;
	}
}

static void count_lines(struct reader *reader, const char *from, const char *to)
{
	for (; from < to; from++)
		reader->line += *from == '\n' || (*from == '\r' && from[1] != '\n');
}

static bool read_field(struct reader *reader, struct str *ret)
{
	if (reader->at == reader->end || *reader->at != '"') {
		*ret = take_plain(reader);
		return true;
	}
	const char *start = reader->at + 1, *end = find_quote_end(reader);
	if (end == NULL)
		return fail(reader, "a quoted cell does not end");
	count_lines(reader, start, end);
	reader->at = end + 1;
	const struct str behind = take_plain(reader);
	const size_t inside = (size_t)(end - start);
	if (behind.len == 0 && memchr(start, '"', inside) == NULL) {
		*ret = (struct str){start, inside};
		return true;
	}
	char *text = arena_alloc(reader->arena, inside + behind.len + 1);
	size_t len = 0;
	for (const char *at = start; at < end; at++) {
		text[len++] = *at;
		at += *at == '"';
	}
	if (behind.len > 0)
		memcpy(text + len, behind.data, behind.len);
	*ret = (struct str){text, len + behind.len};
	return true;
}
