#include "store/search_python.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>

/* ---- showing ---- */

static void add_shown(struct buf *out, char c, char quote)
{
	if (c == quote || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c == '\n' || c == '\r' || c == '\t')
		buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
	else if ((unsigned char)c < 0x20 || c == 0x7f)
		buf_printf(out, "\\x%02x", (unsigned)c);
	else
		buf_add_char(out, c);
}

const char *python_repr(struct arena *arena, struct str text)
{
	const bool has_single = text.len > 0 && memchr(text.data, '\'', text.len) != NULL;
	const bool has_double = text.len > 0 && memchr(text.data, '"', text.len) != NULL;
	const char quote = has_single && !has_double ? '"' : '\'';
	struct buf out = {0};

	buf_add_char(&out, quote);
	for (size_t i = 0; i < text.len; i++)
		add_shown(&out, text.data[i], quote);
	buf_add_char(&out, quote);
	const char *copy = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return copy;
}

const char *python_double(struct arena *arena, double value)
{
	struct buf out = {0};

	if (!isfinite(value))
		return isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
	json_write_double(&out, value);
	const char *copy = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return copy;
}

/* ---- int() and float() ---- */

bool python_int(struct str text, int64_t *ret)
{
	struct str rest = str_trim_space(text);
	const bool is_negative = rest.len > 0 && rest.data[0] == '-';
	const size_t sign = rest.len > 0 && (is_negative || rest.data[0] == '+');
	int64_t value = 0;

	for (size_t i = sign; i < rest.len; i++) {
		const char c = rest.data[i];

		if (c == '_' && i > sign && rest.data[i - 1] != '_' && i + 1 < rest.len)
			continue;
		if (c < '0' || c > '9')
			return false;
		const int64_t digit = is_negative ? '0' - c : c - '0';
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret = value;
	return rest.len > sign;
}

bool python_float(struct arena *arena, struct str text, double *ret)
{
	const struct str trimmed = str_trim_space(text);
	const char *copy = arena_memdup(arena, trimmed.data, trimmed.len);
	char *end;

	/* strtod() takes hexadecimal numbers and nan(…), too. */
	for (size_t i = 0; i < trimmed.len; i++)
		if (copy[i] == '\0' || copy[i] == '(' || (copy[i] | 0x20) == 'x')
			return false;
	*ret = strtod(copy, &end);
	return end != copy && *end == '\0' && strchr(" \t\n\v\f\r", copy[0]) == NULL;
}

/* ---- literals ---- */

enum { DEPTH_MAX = 16 };

struct literal {
	struct arena *arena;
	struct str text;
	size_t at;
	struct str *strings;
	size_t count, max;
	int depth;
};

static char peek(struct literal *literal)
{
	while (literal->at < literal->text.len && strchr(" \t\n\r\f", literal->text.data[literal->at]) != NULL &&
		literal->text.data[literal->at] != '\0')
		literal->at++;
	return literal->at < literal->text.len ? literal->text.data[literal->at] : '\0';
}

static void add_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_add_char(out, (char)code);
		return;
	}
	if (code >= 0x10000) {
		buf_add_char(out, (char)(0xf0 | code >> 18));
		buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
	} else if (code >= 0x800) {
		buf_add_char(out, (char)(0xe0 | code >> 12));
	}
	buf_add_char(out, (char)(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6));
	buf_add_char(out, (char)(0x80 | (code & 0x3f)));
}

/* \xhh, \uhhhh, \Uhhhhhhhh; `at` stands at the letter. */
static bool add_hex(struct literal *literal, struct buf *out, size_t digits)
{
	unsigned code = 0;

	if (literal->text.len - literal->at <= digits)
		return false;
	for (size_t i = 1; i <= digits; i++) {
		const char c = literal->text.data[literal->at + i];
		const char *place = c != '\0' ? strchr("0123456789abcdef", c | 0x20) : NULL;

		if (place == NULL || (c < '0'))
			return false;
		code = code << 4 | (unsigned)(place - "0123456789abcdef");
	}
	literal->at += digits + 1;
	/* No text can hold a surrogate or what is above Unicode. */
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return false;
	add_utf8(out, code);
	return true;
}

/* Behind a backslash. What Python does not know stays with its backslash. */
static bool add_escape(struct literal *literal, struct buf *out)
{
	static const char FROM[] = "abfnrtv\\'\"", TO[] = "\a\b\f\n\r\t\v\\'\"";
	const char c = literal->text.data[literal->at];
	const char *place = c != '\0' ? strchr(FROM, c) : NULL;

	if (c == 'x' || c == 'u' || c == 'U')
		return add_hex(literal, out, c == 'x' ? 2 : c == 'u' ? 4 : 8);
	if (c == 'N' || (c >= '0' && c <= '7'))
		return false;
	literal->at++;
	if (place != NULL) {
		buf_add_char(out, TO[place - FROM]);
	} else if (c != '\n') {
		buf_add_char(out, '\\');
		buf_add_char(out, c);
	}
	return true;
}

