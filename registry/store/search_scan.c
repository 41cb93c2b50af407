#include "store/search_scan.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_comparison(char c)
{
	return c == '=' || c == '!' || c == '<' || c == '>' || c == '~';
}

static char at(struct str text, size_t index)
{
	return index < text.len ? text.data[index] : '\0';
}

/* The length of what begins with a quote, both quotes included; 0 where its end is missing. A doubled quote and one behind
 * a backslash belong to it. */
static size_t quoted(struct str text, char quote)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.data[i] == '\\' && quote != '`') {
			i++;
		} else if (text.data[i] == quote) {
			if (at(text, i + 1) != quote || quote == '`')
				return i + 1;
			i++;
		}
	}
	return 0;
}

static size_t name_part(struct str text)
{
	size_t len = 0;

	if (at(text, 0) == '`' || at(text, 0) == '"')
		return quoted(text, text.data[0]);
	while (len < text.len && (is_letter(text.data[len]) || is_digit(text.data[len]) || text.data[len] == '$'))
		len++;
	return len;
}

static struct str behind(struct str text, size_t len)
{
	return (struct str){text.data + len, text.len - len};
}

static size_t name(struct str text)
{
	size_t len = name_part(text);

	while (len > 0 && at(text, len) == '.') {
		const size_t more = name_part(behind(text, len + 1));

		if (more == 0)
			break;
		len += 1 + more;
	}
	return len;
}

static size_t number(struct str text, bool *ret_is_float)
{
	size_t len = at(text, 0) == '-';
	size_t digits = len;

	*ret_is_float = false;
	while (is_digit(at(text, len)))
		len++;
	digits = len - digits;
	if (at(text, len) == '.' && (digits > 0 || is_digit(at(text, len + 1)))) {
		*ret_is_float = true;
		for (len++; is_digit(at(text, len)); digits++)
			len++;
	}
	if (digits == 0)
		return 0;
	if (at(text, len) == 'e' || at(text, len) == 'E') {
		const size_t sign = at(text, len + 1) == '-' || at(text, len + 1) == '+';

		if (is_digit(at(text, len + 1 + sign))) {
			*ret_is_float = true;
			for (len += 2 + sign; is_digit(at(text, len));)
				len++;
		}
	}
	return len;
}

/* Up to the parenthesis that closes the first one; strings inside may hold any. 0 where it is missing. */
static size_t list(struct str text)
{
	size_t depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];

		if (c == '\'' || c == '"') {
			const size_t len = quoted(behind(text, i), c);
			if (len == 0)
				return 0;
			i += len - 1;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

static bool is_like(struct str word)
{
	return str_eq_nocase(word, STR("LIKE")) || str_eq_nocase(word, STR("ILIKE")) || str_eq_nocase(word, STR("RLIKE"));
}

static enum scan_kind kind_of_word(struct str word)
{
	static const struct str WORDS[] = {STR("AND"), STR("OR"), STR("NOT"), STR("IN"), STR("IS"), STR("NULL")};

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(*WORDS); i++)
		if (str_eq_nocase(word, WORDS[i]))
			return SCAN_WORD;
	return is_like(word) ? SCAN_LIKE : SCAN_NAME;
}

/* "NOT LIKE" is one operator, which none of the searches has. */
static size_t not_like(struct str text)
{
	size_t i = 3;

	while (i < text.len && is_space(text.data[i]))
		i++;
	const size_t len = name_part(behind(text, i));
	return is_like((struct str){text.data + i, len}) ? i + len : 0;
}

static size_t scan_name(struct str text, struct scan_token *token)
{
	size_t len = name(text);

	if (len == 0)
		return 0;
	token->kind = kind_of_word((struct str){text.data, len});
	if (token->kind == SCAN_WORD && str_eq_nocase((struct str){text.data, len}, STR("NOT")) && not_like(text) > 0) {
		token->kind = SCAN_LIKE;
		len = not_like(text);
	}
	return len;
}

static size_t scan_one(struct str text, struct scan_token *token)
{
	const char c = text.data[0];
	bool is_float;
	size_t len = 0;

	if (c == '\'') {
		token->kind = SCAN_STRING;
		len = quoted(text, c);
	} else if (c == '(') {
		token->kind = SCAN_LIST;
		len = list(text);
	} else if (is_comparison(c)) {
		token->kind = SCAN_COMPARE;
		while (is_comparison(at(text, len)))
			len++;
	} else if (is_digit(c) || c == '-' || c == '.') {
		len = number(text, &is_float);
		token->kind = is_float ? SCAN_FLOAT : SCAN_INTEGER;
	} else if (is_letter(c) || c == '`' || c == '"') {
		len = scan_name(text, token);
	}
	return len;
}

void scan_next(struct scan *scan)
{
	struct scan_token *token = &scan->token;

	while (scan->rest.len > 0 && is_space(scan->rest.data[0]))
		scan->rest = behind(scan->rest, 1);
	*token = (struct scan_token){SCAN_END, {scan->rest.data, 0}};
	if (scan->rest.len == 0)
		return;
	size_t len = scan_one(scan->rest, token);
	if (len == 0) {
		token->kind = SCAN_OTHER;
		len = 1;
	}
	token->text.len = len;
	scan->rest = behind(scan->rest, len);
}

void scan_start(struct scan *scan, struct str text)
{
	scan->rest = text;
	scan_next(scan);
}

bool scan_is_word(const struct scan *scan, const char *word)
{
	return scan->token.kind == SCAN_WORD && str_eq_nocase(scan->token.text, str_of(word));
}
