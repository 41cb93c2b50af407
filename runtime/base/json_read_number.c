/* Numbers: integers that fit int64, doubles to the nearest. */
#include "base/json_double.h"
#include "base/json_reader.h"
#include "base/json_scan.h"

#include <math.h>

/* More than any exponent that matters beside 2^28 digits, and far from overflow. */
enum { EXPONENT_MAX = 1 << 30 };

static const char *read_double(struct json_reader *r, const char *start, const char *p,
	uint64_t digits, struct json *ret_number);

/* Not zero in the bytes that are no digits, as far as the first one. */
static inline uint64_t not_digits(uint64_t word)
{
	const uint64_t high = 0xF0F0F0F0F0F0F0F0u;

	return ((word & high) | ((word + 0x0606060606060606u) & high) >> 4) ^ 0x3333333333333333u;
}

/* The value of eight digits, the first one in the lowest byte: pairs, then fours, then all. Zero
 * bytes count as '0'. */
static inline uint64_t eight_digits(uint64_t word)
{
	word = (word & 0x0F0F0F0F0F0F0F0Fu) * (10 * 256 + 1) >> 8;
	word = (word & 0x00FF00FF00FF00FFu) * (100 * 65536 + 1) >> 16;
	return (word & 0x0000FFFF0000FFFFu) * (10000 * ((uint64_t)1 << 32) + 1) >> 32;
}

/* Behind the digits at p, which go to the end of *sum (modulo 2^64). */
static inline const char *read_digits(const struct json_reader *r, const char *p, uint64_t *sum)
{
	static const uint32_t POWERS[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

	while (r->end - p >= 8) {
		const uint64_t word = json_load64(p), other = not_digits(word);
		const unsigned count = other != 0 ? (unsigned)__builtin_ctzll(other) / 8 : 8;

		if (count == 0)
			return p;
		*sum = *sum * POWERS[count] + eight_digits(word << (64 - 8 * count));
		p += count;
		if (count < 8)
			return p;
	}
	for (; p < r->end && json_is_digit(*p); p++)
		*sum = *sum * 10 + (uint64_t)(*p - '0');
	return p;
}

static const char *read_negative_infinity(
	struct json_reader *r, const char *p, struct json *ret_number)
{
	const struct str word = STR("-Infinity");

	if ((size_t)(r->end - p) < word.len || memcmp(p, word.data, word.len) != 0)
		return json_refuse(r, p, "expected a digit behind '-'");
	*ret_number = json_value(r, JSON_NULL, p, 0);
	return p + word.len;
}

const char *json_read_number(struct json_reader *r, const char *p, struct json *ret_number)
{
	const char *start = p;
	const bool is_negative = *p == '-';
	const char *first = p + is_negative;
	uint64_t sum = 0;

	p = read_digits(r, first, &sum);
	if (p == first)
		return read_negative_infinity(r, start, ret_number);
	if (*first == '0' && p - first > 1)
		return json_refuse(r, start, "leading zero in a number");
	if (p < r->end && (*p == '.' || (*p | 0x20) == 'e'))
		return read_double(r, start, p, sum, ret_number);
	if (p - first > JSON_DIGITS_MAX || sum > (uint64_t)INT64_MAX + is_negative)
		return r->is_wide ? read_double(r, start, p, sum, ret_number)
				  : json_refuse(r, start, "integer beyond the range of int64");
	*ret_number = json_value(r, JSON_INTEGER, start, 0);
	ret_number->integer = (int64_t)(is_negative ? 0 - sum : sum);
	return p;
}

/* p stands behind 'e' or 'E'. */
static const char *read_exponent(struct json_reader *r, const char *p, int *ret_exponent)
{
	const bool is_negative = p < r->end && *p == '-';
	int exponent = 0;

	if (p < r->end && (*p == '+' || *p == '-'))
		p++;
	if (p >= r->end || !json_is_digit(*p))
		return json_refuse(r, p, "expected a digit in an exponent");
	for (; p < r->end && json_is_digit(*p); p++)
		if (exponent < EXPONENT_MAX / 10)
			exponent = exponent * 10 + (*p - '0');
	*ret_exponent = is_negative ? -exponent : exponent;
	return p;
}

/* The value of the number from `start` to `end`, whose digits are those of `digits` unless there
 * are too many. */
static double value_of(
	const char *start, const char *end, size_t digit_count, uint64_t digits, int exponent)
{
	const bool is_negative = *start == '-';
	double value;

	if (digit_count > JSON_DIGITS_MAX)
		return json_double_of_text(start, (size_t)(end - start));
	if (digits == 0)
		return is_negative ? -0.0 : 0.0;
	if (!json_double_of_digits(digits, exponent, &value))
		return json_double_of_text(start, (size_t)(end - start));
	return is_negative ? -value : value;
}

/* Leading zeros count for nothing, in "0.000123" too. */
static size_t significant(const char *first, const char *end)
{
	size_t count = 0;

	for (; first < end && (*first == '0' || *first == '.'); first++)
		;
	for (; first < end; first++)
		count += *first != '.';
	return count;
}

/* p stands behind the integer part, whose value is `digits`, at '.', 'e' or 'E', or behind a long integer. */
static const char *read_double(struct json_reader *r, const char *start, const char *p,
	uint64_t digits, struct json *ret_number)
{
	const char *first = start + (*start == '-');
	int scale = 0, exponent = 0;

	if (p < r->end && *p == '.') {
		const char *fraction = p + 1;

		p = read_digits(r, fraction, &digits);
		if (p == fraction)
			return json_refuse(r, p, "expected a digit behind '.'");
		scale = (int)(p - fraction);
	}
	size_t digit_count = (size_t)(p - first) - (scale > 0);
	if (digit_count > JSON_DIGITS_MAX)
		digit_count = significant(first, p);
	if (p < r->end && (*p | 0x20) == 'e') {
		p = read_exponent(r, p + 1, &exponent);
		if (p == NULL)
			return NULL;
	}
	const double value = value_of(start, p, digit_count, digits, exponent - scale);

	if (isinf(value))
		return json_refuse(r, start, "number beyond the range of double");
	*ret_number = json_value(r, JSON_DOUBLE, start, 0);
	ret_number->number = value;
	return p;
}
