/* Integers as text, eight digits a step, in one register. */
#include "base/json_double.h"

enum { EIGHT = 100000000 };

static unsigned digit_count(uint64_t value)
{
	static const uint64_t POWERS[] = {0, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
		100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u,
		10000000000000u, 100000000000000u, 1000000000000000u, 10000000000000000u,
		100000000000000000u, 1000000000000000000u, 10000000000000000000u};
	/* 1233 / 4096 is a little more than log10(2): the estimate is right or one too small. */
	const unsigned estimate = (64u - (unsigned)__builtin_clzll(value | 1)) * 1233 >> 12;

	return estimate + (value >= POWERS[estimate]);
}

/* The eight digits of a value below 10^8, the first one in the lowest byte: fours, then pairs, then
 * all. */
static uint64_t eight_digits(uint32_t value)
{
	const uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
	const uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007F0000007Fu;
	const uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
	const uint64_t tens = (pairs * 103 >> 10) & 0x000F000F000F000Fu;

	return (tens | (pairs - 10 * tens) << 8) + 0x3030303030303030u;
}

static void put_eight(char *to, uint64_t digits)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	digits = __builtin_bswap64(digits);
#endif
	memcpy(to, &digits, sizeof(digits));
}

/* The last `count` digits, 1 to 8; always writes eight bytes. */
static void put_last(char *to, uint64_t value, unsigned count)
{
	put_eight(to, eight_digits((uint32_t)value) >> (64 - 8 * count));
}

char *json_put_integer(char *to, int64_t value)
{
	uint64_t rest = (uint64_t)value;

	if (value < 0) {
		*to++ = '-';
		rest = 0 - rest;
	}
	const unsigned count = digit_count(rest);
	char *end = to + count;

	if (count <= 8) {
		put_last(to, rest, count);
		return end;
	}
	const uint64_t high = rest / EIGHT;

	if (count <= 16) {
		put_last(to, high, count - 8);
	} else {
		put_last(to, high / EIGHT, count - 16);
		put_last(end - 16, high % EIGHT, 8);
	}
	put_last(end - 8, rest % EIGHT, 8);
	return end;
}
