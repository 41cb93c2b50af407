#include "base/base64.h"

#include <limits.h>
#include <openssl/evp.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0 … 63, or -1. */
static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_skipped(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str without_spaces(struct arena *arena, struct str text)
{
	size_t first = 0;

	while (first < text.len && !is_skipped(text.data[first]))
		first++;
	if (first == text.len)
		return text;
	char *copy = arena_alloc(arena, text.len);
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++)
		if (!is_skipped(text.data[i]))
			copy[len++] = text.data[i];
	return (struct str){copy, len};
}

bool base64_normalize(struct arena *arena, struct str text, struct str *ret)
{
	const struct str packed = without_spaces(arena, text);
	size_t digits = 0;

	while (digits < packed.len && digit_of(packed.data[digits]) >= 0)
		digits++;
	const size_t padding = packed.len - digits;
	if (packed.len % 4 != 0 || padding > 2)
		return false;
	for (size_t i = digits; i < packed.len; i++)
		if (packed.data[i] != '=')
			return false;

	*ret = packed;
	if (padding == 0)
		return true;
	const int unused = padding == 1 ? 0x03 : 0x0F;
	const int last = digit_of(packed.data[digits - 1]);
	if ((last & unused) != 0) {
		char *copy = arena_memdup(arena, packed.data, packed.len);
		copy[digits - 1] = ALPHABET[last & ~unused];
		ret->data = copy;
	}
	return true;
}

struct str base64_encode(struct arena *arena, struct str bytes)
{
	unsigned char *text = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);
	const int len = EVP_EncodeBlock(text, (const unsigned char *)bytes.data, (int)bytes.len);

	return (struct str){(const char *)text, (size_t)len};
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret)
{
	struct str whole;

	if (text.len > INT_MAX || !base64_normalize(arena, text, &whole))
		return false;
	unsigned char *bytes = arena_alloc(arena, whole.len / 4 * 3 + 1);
	const int len = EVP_DecodeBlock(bytes, (const unsigned char *)whole.data, (int)whole.len);
	if (len < 0)
		return false;
	/* What pads the text is decoded, too, to zero bytes. */
	*ret = (struct str){(const char *)bytes, (size_t)len - str_count(whole, '=')};
	return true;
}
