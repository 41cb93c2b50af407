/* Numbers: integers that fit int64, doubles to the nearest. */
#include "base/json_reader.h"
#include "base/json_scan.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static const char *skip_digits(const struct json_reader *r, const char *p)
{
	while (p < r->end && json_is_digit(*p))
		p++;
	return p;
}

double json_double_of(const char *text, size_t len)
{
	char small[128];
	char *copy = len < sizeof(small) ? small : malloc(len + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* glibc answers its static object for "C" and allocates nothing. */
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const double value = strtod_l(copy, NULL, c_locale);
	freelocale(c_locale);
	if (copy != small)
		free(copy);
	return value;
}

/* p stands behind the integer part, at '.', 'e' or 'E'. */
static const char *read_double(
	struct json_reader *r, const char *start, const char *p, struct json *ret_number)
{
	if (*p == '.') {
		const char *digits = p + 1;

		p = skip_digits(r, digits);
		if (p == digits)
			return json_refuse(r, p, "expected a digit behind '.'");
	}
	if (p < r->end && (*p | 0x20) == 'e') {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		const char *digits = p;

		p = skip_digits(r, digits);
		if (p == digits)
			return json_refuse(r, p, "expected a digit in an exponent");
	}
	const double value = json_double_of(start, (size_t)(p - start));

	if (isinf(value))
		return json_refuse(r, start, "number beyond the range of double");
	*ret_number = json_value(r, JSON_DOUBLE, start, 0);
	ret_number->number = value;
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
	const char *digits = p + is_negative;
	uint64_t sum = 0;

	for (p = digits; p < r->end && json_is_digit(*p); p++)
		sum = sum * 10 + (uint64_t)(*p - '0');
	if (p == digits)
		return read_negative_infinity(r, start, ret_number);
	if (*digits == '0' && p - digits > 1)
		return json_refuse(r, start, "leading zero in a number");
	if (p < r->end && (*p == '.' || (*p | 0x20) == 'e'))
		return read_double(r, start, p, ret_number);
	/* 19 digits always fit uint64. */
	if (p - digits > 19 || sum > (uint64_t)INT64_MAX + is_negative)
		return json_refuse(r, start, "integer beyond the range of int64");
	*ret_number = json_value(r, JSON_INTEGER, start, 0);
	ret_number->integer = (int64_t)(is_negative ? 0 - sum : sum);
	return p;
}