static bool add_string(struct literal *literal, struct buf *out)
{
	const char quote = literal->text.data[literal->at++];

	while (literal->at < literal->text.len) {
		const char c = literal->text.data[literal->at];

		if (c == '\n' || c == '\r')
			return false;
		literal->at++;
		if (c == quote)
			return true;
		if (c != '\\')
			buf_add_char(out, c);
		else if (literal->at == literal->text.len || !add_escape(literal, out))
			return false;
	}
	return false;
}

/* Strings side by side are one. */
static enum python_tuple read_strings(struct literal *literal)
{
	struct buf out = {0};
	bool is_fine = true;

	while (is_fine && (peek(literal) == '\'' || peek(literal) == '"'))
		is_fine = add_string(literal, &out);
	if (is_fine && literal->count < literal->max)
		literal->strings[literal->count] =
			(struct str){arena_memdup(literal->arena, out.data, out.len), out.len};
	buf_done(&out);
	if (!is_fine)
		return PYTHON_ILL_FORMED;
	return literal->count++ < literal->max ? PYTHON_TUPLE : PYTHON_TOO_LONG;
}

static enum python_tuple read_group(struct literal *literal, bool *ret_is_tuple);

static enum python_tuple read_element(struct literal *literal, bool *ret_is_tuple)
{
	const char c = peek(literal);

	*ret_is_tuple = false;
	if (c == '\'' || c == '"')
		return read_strings(literal);
	if (c == '(')
		return ++literal->depth > DEPTH_MAX ? PYTHON_ILL_FORMED : read_group(literal, ret_is_tuple);
	return (c >= '0' && c <= '9') || c == '-' || c == 'N' || c == 'T' || c == 'F' ? PYTHON_OTHER_TYPE
										      : PYTHON_ILL_FORMED;
}

/* ( … ): parentheses only, or with a comma a tuple. */
static enum python_tuple read_group(struct literal *literal, bool *ret_is_tuple)
{
	bool is_first = true, is_inner_tuple = false, has_inner_tuple = false, has_comma = false;

	literal->at++;
	while (peek(literal) != ')') {
		if (!is_first && !has_comma)
			return PYTHON_ILL_FORMED;
		const enum python_tuple element = read_element(literal, &is_inner_tuple);
		if (element != PYTHON_TUPLE)
			return element;
		has_inner_tuple = has_inner_tuple || is_inner_tuple;
		const bool is_comma = peek(literal) == ',';
		if (!is_comma && peek(literal) != ')')
			return PYTHON_ILL_FORMED;
		literal->at += is_comma;
		has_comma = has_comma || is_comma;
		is_first = false;
	}
	literal->at++;
	*ret_is_tuple = has_comma || is_first || has_inner_tuple;
	/* ((), 'a') and (('a', 'b'), 'c') hold tuples; (('a', 'b')) is one. */
	return has_comma && has_inner_tuple ? PYTHON_OTHER_TYPE : PYTHON_TUPLE;
}

enum python_tuple python_strings(struct arena *arena, struct str text, size_t max, struct str **ret, size_t *ret_count)
{
	/* A string has two quotes and, but for the last, something behind it. */
	const size_t room = text.len / 2 < max ? text.len / 2 : max;
	struct literal literal = {.arena = arena, .text = text, .max = max};
	bool is_tuple;

	literal.strings = *ret = arena_array(arena, room + 1, sizeof(**ret));
	const enum python_tuple result = read_group(&literal, &is_tuple);
	*ret_count = literal.count;
	if (result == PYTHON_TUPLE && peek(&literal) != '\0')
		return PYTHON_ILL_FORMED;
	return result == PYTHON_TUPLE && literal.count == 0 ? PYTHON_EMPTY : result;
}

/* ---- shlex.split() ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str split_word(struct arena *arena, struct str text, size_t *at)
{
	char *word = arena_alloc(arena, text.len + 1), quote = '\0';
	size_t len = 0;

	for (; *at < text.len && (quote != '\0' || !is_blank(text.data[*at])); ++*at) {
		const char c = text.data[*at];
		const bool has_next = *at + 1 < text.len;

		if (quote == '\0' && (c == '\'' || c == '"'))
			quote = c;
		else if (c == quote && quote != '\0')
			quote = '\0';
		else if (c == '\\' && has_next && quote == '\0')
			word[len++] = text.data[++*at];
		else if (c == '\\' && has_next && quote == '"' &&
			 (text.data[*at + 1] == '"' || text.data[*at + 1] == '\\'))
			word[len++] = text.data[++*at];
		else
			word[len++] = c;
	}
	return (struct str){word, len};
}

size_t python_split(struct arena *arena, struct str text, struct str *ret, size_t max)
{
	size_t count = 0, at = 0;

	for (;;) {
		while (at < text.len && is_blank(text.data[at]))
			at++;
		if (at == text.len)
			return count;
		const struct str word = split_word(arena, text, &at);
		if (count < max)
			ret[count] = word;
		/* Whoever asks for two words wants to know of a third, not of thousands. */
		if (++count > max)
			return count;
	}
}
