/*
 * YAML 1.1's plain scalars as PyYAML's safe loader resolves them (yaml/resolver.py,
 * yaml/constructor.py), because that is what writes and reads MLmodel:
 * - yes, no, on and off are booleans; `y` and `n` are text;
 * - a float needs its point and a signed exponent: 1.0e+3 is a number, 1e3 and 1.0e3 are text;
 * - 010 is octal, 0x1f and 0b11 are integers, underscores are skipped, 0o17, 08 and -.5 are text.
 * Two deviations: base-60 numbers stay text (12:30 would be 750), and .inf and .nan are mistakes
 * (JSON has neither).
 */
#include "base/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const struct {
	const char *text;
	enum json_type type;
	bool boolean;
} WORDS[] = {
	{"", JSON_NULL, false},
	{"~", JSON_NULL, false},
	{"null", JSON_NULL, false},
	{"Null", JSON_NULL, false},
	{"NULL", JSON_NULL, false},
	{"true", JSON_BOOL, true},
	{"True", JSON_BOOL, true},
	{"TRUE", JSON_BOOL, true},
	{"yes", JSON_BOOL, true},
	{"Yes", JSON_BOOL, true},
	{"YES", JSON_BOOL, true},
	{"on", JSON_BOOL, true},
	{"On", JSON_BOOL, true},
	{"ON", JSON_BOOL, true},
	{"false", JSON_BOOL, false},
	{"False", JSON_BOOL, false},
	{"FALSE", JSON_BOOL, false},
	{"no", JSON_BOOL, false},
	{"No", JSON_BOOL, false},
	{"NO", JSON_BOOL, false},
	{"off", JSON_BOOL, false},
	{"Off", JSON_BOOL, false},
	{"OFF", JSON_BOOL, false},
};

static bool is_word(struct str text, struct json *ret)
{
	if (text.len > 5)
		return false;
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		if (!str_is(text, WORDS[i].text))
			continue;
		*ret = (struct json){.type = WORDS[i].type, .boolean = WORDS[i].boolean};
		return true;
	}
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

static struct str skip(struct str text, size_t count)
{
	return (struct str){text.data + count, text.len - count};
}

static bool has_sign(struct str text)
{
	return text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
}

/* The base that the digits' beginning tells, and the digits behind it; 0 where it is no integer. */
static int integer_base(struct str *digits)
{
	const struct str all = *digits;

	if (all.len == 0 || !is_digit(all.data[0]))
		return 0;
	if (all.len == 1 || all.data[0] != '0')
		return 10;
	*digits = skip(all, all.data[1] == 'x' || all.data[1] == 'b' ? 2 : 1);
	return all.data[1] == 'x' ? 16 : all.data[1] == 'b' ? 2 : 8;
}

static bool is_integer(struct str text)
{
	struct str digits = has_sign(text) ? skip(text, 1) : text;
	const int base = integer_base(&digits);
	bool has_digit = base == 8; /* the leading 0 itself */

	if (base == 0)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] == '_')
			continue;
		if (digit_value(digits.data[i]) >= base)
			return false;
		has_digit = true;
	}
	return has_digit;
}

static bool too_large(struct str text, struct error *err)
{
	return error_set(err, ERR_INVALID_BUNDLE, "the number '%.*s%s' is too large",
		text.len < 60 ? (int)text.len : 60, text.data, text.len < 60 ? "" : "…");
}

static bool read_integer(struct str text, struct json *ret, struct error *err)
{
	struct str digits = has_sign(text) ? skip(text, 1) : text;
	const bool is_negative = text.data[0] == '-';
	const int base = integer_base(&digits);
	int64_t value = 0;

	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] == '_')
			continue;
		const int digit = digit_value(digits.data[i]);
		if (__builtin_mul_overflow(value, base, &value) ||
			__builtin_sub_overflow(value, digit, &value))
			return too_large(text, err);
	}
	/* Gathered below zero, where there is one number more. */
	if (!is_negative && __builtin_sub_overflow((int64_t)0, value, &value))
		return too_large(text, err);
	*ret = json_integer(value);
	return true;
}

static size_t span_digits(struct str text, bool with_underscores)
{
	size_t i = 0;

	while (i < text.len &&
		(is_digit(text.data[i]) || (with_underscores && text.data[i] == '_')))
		i++;
	return i;
}

/* [eE][-+][0-9]+ or nothing, up to the end. */
static bool is_exponent(struct str text)
{
	if (text.len == 0)
		return true;
	if (text.len < 3 || (text.data[0] != 'e' && text.data[0] != 'E'))
		return false;
	return has_sign(skip(text, 1)) && span_digits(skip(text, 2), false) == text.len - 2;
}

/* [-+]?[0-9][0-9_]*\.[0-9_]*exponent? or \.[0-9][0-9_]*exponent? */
static bool is_double(struct str text)
{
	struct str rest = has_sign(text) ? skip(text, 1) : text;

	if (rest.len < 2)
		return false;
	if (rest.data[0] == '.') {
		rest = skip(rest, 1);
		return !has_sign(text) && is_digit(rest.data[0]) &&
		       is_exponent(skip(rest, span_digits(rest, true)));
	}
	if (!is_digit(rest.data[0]))
		return false;
	rest = skip(rest, span_digits(rest, true));
	if (rest.len == 0 || rest.data[0] != '.')
		return false;
	rest = skip(rest, 1);
	return is_exponent(skip(rest, span_digits(rest, true)));
}

static bool read_double(struct str text, struct json *ret, struct error *err)
{
	struct buf plain = {0};

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '_')
			buf_add_char(&plain, text.data[i]);
	const double value = strtod(buf_text(&plain), NULL);
	buf_done(&plain);
	if (!isfinite(value))
		return too_large(text, err);
	*ret = json_double(value);
	return true;
}

static bool is_not_finite(struct str text)
{
	static const char *const INF[] = {".inf", ".Inf", ".INF"};
	static const char *const NOT_A_NUMBER[] = {".nan", ".NaN", ".NAN"};
	const struct str rest = has_sign(text) ? skip(text, 1) : text;

	for (size_t i = 0; i < 3; i++)
		if (str_is(rest, INF[i]) || str_is(text, NOT_A_NUMBER[i]))
			return true;
	return false;
}

bool yaml_scalar(struct str text, struct json *ret, struct error *err)
{
	if (is_word(text, ret))
		return true;
	if (is_integer(text))
		return read_integer(text, ret, err);
	if (is_double(text))
		return read_double(text, ret, err);
	if (is_not_finite(text))
		return error_set(err, ERR_INVALID_BUNDLE, "'%.*s' is no number that JSON can carry",
			STR_ARGS(text));
	*ret = json_string(text);
	return true;
}
