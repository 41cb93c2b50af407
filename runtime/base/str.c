#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq((struct str){s.data, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq((struct str){s.data + s.len - suffix.len, suffix.len}, suffix);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim_space(struct str s)
{
	while (s.len > 0 && is_space(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

struct str str_clip(struct str s, size_t size_max)
{
	size_t len = size_max;

	if (s.len <= size_max)
		return s;
	while (len > 0 && ((unsigned char)s.data[len] & 0xC0) == 0x80)
		len--;
	return (struct str){s.data, len};
}

size_t str_count(struct str s, char mark)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += s.data[i] == mark;
	return count;
}

bool str_cut(struct str *rest, char mark, struct str *ret_head)
{
	const char *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;

	if (at == NULL) {
		*ret_head = *rest;
		if (rest->len > 0)
			rest->data += rest->len;
		rest->len = 0;
		return false;
	}
	const size_t head = (size_t)(at - rest->data);
	*ret_head = (struct str){rest->data, head};
	rest->data += head + 1;
	rest->len -= head + 1;
	return true;
}

size_t str_utf8_step(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.data;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	const size_t need = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
	if (p[0] < 0xC2 || p[0] > 0xF4 || s.len < need)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	const bool is_bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
	return is_bad ? 0 : need;
}

bool str_is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	return s.len > 0;
}

/* Eight bytes at a time where they are ASCII. */
static size_t skip_ascii(struct str s)
{
	size_t i = 0;

	for (uint64_t word; s.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.data + i, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return i;
}

bool str_is_utf8(struct str s)
{
	while (s.len > 0) {
		const size_t plain = skip_ascii(s);
		s.data += plain;
		s.len -= plain;

		for (size_t left = 8; left > 0 && s.len > 0; left--) {
			const size_t step = str_utf8_step(s);
			if (step == 0)
				return false;
			s.data += step;
			s.len -= step;
		}
	}
	return true;
}

void buf_init(struct buf *buf)
{
	*buf = (struct buf){0};
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf_init(buf);
}

char *buf_grow(struct buf *buf, size_t more)
{
	size_t cap = buf->cap < 256 ? 256 : buf->cap;

	if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		abort();
	while (cap - buf->len < more)
		cap *= 2;
	char *data = realloc(buf->data, cap);
	if (data == NULL)
		abort();
	buf->data = data;
	buf->cap = cap;
	return data + buf->len;
}

/* Beyond ASCII: U+0080 to U+009F control terminals, too; marks of direction (U+200E, U+200F, U+202A
 * to U+202E, U+2066 to U+2069) reorder what surrounds them. */
static bool is_hidden(const unsigned char *c, size_t len)
{
	if (len == 2)
		return c[0] == 0xC2 && c[1] < 0xA0;
	if (len != 3 || c[0] != 0xE2)
		return false;
	return (c[1] == 0x80 && (c[2] == 0x8E || c[2] == 0x8F || (c[2] >= 0xAA && c[2] <= 0xAE))) ||
	       (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9);
}

void buf_add_visible(struct buf *buf, struct str text)
{
	for (size_t i = 0; i < text.len;) {
		const unsigned char *at = (const unsigned char *)text.data + i;
		const size_t len = str_utf8_step((struct str){text.data + i, text.len - i});
		const size_t step = len > 0 ? len : 1;

		if (len == 0 || *at < 0x20 || *at == 0x7F || is_hidden(at, len))
			for (size_t j = 0; j < step; j++)
				buf_printf(buf, "\\x%02x", at[j]);
		else
			buf_add(buf, at, step);
		i += step;
	}
}

void buf_add_visible_json(struct buf *buf, struct str json)
{
	for (size_t i = 0; i < json.len;) {
		const unsigned char *at = (const unsigned char *)json.data + i;
		const size_t len = str_utf8_step((struct str){json.data + i, json.len - i});

		if (is_hidden(at, len))
			buf_printf(buf, "\\u%04x",
				len == 2 ? at[1] : 0x2000u + (at[1] & 0x3Fu) * 64 + (at[2] & 0x3Fu));
		else if (*at == 0x7F)
			buf_add_text(buf, "\\u007f");
		else
			buf_add(buf, at, len > 0 ? len : 1);
		i += len > 0 ? len : 1;
	}
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	const int len = vsnprintf(NULL, 0, format, args);
	if (len < 0)
		abort();
	vsnprintf(buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format, again);
	buf->len += (size_t)len;
	va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

const char *buf_text(struct buf *buf)
{
	*buf_reserve(buf, 1) = '\0';
	return buf->data;
}
