#include "cli/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

const char *const rows_formats[] = {"auto", "request", "rows", "csv", NULL};

static const struct str RECORDS = STR("dataframe_records");

static void free_text(void *data)
{
	buf_done(data);
}

/* Everything that can be read, with JSON_PADDING bytes behind it. */
static bool read_all(struct arena *arena, int fd, struct str *ret, struct error *err)
{
	enum { STEP = 1 << 16 };
	struct buf *text = arena_zalloc(arena, sizeof(*text));
	ssize_t got = 0;

	arena_on_end(arena, free_text, text);
	do {
		got = read(fd, buf_reserve(text, STEP), STEP);
		if (got > 0)
			text->len += (size_t)got;
		if (text->len >= JSON_SIZE_MAX)
			return error_set(
				err, ERR_TOO_LARGE, "more than %zu bytes", JSON_SIZE_MAX - 1);
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "read");
	memset(buf_reserve(text, JSON_PADDING), 0, JSON_PADDING);
	*ret = buf_str(text);
	return true;
}

static bool read_path(struct arena *arena, const char *path, struct str *ret, struct error *err)
{
	if (strcmp(path, "-") == 0)
		return read_all(arena, STDIN_FILENO, ret, err);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "open");
	const bool is_read = read_all(arena, fd, ret, err);
	close(fd);
	return is_read;
}

static bool is_blank(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
			return false;
	return true;
}

/* As json_read, but mistakes are told by the line's number in its file. */
static bool read_line(
	struct arena *arena, struct str line, size_t number, struct json *ret, struct error *err)
{
	struct buf text = {0};

	if (json_read(arena, line, ret, NULL))
		return true;
	for (size_t i = 1; i < number; i++)
		buf_add_char(&text, '\n');
	buf_add_str(&text, line);
	json_read(arena, buf_str(&text), ret, err);
	buf_done(&text);
	return false;
}

/* A column may have such a name, too. */
static bool is_whole_request(const struct signature *signature, const struct json *row)
{
	static const struct str FORMS[] = {
		STR("dataframe_records"), STR("dataframe_split"), STR("inputs"), STR("instances")};

	for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
		bool is_column = false;
		for (size_t j = 0; j < signature->inputs.count; j++)
			is_column |= str_eq(signature->inputs.columns[j].name, FORMS[i]);
		if (!is_column && json_type(row) == JSON_OBJECT && json_get(row, FORMS[i]) != NULL)
			return true;
	}
	return false;
}

static bool read_lines(struct arena *arena, const struct signature *signature, struct str text,
	struct json *ret_rows, struct error *err)
{
	struct json rows = json_array();
	size_t number = 0;
	struct str line;

	while (text.len > 0) {
		struct json row;
		str_cut(&text, '\n', &line);
		number++;
		if (is_blank(line))
			continue;
		if (!read_line(arena, line, number, &row, err))
			return false;
		if (is_whole_request(signature, &row))
			return error_set(err, ERR_BAD_REQUEST,
				"line %zu is a request, not a row: give the requests one by one",
				number);
		json_append(arena, &rows, row);
	}
	*ret_rows = rows;
	return true;
}

/* JSON of rows or a request starts with one of two characters. */
static bool looks_like_csv(struct str text)
{
	const struct str start = str_trim(text);

	return start.len > 0 && start.data[0] != '{' && start.data[0] != '[' &&
	       memchr(start.data, '\n', start.len) != NULL;
}

/* One line that is a document of its own, and more behind it. */
static bool looks_like_lines(struct arena *arena, struct str text)
{
	struct json first;
	struct str line;

	do {
		str_cut(&text, '\n', &line);
	} while (is_blank(line) && text.len > 0);
	return text.len > 0 && json_read(arena, line, &first, NULL) && first.type == JSON_OBJECT;
}

/* As MLflow saves a data frame: pandas' "split" orientation without a name around it. */
static bool is_split(const struct json *value)
{
	return json_type(value) == JSON_OBJECT &&
	       json_type(json_get(value, STR("columns"))) == JSON_ARRAY &&
	       json_type(json_get(value, STR("data"))) == JSON_ARRAY;
}

static struct json wrap(struct arena *arena, struct str form, struct json rows)
{
	struct json request = json_object();

	json_set(arena, &request, form, rows);
	return request;
}

static bool bind(struct arena *arena, const struct signature *signature, struct str form,
	struct json rows, struct input *ret, struct error *err)
{
	const struct json request = wrap(arena, form, rows);

	return input_read_tree(arena, signature, &request, ret, err);
}

