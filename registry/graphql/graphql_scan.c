/* skip what does not count → the longest token at that place */
#include "graphql/graphql_scan.h"

static size_t line_of(const struct graphql_scan *scan)
{
	const struct str before = {scan->whole.data, scan->whole.len - scan->rest.len};

	return str_count(before, '\n') + 1;
}

bool graphql_scan_fail(const struct graphql_scan *scan, const char *expected)
{
	const struct str shown = str_clip(scan->text, 64);

	if (scan->kind == GRAPHQL_END)
		return error_set(scan->err, ERR_BAD_REQUEST, "Syntax Error: expected %s, found <EOF>", expected);
	return error_set(scan->err, ERR_BAD_REQUEST, "Syntax Error: expected %s, found '%.*s' in line %zu", expected,
		STR_ARGS(shown), line_of(scan));
}

static bool fail(const struct graphql_scan *scan, const char *what)
{
	return error_set(scan->err, ERR_BAD_REQUEST, "Syntax Error: %s in line %zu", what, line_of(scan));
}

static void skip(struct graphql_scan *scan, size_t count)
{
	scan->rest = (struct str){scan->rest.data + count, scan->rest.len - count};
}

static char at(const struct graphql_scan *scan, size_t index)
{
	return index < scan->rest.len ? scan->rest.data[index] : '\0';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_ignored(struct graphql_scan *scan)
{
	if (str_starts(scan->rest, STR("\xEF\xBB\xBF")))
		skip(scan, 3);
	while (scan->rest.len > 0 && memchr(" \t\r\n,#", scan->rest.data[0], 6) != NULL) {
		const bool is_comment = scan->rest.data[0] == '#';

		skip(scan, 1);
		while (is_comment && scan->rest.len > 0 && scan->rest.data[0] != '\n' && scan->rest.data[0] != '\r')
			skip(scan, 1);
	}
}

static bool take(struct graphql_scan *scan, enum graphql_token_kind kind, size_t len)
{
	scan->kind = kind;
	scan->text = (struct str){scan->rest.data, len};
	skip(scan, len);
	return true;
}

static size_t digits_from(const struct graphql_scan *scan, size_t index)
{
	size_t count = 0;

	while (is_digit(at(scan, index + count)))
		count++;
	return count;
}

static bool take_number(struct graphql_scan *scan)
{
	const size_t sign = at(scan, 0) == '-' ? 1 : 0;
	const size_t whole = digits_from(scan, sign);
	size_t len = sign + whole;
	bool is_float = false;

	if (whole == 0 || (whole > 1 && at(scan, sign) == '0'))
		return fail(scan, "invalid number");
	if (at(scan, len) == '.') {
		const size_t part = digits_from(scan, len + 1);

		if (part == 0)
			return fail(scan, "invalid number");
		len += 1 + part;
		is_float = true;
	}
	if (at(scan, len) == 'e' || at(scan, len) == 'E') {
		const size_t mark = at(scan, len + 1) == '-' || at(scan, len + 1) == '+' ? 2 : 1;
		const size_t part = digits_from(scan, len + mark);

		if (part == 0)
			return fail(scan, "invalid number");
		len += mark + part;
		is_float = true;
	}
	if (at(scan, len) == '.' || is_name_start(at(scan, len)))
		return fail(scan, "invalid number");
	return take(scan, is_float ? GRAPHQL_FLOAT : GRAPHQL_INT, len);
}

static bool hex_of(struct str text, uint32_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];
		const int digit = is_digit(c)             ? c - '0'
				  : c >= 'a' && c <= 'f' ? c - 'a' + 10
				  : c >= 'A' && c <= 'F' ? c - 'A' + 10
							 : -1;

		if (digit < 0)
			return false;
		*ret = *ret * 16 + (uint32_t)digit;
	}
	return text.len > 0;
}

static void add_utf8(struct buf *out, uint32_t code)
{
	if (code < 0x80) {
		buf_add_char(out, (char)code);
	} else if (code < 0x800) {
		buf_add_char(out, (char)(0xC0 | code >> 6));
		buf_add_char(out, (char)(0x80 | (code & 63)));
	} else if (code < 0x10000) {
		buf_add_char(out, (char)(0xE0 | code >> 12));
		buf_add_char(out, (char)(0x80 | (code >> 6 & 63)));
		buf_add_char(out, (char)(0x80 | (code & 63)));
	} else {
		buf_add_char(out, (char)(0xF0 | code >> 18));
		buf_add_char(out, (char)(0x80 | (code >> 12 & 63)));
		buf_add_char(out, (char)(0x80 | (code >> 6 & 63)));
		buf_add_char(out, (char)(0x80 | (code & 63)));
	}
}

/* "\uXXXX", a pair of them, or "\u{X…}"; the scan stands behind the 'u'. */
static bool add_code(struct graphql_scan *scan, struct buf *out)
{
	uint32_t code, low;
	size_t len = 4;

	if (at(scan, 0) == '{') {
		const char *end = memchr(scan->rest.data, '}', scan->rest.len);

		len = end != NULL ? (size_t)(end - scan->rest.data) + 1 : 0;
		if (len < 3 || len > 8 || !hex_of((struct str){scan->rest.data + 1, len - 2}, &code))
			return false;
	} else if (scan->rest.len < 4 || !hex_of((struct str){scan->rest.data, 4}, &code)) {
		return false;
	} else if (code >= 0xD800 && code < 0xDC00) {
		if (scan->rest.len < 10 || at(scan, 4) != '\\' || at(scan, 5) != 'u' ||
			!hex_of((struct str){scan->rest.data + 6, 4}, &low) || low < 0xDC00 || low > 0xDFFF)
			return false;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		len = 10;
	}
	if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return false;
	skip(scan, len);
	add_utf8(out, code);
	return true;
}

