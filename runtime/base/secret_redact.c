/*
 * Finding a secret in what came back from an upstream, also where it was written for something
 * else: one matcher reads the text through the escapes of JSON, URLs and HTML, mixed and nested
 * (JSON in JSON). Base64 is looked for as the characters that the secret alone decides, wherever it
 * begins in what was encoded ("Bearer …", "user:…"), and goes with all that surrounds it.
 */
#include "base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum {
	PART_MIN = 8,    /* of a secret that the text's end cuts off */
	BASE64_MIN = 8,  /* shorter ones are found by chance */
	NESTED_MAX = 8,  /* backslashes before one, 25 after %, amp; after & */
	ESCAPE_MAX = 40, /* bytes: an escape that the text's end cuts off is no longer */
};

struct needle {
	struct str bytes;
	unsigned marks; /* that are in it */
	bool is_base64;
};

static bool take(struct str *text, struct str prefix)
{
	if (!str_starts(*text, prefix))
		return false;
	text->data += prefix.len;
	text->len -= prefix.len;
	return true;
}

static void take_nested(struct str *text, struct str prefix)
{
	for (unsigned i = 0; i < NESTED_MAX && take(text, prefix); i++)
		;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* -1 where there are not `min` digits. */
static int32_t take_number(struct str *text, int base, size_t min, size_t max)
{
	int32_t number = 0;
	size_t len = 0;

	for (; len < max && len < text->len && digit_of(text->data[len]) < base; len++)
		number = number * base + digit_of(text->data[len]);
	text->data += len;
	text->len -= len;
	return len < min ? -1 : number;
}

/* How many bytes of `wanted` the character is in UTF-8; 0 where it is another. */
static size_t match_character(int32_t c, struct str wanted)
{
	char utf8[3];
	size_t len;

	if (c < 0 || c > 0xFFFF)
		return 0;
	if (c < 0x80) {
		utf8[0] = (char)c;
		len = 1;
	} else if (c < 0x800) {
		utf8[0] = (char)(0xC0 | c >> 6);
		utf8[1] = (char)(0x80 | (c & 0x3F));
		len = 2;
	} else {
		utf8[0] = (char)(0xE0 | c >> 12);
		utf8[1] = (char)(0x80 | (c >> 6 & 0x3F));
		utf8[2] = (char)(0x80 | (c & 0x3F));
		len = 3;
	}
	return str_starts(wanted, (struct str){utf8, len}) ? len : 0;
}

static size_t run_of_backslashes(struct str text, size_t max)
{
	size_t len = 0;

	while (len < max && len < text.len && text.data[len] == '\\')
		len++;
	return len;
}

/* A run of backslashes doubles with every escape, and takes those of what follows it. */
static size_t match_run(struct str *text, struct str wanted)
{
	const size_t len = run_of_backslashes(wanted, wanted.len);
	const size_t run = run_of_backslashes(*text, (len + 1) * NESTED_MAX);

	if (len == 0 || run < 2 * len)
		return 0;
	text->data += run;
	text->len -= run;
	return len;
}

static size_t match_backslash(struct str *text, struct str wanted)
{
	const size_t run = match_run(text, wanted);

	if (run > 0)
		return run;
	take_nested(text, STR("\\"));
	if (wanted.data[0] != 'u' && take(text, STR("u")))
		return match_character(take_number(text, 16, 4, 4), wanted);
	if (wanted.data[0] != 'x' && take(text, STR("x")))
		return match_character(take_number(text, 16, 2, 2), wanted);
	return take(text, (struct str){wanted.data, 1});
}

static size_t match_percent(struct str *text, struct str wanted)
{
	take(text, STR("%"));
	if (wanted.data[0] == '%' && take(text, STR("25")))
		return 1;
	take_nested(text, STR("25"));
	return take_number(text, 16, 2, 2) == (unsigned char)wanted.data[0];
}

static size_t match_entity(struct str *text, struct str wanted)
{
	static const struct {
		char character;
		struct str name;
	} NAMES[] = {{'&', {"amp;", 4}}, {'<', {"lt;", 3}}, {'>', {"gt;", 3}}, {'"', {"quot;", 5}},
		{'\'', {"apos;", 5}}};

	take(text, STR("&"));
	if (wanted.data[0] != '&')
		take_nested(text, STR("amp;"));
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		if (NAMES[i].character == wanted.data[0] && take(text, NAMES[i].name))
			return 1;
	if (!take(text, STR("#")))
		return 0;

	const bool is_hex = take(text, STR("x")) || take(text, STR("X"));
	const int32_t c = take_number(text, is_hex ? 16 : 10, 1, 6);

	return take(text, STR(";")) ? match_character(c, wanted) : 0;
}

/* What escapes begin with, as bits; 0 for other characters. */
static unsigned mark_of(char c)
{
	switch (c) {
	case '\\':
		return 1;
	case '%':
		return 2;
	case '&':
		return 4;
	default:
		return 0;
	}
}
enum { MARKS_ALL = 7 };

static unsigned marks_in(struct str text)
{
	unsigned marks = 0;

	for (size_t i = 0; i < text.len; i++)
		marks |= mark_of(text.data[i]);
	return marks;
}

static size_t match_escape(struct str *text, struct str wanted)
{
	switch (text->data[0]) {
	case '\\':
		return match_backslash(text, wanted);
	case '%':
		return match_percent(text, wanted);
	case '&':
		return match_entity(text, wanted);
	default:
		return 0;
	}
}

/* The bytes of text that the needle takes at its beginning; 0 where it is not there. `raw` are the
 * marks that stand for themselves. */
static size_t match_as(struct str text, struct str needle, unsigned raw)
{
	const size_t len = text.len, needle_len = needle.len;

	while (needle.len > 0) {
		const struct str here = text;
		const bool is_part = needle_len - needle.len >= PART_MIN;
		size_t matched = 0;

		if (text.len == 0)
			return is_part ? len : 0;

		const unsigned mark = mark_of(text.data[0]);

		if (mark == 0 || (mark & raw) != 0)
			matched = take(&text, (struct str){needle.data, 1});
		if (matched == 0 && mark != 0)
			matched = match_escape(&text, needle);
		if (matched == 0) {
			const bool is_cut = mark != 0 && text.len == 0 && here.len < ESCAPE_MAX;

			return is_part && is_cut ? len : 0;
		}
		needle.data += matched;
		needle.len -= matched;
	}
	return len - text.len;
}

/* A mark in a secret stands for itself or is escaped, each kind in one way all through a text. */
static size_t match(struct str text, const struct needle *needle)
{
	for (unsigned raw = 0; raw <= MARKS_ALL; raw++) {
		const size_t len =
			(raw & ~needle->marks) == 0 ? match_as(text, needle->bytes, raw) : 0;

		if (len > 0)
			return len;
	}
	return 0;
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("+/-_=", c) != NULL);
}

