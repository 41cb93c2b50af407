/* Strings: views where nothing is escaped, else decoded to blocks on the arena. UTF-8 is checked on
 * the way. */
#include "base/json_reader.h"
#include "base/json_scan.h"

enum { DECODED_BLOCK = 32 * 1024 };

static const char *read_escaped(
	struct json_reader *r, const char *start, const char *p, struct json *ret_string);

static const char *refuse_special(struct json_reader *r, const char *p)
{
	if (p >= r->end)
		return json_refuse(r, p, "expected '\"' at the end of a string");
	if ((unsigned char)*p < ' ')
		return json_refuse(r, p, "control character in a string (write it as an escape)");
	return json_refuse(r, p, "invalid UTF-8 in a string");
}

const char *json_read_string(struct json_reader *r, const char *p, struct json *ret_string)
{
	const char *start = ++p;

	for (;;) {
		unsigned special = json_special16(p);

		while (special == 0) {
			p += JSON_BLOCK;
			if (p >= r->end)
				return refuse_special(r, r->end);
			special = json_special16(p);
		}
		p += __builtin_ctz(special);
		if (p >= r->end)
			return refuse_special(r, r->end);
		if (*p == '"')
			break;
		if (*p == '\\')
			return read_escaped(r, start, p, ret_string);
		/* Such characters come in runs, in most scripts. */
		do {
			const unsigned size = json_utf8_size(p);

			if (size == 0 || size > r->end - p)
				return refuse_special(r, p);
			p += size;
		} while (p < r->end && (signed char)*p < 0);
	}
	*ret_string = json_value(r, JSON_STRING, start - 1, (size_t)(p - start));
	ret_string->is_plain = 1;
	ret_string->is_roomy = 1;
	ret_string->text = start;
	return p + 1;
}

/*
 * Makes room for two blocks behind `to`, whose string began at *begin; may move both. A string
 * never gets longer by decoding, so a block as long as the rest of the text lasts to the end.
 */
static inline char *decoded_room(struct json_reader *r, const char *rest, char **begin, char *to)
{
	if (__builtin_expect(r->decoded_end - to >= 2 * JSON_BLOCK, 1))
		return to;
	const size_t have = (size_t)(to - *begin);
	const size_t left = (size_t)(r->end > rest ? r->end - rest : 0);
	const size_t more = left < DECODED_BLOCK + have ? left : DECODED_BLOCK + have;
	const size_t size = have + more + 4 * JSON_BLOCK;
	char *block = arena_alloc(r->arena, size);

	if (have > 0)
		memcpy(block, *begin, have);
	r->decoded_end = block + size;
	*begin = block;
	return block + have;
}

/* Four hexadecimal digits, or -1. */
static int hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		const char c = p[i];
		int digit;

		if (json_is_digit(c))
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *put_utf8(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xC0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3F));
	} else if (code < 0x10000) {
		*to++ = (char)(0xE0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3F));
		*to++ = (char)(0x80 | (code & 0x3F));
	} else {
		*to++ = (char)(0xF0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3F));
		*to++ = (char)(0x80 | (code >> 6 & 0x3F));
		*to++ = (char)(0x80 | (code & 0x3F));
	}
	return to;
}

/* p stands at the backslash of a "\uXXXX". Reading past the end is harmless: the string then has no
 * closing quote. */
static const char *read_unicode(struct json_reader *r, const char *p, char **to)
{
	const int first = hex4(p + 2);

	if (r->end - p < 6 || first < 0)
		return json_refuse(r, p, "expected four hexadecimal digits behind '\\u'");
	if (first < 0xD800 || first > 0xDFFF) {
		*to = put_utf8(*to, (unsigned)first);
		return p + 6;
	}
	const int second = r->end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
	if (first > 0xDBFF || second < 0xDC00 || second > 0xDFFF)
		return json_refuse(r, p, "lone surrogate in a string");
	*to = put_utf8(
		*to, 0x10000 + ((unsigned)(first & 0x3FF) << 10 | (unsigned)(second & 0x3FF)));
	return p + 12;
}

static const char ESCAPES[128] = {
	['"'] = '"',
	['\\'] = '\\',
	['/'] = '/',
	['b'] = '\b',
	['f'] = '\f',
	['n'] = '\n',
	['r'] = '\r',
	['t'] = '\t',
};

/* p stands at a backslash. */
static inline const char *read_escape(struct json_reader *r, const char *p, char **to)
{
	const unsigned char kind = (unsigned char)p[1];

	if (r->end - p < 2)
		return refuse_special(r, r->end);
	if (kind == 'u')
		return read_unicode(r, p, to);
	if (kind >= sizeof(ESCAPES) || ESCAPES[kind] == '\0')
		return json_refuse(r, p, "unknown escape");
	*(*to)++ = ESCAPES[kind];
	return p + 2;
}

/* p stands at the first backslash of the string that began at `start`. */
static const char *read_escaped(
	struct json_reader *r, const char *start, const char *p, struct json *ret_string)
{
	char *begin = r->decoded, *to = begin;

	p = start;
	for (;;) {
		to = decoded_room(r, p, &begin, to);
		const unsigned special = json_special16(p);

		json_copy16(to, p);
		const unsigned step = special != 0 ? (unsigned)__builtin_ctz(special) : JSON_BLOCK;
		p += step;
		to += step;
		if (p >= r->end)
			return refuse_special(r, r->end);
		if (special == 0)
			continue;
		if (*p == '"')
			break;
		if (*p == '\\') {
			p = read_escape(r, p, &to);
			if (p == NULL)
				return NULL;
			continue;
		}
		const unsigned size = json_utf8_size(p);
		if (size == 0 || size > r->end - p)
			return refuse_special(r, p);
		memcpy(to, p, 4);
		p += size;
		to += size;
	}
	r->decoded = to;
	*ret_string = json_value(r, JSON_STRING, start - 1, (size_t)(to - begin));
	ret_string->is_roomy = 1;
	ret_string->text = begin;
	return p + 1;
}
