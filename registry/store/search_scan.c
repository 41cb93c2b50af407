/*
 * The rules are those of sqlparse's table of regular expressions, in its order; where one of them gives back characters
 * that it had taken ("12ab" is 1 and 2ab), so does its function here. All but the white space is ASCII; bytes above are
 * letters.
 */
#include "store/search_scan.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What may begin a word, and what no number may stand before. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_word(char c)
{
	return is_letter(c) || is_digit(c) || c == '_';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static char at(const struct scan *scan, size_t index)
{
	return index < scan->text.len ? scan->text.data[index] : '\0';
}

static size_t skip_digits(const struct scan *scan, size_t i)
{
	while (is_digit(at(scan, i)))
		i++;
	return i;
}

static size_t skip_words(const struct scan *scan, size_t i)
{
	while (is_word(at(scan, i)))
		i++;
	return i;
}

static size_t skip_spaces(const struct scan *scan, size_t i)
{
	while (is_space(at(scan, i)))
		i++;
	return i;
}

/* Behind what begins at `start` with a quote; 0 where it never ends. A doubled quote belongs to it and so does one
 * behind a backslash, unless nothing closes the text then: then the last such one closes it. */
static size_t quoted(const struct scan *scan, size_t start, bool has_escapes)
{
	const char quote = at(scan, start);
	size_t last = 0;

	for (size_t i = start + 1; i < scan->text.len; i++) {
		const char c = scan->text.data[i];

		if (has_escapes && c == '\\' && at(scan, i + 1) == quote) {
			last = ++i + 1;
		} else if (c == quote) {
			if (at(scan, i + 1) != quote)
				return i + 1;
			last = ++i;
		}
	}
	return last;
}

/* [a name]: not behind a word, where it is an index. */
static size_t square_name(const struct scan *scan, size_t start)
{
	const char before = start > 0 ? scan->text.data[start - 1] : ' ';
	size_t i = start + 1;

	if (is_word(before) || before == ']' || before == ')')
		return 0;
	while (i < scan->text.len && scan->text.data[i] != ']' && scan->text.data[i] != '[')
		i++;
	return at(scan, i) == ']' && i > start + 1 ? i + 1 : 0;
}

/* ---- numbers ---- */

static bool is_number_end(const struct scan *scan, size_t i)
{
	return !is_letter(at(scan, i)) && at(scan, i) != '_';
}

/* Behind the digits from `i` on, one fewer where letters follow; `i` where too few are left. */
static size_t end_digits(const struct scan *scan, size_t i, size_t least)
{
	const size_t end = skip_digits(scan, i);

	if (end - i < least)
		return 0;
	if (is_number_end(scan, end))
		return end;
	/* A digit stands behind the one before: that is no letter. */
	return end - i > least ? end - 1 : 0;
}

static size_t exponent(const struct scan *scan, size_t start)
{
	size_t i = skip_digits(scan, start);

	if (i == start)
		return 0;
	if (at(scan, i) == '.' && is_digit(at(scan, i + 1)))
		i = skip_digits(scan, i + 1);
	if (at(scan, i) != 'e' && at(scan, i) != 'E')
		return 0;
	const size_t digits = i + 1 + (at(scan, i + 1) == '-');
	const size_t end = skip_digits(scan, digits);
	return end > digits ? end : 0;
}

static size_t number(const struct scan *scan, enum scan_kind *ret_kind)
{
	const size_t start = scan->at + (at(scan, scan->at) == '-');
	const size_t digits = skip_digits(scan, start);
	size_t end;

	*ret_kind = SCAN_HEX;
	if (at(scan, start) == '0' && (at(scan, start + 1) | 0x20) == 'x' && is_hex(at(scan, start + 2))) {
		for (end = start + 2; is_hex(at(scan, end));)
			end++;
		return end;
	}
	*ret_kind = SCAN_FLOAT;
	end = exponent(scan, start);
	if (end == 0 && at(scan, digits) == '.')
		end = end_digits(scan, digits + 1, digits == start);
	if (end > 0)
		return end;
	*ret_kind = SCAN_INTEGER;
	return end_digits(scan, start, 1);
}

/* ---- words ---- */

static struct str text_of(const struct scan *scan, size_t start, size_t end)
{
	return (struct str){scan->text.data + start, end - start};
}

static bool is_listed(struct str word, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(word, list[i]))
			return true;
	return false;
}

#define IS_LISTED(word_, list_) is_listed(word_, list_, sizeof(list_) / sizeof(*(list_)))

/* "NOT LIKE", "NOT NULL": one token of two words. `end` is behind NOT. */
static size_t not_pair(const struct scan *scan, size_t end, const struct str *seconds, size_t count)
{
	const size_t start = skip_spaces(scan, end), second = skip_words(scan, start);

	return start > end && is_listed(text_of(scan, start, second), seconds, count) ? second : 0;
}