static struct str add_clean(struct buf *clean, struct str text, size_t at, size_t len)
{
	size_t end = at + len;

	for (; at > 0 && is_base64(text.data[at - 1]); at--)
		;
	for (; end < text.len && is_base64(text.data[end]); end++)
		;
	buf_add(clean, text.data, at);
	return (struct str){text.data + end, text.len - end};
}

/* Appends what is clean of `text`; what is left to look through is returned. */
static struct str hide_next(struct buf *clean, struct str text, const struct needle *needle)
{
	for (size_t at = 0; at < text.len; at++) {
		const struct str rest = {text.data + at, text.len - at};
		const bool may_begin =
			rest.data[0] == needle->bytes.data[0] || mark_of(rest.data[0]) != 0;
		const size_t len = may_begin ? match(rest, needle) : 0;

		if (len == 0)
			continue;
		if (needle->is_base64) {
			text = add_clean(clean, text, at, len);
		} else {
			buf_add(clean, text.data, at);
			text = (struct str){rest.data + len, rest.len - len};
		}
		buf_add_text(clean, "***");
		return text;
	}
	buf_add_str(clean, text);
	return (struct str){text.data, 0};
}

static struct str hide(struct arena *arena, struct str text, const struct needle *needle)
{
	struct buf clean = {0};
	struct str rest = text;

	if (needle->bytes.len == 0)
		return text;
	while (rest.len > 0)
		rest = hide_next(&clean, rest, needle);
	if (!str_eq(buf_str(&clean), text))
		text = (struct str){arena_memdup(arena, clean.data, clean.len), clean.len};
	buf_done(&clean);
	return text;
}

/* What Base64 makes of the secret behind `offset` other bytes, without the characters at both ends
 * that its neighbours have bits in. */
static struct str make_base64(char *out, struct str secret, size_t offset, bool is_for_urls)
{
	unsigned char *bytes = calloc(1, offset + secret.len);
	const size_t first = (offset * 8 + 5) / 6, end = (offset + secret.len) * 8 / 6;

	if (bytes == NULL)
		abort();
	memcpy(bytes + offset, secret.data, secret.len);
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)(offset + secret.len));
	OPENSSL_cleanse(bytes, offset + secret.len);
	free(bytes);
	for (char *c = out; is_for_urls && *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return end < first + BASE64_MIN ? (struct str){0} : (struct str){out + first, end - first};
}

static struct str hide_base64(struct arena *arena, struct str text, struct str secret)
{
	const size_t size = secret.len / 3 * 4 + 16;
	char *out = malloc(size);

	if (out == NULL)
		abort();
	for (size_t offset = 0; offset < 3; offset++)
		for (int is_for_urls = 0; is_for_urls < 2; is_for_urls++) {
			const struct needle needle = {
				make_base64(out, secret, offset, is_for_urls != 0), 0, true};

			text = hide(arena, text, &needle);
		}
	OPENSSL_cleanse(out, size);
	free(out);
	return text;
}

struct str secret_redact(struct arena *arena, struct str text, struct secret secret)
{
	const struct str bytes = secret_reveal(secret);
	const struct needle needle = {bytes, marks_in(bytes), false};

	if (!secret_is_set(secret) || text.len == 0)
		return text;
	return hide_base64(arena, hide(arena, text, &needle), bytes);
}
