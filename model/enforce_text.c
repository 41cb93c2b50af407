#include "model/enforce_text.h"

#include <math.h>
#include <stdlib.h>

enum { SHOWN_MAX = 60 }; /* bytes */

struct str text_clip(struct str text)
{
	return str_clip(text, SHOWN_MAX);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_digits(struct str text, size_t from)
{
	size_t at = from;

	while (at < text.len && is_digit(text.data[at]))
		at++;
	return at - from;
}

/* The digits of [from, end) as int64. */
static enum text_number read_digits(struct str text, size_t from, size_t end, int64_t *ret)
{
	const bool is_negative = text.data[0] == '-';
	int64_t value = 0;

	for (size_t i = from; i < end; i++) {
		const int digit = text.data[i] - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, is_negative ? -digit : digit, &value))
			return TEXT_OUT_OF_RANGE;
	}
	*ret = value;
	return TEXT_NUMBER;
}

static enum text_number read_integer(struct str raw, bool allows_zeros, int64_t *ret)
{
	const struct str text = str_trim_space(raw);
	const size_t sign = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-');
	const size_t digits = count_digits(text, sign);
	size_t end = sign + digits;

	if (digits == 0)
		return TEXT_NO_NUMBER;
	if (allows_zeros && end < text.len && text.data[end] == '.') {
		end++;
		while (end < text.len && text.data[end] == '0')
			end++;
	}
	if (end != text.len)
		return TEXT_NO_NUMBER;
	return read_digits(text, sign, sign + digits, ret);
}

enum text_number text_integer(struct str text, int64_t *ret)
{
	return read_integer(text, true, ret);
}

enum text_number text_plain_integer(struct str text, int64_t *ret)
{
	return read_integer(text, false, ret);
}

static bool is_double(struct str text)
{
	size_t at = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-');
	size_t digits = count_digits(text, at);

	at += digits;
	if (at < text.len && text.data[at] == '.') {
		const size_t fraction = count_digits(text, at + 1);
		digits += fraction;
		at += 1 + fraction;
	}
	if (digits == 0)
		return false;
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
		at++;
		at += at < text.len && (text.data[at] == '+' || text.data[at] == '-');
		const size_t exponent = count_digits(text, at);
		if (exponent == 0)
			return false;
		at += exponent;
	}
	return at == text.len;
}

enum text_number text_double(struct str raw, double *ret)
{
	const struct str text = str_trim_space(raw);
	char local[64];

	if (!is_double(text))
		return TEXT_NO_NUMBER;
	/* strtod reads up to a NUL, and no program here leaves the "C" locale. */
	char *copy = text.len < sizeof(local) ? local : malloc(text.len + 1);
	if (copy == NULL)
		abort();
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	const double value = strtod(copy, NULL);
	if (copy != local)
		free(copy);
	if (!isfinite(value))
		return TEXT_OUT_OF_RANGE;
	*ret = value;
	return TEXT_NUMBER;
}