/* Keywords of SQL that mean nothing here are names, so that messages say "Invalid attribute key" of them. */
static size_t word(const struct scan *scan, enum scan_kind *ret_kind)
{
	static const struct str ALWAYS[] = {
		STR("CASE"), STR("IN"), STR("VALUES"), STR("USING"), STR("FROM"), STR("AS")};
	static const struct str WORDS[] = {STR("AND"), STR("OR"), STR("NOT"), STR("IS"), STR("NULL"), STR("BETWEEN"),
		STR("TRUE"), STR("FALSE"), STR("PARAMETER"), STR("PARAMETERS")};
	static const struct str ORDERS[] = {STR("ASC"), STR("DESC")};
	static const struct str LIKES[] = {STR("LIKE"), STR("ILIKE"), STR("RLIKE"), STR("REGEXP")};
	static const struct str NULLS[] = {STR("NULL")};
	const bool is_member = scan->at > 0 && scan->text.data[scan->at - 1] == '.';
	const size_t end = skip_words(scan, scan->at), next = skip_spaces(scan, end);
	const struct str text = text_of(scan, scan->at, end);
	size_t pair;

	*ret_kind = SCAN_KEYWORD;
	if (IS_LISTED(text, ALWAYS))
		return end;
	*ret_kind = SCAN_NAME;
	if (is_letter(text.data[0]) &&
		(is_member || at(scan, end) == '(' || (at(scan, next) == '.' && !is_digit(at(scan, next + 1)))))
		return end;
	if (str_eq_nocase(text, STR("NOT"))) {
		*ret_kind = SCAN_COMPARE;
		if ((pair = not_pair(scan, end, LIKES, 4)) > 0)
			return pair;
		*ret_kind = SCAN_KEYWORD;
		return (pair = not_pair(scan, end, NULLS, 1)) > 0 ? pair : end;
	}
	*ret_kind = IS_LISTED(text, LIKES)    ? SCAN_COMPARE
		    : IS_LISTED(text, WORDS)  ? SCAN_KEYWORD
		    : IS_LISTED(text, ORDERS) ? SCAN_ORDER
					      : SCAN_NAME;
	if (*ret_kind != SCAN_NAME)
		return end;
	size_t i = end;
	while (is_word(at(scan, i)) || at(scan, i) == '$' || at(scan, i) == '#')
		i++;
	return i;
}

/* ---- everything else ---- */

static size_t comment(const struct scan *scan)
{
	const char c = at(scan, scan->at), next = at(scan, scan->at + 1);
	size_t i = scan->at + 2;

	if ((c == '-' && next == '-') || (c == '#' && next == ' ')) {
		while (i < scan->text.len && scan->text.data[i] != '\n' && scan->text.data[i] != '\r')
			i++;
		return i;
	}
	if (c != '/' || next != '*')
		return 0;
	for (; i + 1 < scan->text.len; i++)
		if (scan->text.data[i] == '*' && scan->text.data[i + 1] == '/')
			return i + 2;
	return 0;
}

/* ?, $a, :a: what other databases bind values to. */
static size_t placeholder(const struct scan *scan)
{
	const char c = at(scan, scan->at);
	const bool is_behind_word = scan->at > 0 && is_word(scan->text.data[scan->at - 1]);
	const size_t end = skip_words(scan, scan->at + 1);

	if (c == '%' && (at(scan, scan->at + 1) | 0x20) == 's')
		return scan->at + 2;
	if (!is_one_of(c, "$:?"))
		return 0;
	return end > scan->at + 1 && !is_behind_word ? end : c == '?' ? scan->at + 1 : 0;
}

static size_t run_of(const struct scan *scan, const char *set)
{
	size_t end = scan->at;

	while (is_one_of(at(scan, end), set))
		end++;
	return end;
}

static size_t sign(const struct scan *scan, enum scan_kind *ret_kind)
{
	static const struct {
		char c;
		enum scan_kind kind;
	} SIGNS[] = {
		{'.', SCAN_DOT},
		{',', SCAN_COMMA},
		{';', SCAN_SEMICOLON},
		{'(', SCAN_OPEN},
		{')', SCAN_CLOSE},
		{'[', SCAN_OPEN_SQUARE},
		{']', SCAN_CLOSE_SQUARE},
		{'*', SCAN_OPERATOR},
		{'-', SCAN_OPERATOR},
	};
	const char c = at(scan, scan->at);

	for (size_t i = 0; i < sizeof(SIGNS) / sizeof(*SIGNS); i++)
		if (SIGNS[i].c == c) {
			*ret_kind = SIGNS[i].kind;
			return scan->at + 1;
		}
	*ret_kind = SCAN_COMPARE;
	if (is_one_of(c, "<>=~!"))
		return run_of(scan, "<>=~!");
	*ret_kind = SCAN_OPERATOR;
	if (is_one_of(c, "+/@#%^&|"))
		return run_of(scan, "+/@#%^&|-");
	*ret_kind = SCAN_OTHER;
	return scan->at + 1;
}

/* Behind the token; 0 where it is a sign. */
static size_t token_end(const struct scan *scan, enum scan_kind *ret_kind)
{
	const char c = at(scan, scan->at);
	size_t end = comment(scan);

	*ret_kind = SCAN_OTHER;
	if (end > 0)
		return end;
	if (c == '`' || c == '[') {
		*ret_kind = SCAN_NAME;
		return c == '[' ? square_name(scan, scan->at) : quoted(scan, scan->at, false);
	}
	if (c == '\'' || c == '"') {
		*ret_kind = c == '"' ? SCAN_SYMBOL : SCAN_STRING;
		return quoted(scan, scan->at, true);
	}
	*ret_kind = SCAN_NAME;
	if ((end = placeholder(scan)) > 0)
		return end;
	*ret_kind = SCAN_OTHER;
	if (c == '\\' && (end = skip_words(scan, scan->at + 1)) > scan->at + 1)
		return end;
	if ((is_digit(c) || c == '-' || c == '.') && (end = number(scan, ret_kind)) > 0)
		return end;
	return is_word(c) ? word(scan, ret_kind) : 0;
}

struct scan_token scan_next(struct scan *scan)
{
	struct scan_token token = {SCAN_END, {NULL, 0}};

	scan->at = skip_spaces(scan, scan->at);
	if (scan->at == scan->text.len)
		return token;
	size_t end = token_end(scan, &token.kind);
	if (end == 0)
		end = sign(scan, &token.kind);
	token.text = text_of(scan, scan->at, end);
	scan->at = end;
	return token;
}
