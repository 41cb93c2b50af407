#pragma once
/* Percent-encoding (RFC 3986, 2.1). */
#include "base/str.h"

/* 0 to 15; -1 where it is none. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	const char low = (char)(c | 0x20);
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The byte of the escape that text begins with; -1 where it begins with none. */
static inline int percent_byte(struct str text)
{
	if (text.len < 3 || text.data[0] != '%')
		return -1;
	const int high = hex_digit(text.data[1]), low = hex_digit(text.data[2]);
	return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

/* Decodes once; what is no escape stays. `to` has room for text.len bytes, and gets as many as are returned. */
size_t percent_decode(char *to, struct str text);

/* Encodes all but ASCII letters, digits and the bytes in `kept`. */
void percent_encode(struct buf *out, struct str text, const char *kept);
/* What RFC 3986 calls unreserved, besides letters and digits. */
#define PERCENT_UNRESERVED "-._~"