static bool read_json(struct arena *arena, const struct signature *signature, struct str text,
	enum rows_format format, const struct rows_notices *notices, struct input *ret,
	struct error *err)
{
	struct json value, rows = json_array();
	struct error why;

	if (format == ROWS_REQUEST)
		return input_read(arena, signature, INPUT_JSON, text, ret, err);
	if (!json_read(arena, text, &value, &why)) {
		if (!looks_like_lines(arena, text))
			return error_set(err, why.code, "%s%s", why.text,
				format == ROWS_AUTO && looks_like_csv(text)
					? "; for CSV: --format csv"
					: "");
		if (!read_lines(arena, signature, text, &rows, err))
			return false;
		rows_tell_unknown(arena, signature, &rows, notices);
		return bind(arena, signature, RECORDS, rows, ret, err);
	}
	if (format == ROWS_AUTO && input_is_request(&value)) {
		rows_tell_unknown(arena, signature, json_get(&value, RECORDS), notices);
		return input_read(arena, signature, INPUT_JSON, text, ret, err);
	}
	if (format == ROWS_AUTO && is_split(&value))
		return bind(arena, signature, STR("dataframe_split"), value, ret, err);
	if (json_type(&value) == JSON_ARRAY)
		rows = value;
	else
		json_append(arena, &rows, value);
	rows_tell_unknown(arena, signature, &rows, notices);
	return bind(arena, signature, RECORDS, rows, ret, err);
}

static bool request_of_json(struct arena *arena, const struct signature *signature, struct str text,
	enum rows_format format, struct json *ret, struct error *err)
{
	struct json value, rows = json_array();
	struct error why;

	if (!json_read_wide(arena, text, &value, &why)) {
		if (format == ROWS_REQUEST || !looks_like_lines(arena, text)) {
			*err = why;
			return false;
		}
		if (!read_lines(arena, signature, text, &rows, err))
			return false;
		*ret = wrap(arena, RECORDS, rows);
		return true;
	}
	if (format == ROWS_REQUEST || (format == ROWS_AUTO && input_is_request(&value))) {
		*ret = value;
	} else if (format == ROWS_AUTO && is_split(&value)) {
		*ret = wrap(arena, STR("dataframe_split"), value);
	} else if (json_type(&value) == JSON_ARRAY) {
		*ret = wrap(arena, RECORDS, value);
	} else {
		json_append(arena, &rows, value);
		*ret = wrap(arena, RECORDS, rows);
	}
	return true;
}

static bool request_of_csv(struct arena *arena, const struct signature *signature, struct str text, struct json *ret,
	struct error *err)
{
	struct json split = json_object(), columns = json_array(), data = json_array();
	struct input input;

	if (!input_read(arena, signature, INPUT_CSV, text, &input, err))
		return false;
	for (size_t i = 0; i < input.column_count; i++)
		json_append(arena, &columns, json_string(input.columns[i]));
	for (size_t i = 0; i < input.row_count; i++) {
		struct json row = json_array();
		for (size_t j = 0; j < input.column_count; j++) {
			const struct json *cell = &input.cells[i * input.column_count + j];
			json_append(arena, &row, json_type(cell) == JSON_ABSENT ? json_null() : *cell);
		}
		json_append(arena, &data, row);
	}
	json_set(arena, &split, STR("columns"), columns);
	json_set(arena, &split, STR("data"), data);
	*ret = wrap(arena, STR("dataframe_split"), split);
	return true;
}

bool rows_request(struct arena *arena, const struct signature *signature, const char *path,
	enum rows_format format, struct json *ret, struct error *err)
{
	struct str text;

	if (format == ROWS_AUTO && str_ends(str_of(path), STR(".csv")))
		format = ROWS_CSV;
	const bool is_read = read_path(arena, path, &text, err) &&
			     (format == ROWS_CSV ? request_of_csv(arena, signature, text, ret, err)
						 : request_of_json(arena, signature, text, format, ret, err));
	return is_read ||
	       error_wrap(err, "rows from '%s'", strcmp(path, "-") == 0 ? "standard input" : path);
}

bool rows_read(struct arena *arena, const struct signature *signature, const char *path,
	enum rows_format format, const struct rows_notices *notices, struct input *ret,
	struct error *err)
{
	struct str text;

	if (format == ROWS_AUTO && str_ends(str_of(path), STR(".csv")))
		format = ROWS_CSV;
	const bool is_read =
		read_path(arena, path, &text, err) &&
		(format == ROWS_CSV ? input_read(arena, signature, INPUT_CSV, text, ret, err)
				    : read_json(arena, signature, text, format, notices, ret, err));
	return is_read ||
	       error_wrap(err, "rows from '%s'", strcmp(path, "-") == 0 ? "standard input" : path);
}
