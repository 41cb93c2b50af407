#pragma once
/*
 * Looking at JSON text sixteen bytes at a time: what the reader and the writer of json.h share.
 * Internal to base.
 *
 * A byte is special where neither side may simply copy it: '"', '\\', control characters, and the
 * parts of multi-byte UTF-8 (which are copied, but only after a look).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_BLOCK = 16 };

static inline bool json_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline uint64_t json_load64(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Special bytes of one word: bit i of the answer stands for byte i. */
static inline unsigned json_special8(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	const uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
	/* Exact for bytes below 0x80 (nothing borrows from a neighbour); the others are special
	 * anyway. */
	const uint64_t low = ~((word & ~tops) + ones * (0x80 - 0x20));
	const uint64_t not_quote = (quote & ~tops) + ones * 0x7F;
	const uint64_t not_backslash = (backslash & ~tops) + ones * 0x7F;
	const uint64_t found = (low | ~not_quote | ~not_backslash | word) & tops;

	return (unsigned)(((found >> 7) * 0x0102040810204080u) >> 56);
}

static inline unsigned json_special16_portable(const char *p)
{
	return json_special8(json_load64(p)) | json_special8(json_load64(p + 8)) << 8;
}

/* Special bytes among the sixteen at p: bit i of the answer stands for p[i]. */
static inline unsigned json_special16(const char *p)
{
#ifdef __SSE2__
	const __m128i block = _mm_loadu_si128((const __m128i *)p);
	/* As signed bytes, multi-byte UTF-8 is negative and so below a space as well. */
	const __m128i low = _mm_cmplt_epi8(block, _mm_set1_epi8(' '));
	const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
	const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash)));
#else
	return json_special16_portable(p);
#endif
}

/* How many of the sixteen bytes at p are white space, up to the first that is not. */
static inline unsigned json_spaces16(const char *p)
{
#ifdef __SSE2__
	const __m128i block = _mm_loadu_si128((const __m128i *)p);
	const __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8(' ')),
		_mm_cmpeq_epi8(block, _mm_set1_epi8('\t')));
	const __m128i line = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n')),
		_mm_cmpeq_epi8(block, _mm_set1_epi8('\r')));
	const unsigned spaces = (unsigned)_mm_movemask_epi8(_mm_or_si128(blank, line));

	return (unsigned)__builtin_ctz(~spaces);
#else
	unsigned count = 0;

	while (count < JSON_BLOCK && json_is_space(p[count]))
		count++;
	return count;
#endif
}

static inline void json_copy16(char *to, const char *from)
{
	memcpy(to, from, JSON_BLOCK);
}

/*
 * Bytes of the multi-byte UTF-8 sequence at p (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF), 0 where there is none. Reads at most four bytes and stops at the first wrong one.
 */
static inline unsigned json_utf8_size(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	if (p[0] < 0xC2 || p[0] > 0xF4 || (p[1] & 0xC0) != 0x80)
		return 0;
	if (p[0] < 0xE0)
		return 2;
	const unsigned start = (unsigned)p[0] << 8 | p[1];
	if ((p[2] & 0xC0) != 0x80)
		return 0;
	if (p[0] < 0xF0)
		return start < 0xE0A0 || (start >= 0xEDA0 && start < 0xEE00) ? 0 : 3;
	return start < 0xF090 || start > 0xF48F || (p[3] & 0xC0) != 0x80 ? 0 : 4;
}

static inline bool json_is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}
