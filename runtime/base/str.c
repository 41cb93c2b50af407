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

bool str_cut(struct str *rest, char mark, struct str *ret_head)
{
	const char *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;

	if (at == NULL) {
		*ret_head = *rest;
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

/* Bytes of the valid sequence at p, 0 where there is none. */
static size_t utf8_step(const unsigned char *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	const size_t need = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
	if (p[0] < 0xC2 || p[0] > 0xF4 || left < need)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	const bool is_bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
	return is_bad ? 0 : need;
}

bool str_is_utf8(struct str s)
{
	for (size_t i = 0; i < s.len;) {
		const size_t step = utf8_step((const unsigned char *)s.data + i, s.len - i);

		if (step == 0)
			return false;
		i += step;
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
