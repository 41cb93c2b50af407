/* Says what is wrong with a JSON text, and where: lines and columns from 1, columns in characters.
 */
#include "base/json_reader.h"
#include "base/json_scan.h"

#include <assert.h>

enum { QUOTE_MAX = 24 };

static bool is_line_over(const struct json_reader *r, const char *p)
{
	return p >= r->end || *p == '\n' || *p == '\r';
}

/* The text at p up to the end of its line, fit for a message: no control characters, valid UTF-8.
 */
static void quote(const struct json_reader *r, const char *p, char ret_quote[QUOTE_MAX + 4])
{
	size_t len = 0;

	while (!is_line_over(r, p) && len + 4 <= QUOTE_MAX) {
		unsigned size = (unsigned char)*p >= 0x80 ? json_utf8_size(p) : 1;

		if (size == 0 || p + size > r->end || (unsigned char)*p < ' ' || *p == 0x7F) {
			ret_quote[len] = '?';
			size = 1;
		} else {
			memcpy(ret_quote + len, p, size);
		}
		len += size;
		p += size;
	}
	memcpy(ret_quote + len, is_line_over(r, p) ? "\0\0\0" : "...", 4);
}

const char *json_refuse(struct json_reader *r, const char *at, const char *what)
{
	size_t line = 1, column = 1;
	const char *line_start = r->text;
	char near[QUOTE_MAX + 4];

	assert(at <= r->end);
	for (const char *p; (p = memchr(line_start, '\n', (size_t)(at - line_start))) != NULL;
		line++)
		line_start = p + 1;
	for (const char *p = line_start; p < at; p++)
		column += ((unsigned char)*p & 0xC0) != 0x80;
	if (at == r->end) {
		error_set(r->err, ERR_BAD_REQUEST, "%s, but the text ends at line %zu, column %zu",
			what, line, column);
		return NULL;
	}
	quote(r, at, near);
	/* What Python's print() makes of a dict. */
	const bool is_python = *at == '\'' && strncmp(what, "expected", 8) == 0;
	error_set(r->err, ERR_BAD_REQUEST, "%s%s near '%s' at line %zu, column %zu", what,
		is_python ? " (JSON wants double quotes)" : "", near, line, column);
	return NULL;
}