static bool add_escape(struct graphql_scan *scan, struct buf *out)
{
	static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
	const char c = at(scan, 1);
	const char *found = c != '\0' ? strchr(NAMES, c) : NULL;

	if (c != 'u' && found == NULL)
		return fail(scan, "invalid escape in a string");
	skip(scan, 2);
	if (found != NULL)
		buf_add_char(out, VALUES[found - NAMES]);
	else if (!add_code(scan, out))
		return fail(scan, "invalid Unicode escape in a string");
	return true;
}

static bool read_string(struct graphql_scan *scan, struct buf *out)
{
	skip(scan, 1);
	while (at(scan, 0) != '"') {
		const unsigned char c = (unsigned char)at(scan, 0);

		if (scan->rest.len == 0 || (c < 0x20 && c != '\t'))
			return fail(scan, "unterminated string");
		if (c == '\\') {
			if (!add_escape(scan, out))
				return false;
			continue;
		}
		buf_add_char(out, (char)c);
		skip(scan, 1);
	}
	skip(scan, 1);
	return true;
}

static bool read_block(struct graphql_scan *scan, struct buf *out)
{
	skip(scan, 3);
	while (!str_starts(scan->rest, STR("\"\"\""))) {
		if (scan->rest.len == 0)
			return fail(scan, "unterminated string");
		if (str_starts(scan->rest, STR("\\\"\"\""))) {
			buf_add_text(out, "\"\"\"");
			skip(scan, 4);
			continue;
		}
		if (str_starts(scan->rest, STR("\r\n")))
			skip(scan, 1);
		buf_add_char(out, at(scan, 0) == '\r' ? '\n' : at(scan, 0));
		skip(scan, 1);
	}
	skip(scan, 3);
	return true;
}

static size_t indent_of(struct str line)
{
	size_t count = 0;

	while (count < line.len && (line.data[count] == ' ' || line.data[count] == '\t'))
		count++;
	return count;
}

/* 2.9.4 BlockStringValue(): the indent that all lines but the first share goes, and so do blank lines at both ends. */
static void add_block(struct buf *out, struct str raw)
{
	struct str rest = raw, line;
	size_t common = SIZE_MAX, number = 0, first = SIZE_MAX, last = 0;
	bool is_more = true;

	for (; is_more; number++) {
		is_more = str_cut(&rest, '\n', &line);
		const size_t indent = indent_of(line);
		if (indent == line.len)
			continue;
		if (number > 0 && indent < common)
			common = indent;
		first = first == SIZE_MAX ? number : first;
		last = number;
	}
	rest = raw;
	for (number = 0; first != SIZE_MAX && number <= last; number++) {
		str_cut(&rest, '\n', &line);
		const size_t cut = number == 0 || common == SIZE_MAX ? 0 : common < line.len ? common : line.len;
		if (number > first)
			buf_add_char(out, '\n');
		if (number >= first)
			buf_add(out, line.data + cut, line.len - cut);
	}
}

static bool take_string(struct graphql_scan *scan)
{
	const bool is_block = str_starts(scan->rest, STR("\"\"\""));
	struct buf raw = {0}, said = {0};
	const bool is_read = is_block ? read_block(scan, &raw) : read_string(scan, &raw);

	if (is_read && is_block)
		add_block(&said, buf_str(&raw));
	const struct str text = buf_str(is_block ? &said : &raw);
	scan->kind = GRAPHQL_STRING;
	scan->text = (struct str){arena_memdup(scan->arena, text.data != NULL ? text.data : "", text.len), text.len};
	buf_done(&raw);
	buf_done(&said);
	return is_read;
}

bool graphql_scan_next(struct graphql_scan *scan)
{
	skip_ignored(scan);
	const char c = at(scan, 0);
	size_t len = 1;

	if (scan->rest.len == 0)
		return take(scan, GRAPHQL_END, 0);
	if (is_name_start(c)) {
		while (is_name_start(at(scan, len)) || is_digit(at(scan, len)))
			len++;
		return take(scan, GRAPHQL_NAME, len);
	}
	if (c == '-' || is_digit(c))
		return take_number(scan);
	if (c == '"')
		return take_string(scan);
	if (str_starts(scan->rest, STR("...")))
		return take(scan, GRAPHQL_MARK, 3);
	if (c != '\0' && strchr("!$&():=@[]{|}", c) != NULL)
		return take(scan, GRAPHQL_MARK, 1);
	return fail(scan, "unexpected character");
}

bool graphql_scan_start(struct graphql_scan *scan, struct arena *arena, struct str text, struct error *err)
{
	*scan = (struct graphql_scan){.arena = arena, .rest = text, .whole = text, .err = err};
	return graphql_scan_next(scan);
}

bool graphql_scan_is(const struct graphql_scan *scan, const char *mark)
{
	return scan->kind == GRAPHQL_MARK && str_is(scan->text, mark);
}
