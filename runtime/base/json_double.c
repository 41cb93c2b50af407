/*
 * Doubles and decimal text, both ways exact.
 *
 * Reading multiplies up to 19 digits by 128 bits of a power of ten and keeps the result where its
 * error cannot change the rounding; the rest (ties, subnormals, more digits: rare) goes to strtod.
 * Writing finds the shortest decimal that reads back as the same double, the nearest one where
 * several are as short: Raffaello Giulietti, "The Schubfach way to render doubles" (2020). The
 * layout is that of Python's repr.
 */
#include "base/json_double.h"
#include "base/json_powers.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

typedef unsigned __int128 wide;

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1075, EXPONENT_INFINITE = 2047 };

static const struct json_power *power_of_ten(int exponent)
{
	return &JSON_POWERS[exponent - JSON_POWER_FIRST];
}

/* floor(log2(10^exponent)), for |exponent| <= 1233. */
static int log2_of_power(int exponent)
{
	return (exponent * 1741647) >> 19;
}

static double double_of_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Up to 2^53 and 10^22 both sides are exact doubles, and one operation rounds once (Clinger, 1990).
 */
static bool double_of_small(uint64_t digits, int exponent, double *ret_value)
{
	static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (digits > (uint64_t)1 << 53 || exponent < -22 || exponent > 22)
		return false;
	const double value = (double)digits;
	*ret_value = exponent < 0 ? value / POWERS[-exponent] : value * POWERS[exponent];
	return true;
}

bool json_double_of_digits(uint64_t digits, int exponent, double *ret_value)
{
	if (double_of_small(digits, exponent, ret_value))
		return true;
	if (exponent < JSON_POWER_FIRST || exponent > JSON_POWER_LAST)
		return false;

	const struct json_power *power = power_of_ten(exponent);
	const int lead = __builtin_clzll(digits);
	const uint64_t shifted = digits << lead;
	const wide high = (wide)shifted * power->high, low = (wide)shifted * power->low;
	/* The true product lies in [sum, sum + 2): the power and the cut below each lose less than
	 * one. */
	wide sum = high + (uint64_t)(low >> 64);
	const int is_short = sum >> 127 == 0;
	const int drop = 127 - FRACTION_BITS - is_short;
	const wide mask = ((wide)1 << drop) - 1, half = (wide)1 << (drop - 1), rest = sum & mask;

	if (rest >= mask - 1 || (rest + 2 >= half && rest <= half))
		return false;
	uint64_t fraction = (uint64_t)(sum >> drop) + (rest > half);
	int binary =
		log2_of_power(exponent) + 63 - lead + 1 - is_short + EXPONENT_BIAS - FRACTION_BITS;
	if (fraction >> (FRACTION_BITS + 1) != 0) {
		fraction >>= 1;
		binary++;
	}
	if (binary <= 0 || binary >= EXPONENT_INFINITE)
		return false;
	fraction &= ((uint64_t)1 << FRACTION_BITS) - 1;
	*ret_value = double_of_bits((uint64_t)binary << FRACTION_BITS | fraction);
	return true;
}

double json_double_of_text(const char *text, size_t len)
{
	char small[128];
	char *copy = len < sizeof(small) ? small : malloc(len + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* strtod would follow the program's locale. glibc answers its static object for "C" and
	 * allocates nothing. */
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const double value = strtod_l(copy, NULL, c_locale);
	freelocale(c_locale);
	if (copy != small)
		free(copy);
	return value;
}

/* digits * 10^exponent */
struct decimal {
	uint64_t digits;
	int exponent;
};

/* The first 64 bits behind the point of power * factor, whose last bit is set where anything was
 * lost. */
static uint64_t round_to_odd(uint64_t high, uint64_t low, uint64_t factor)
{
	const wide sum = (wide)factor * high + (uint64_t)((wide)factor * low >> 64);

	return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

/* Names as in the paper: the double is c * 2^q, k the exponent of the answer, s and t its
 * candidates. */
static struct decimal shortest(uint64_t c, int q, bool is_lower_closer)
{
	const uint64_t is_odd = c & 1;
	const int k = (q * 1262611 - (is_lower_closer ? 524031 : 0)) >> 22;
	const int shift = q + log2_of_power(-k) + 1;
	const struct json_power *power = power_of_ten(-k);
	const uint64_t low = power->low + (-k < 0 || -k > JSON_POWER_EXACT_LAST);
	const uint64_t middle = round_to_odd(power->high, low, (4 * c) << shift);
	/* Decimals from `lower` to `upper` read as this double. All of this counts in quarters of
	 * 10^k. */
	const uint64_t lower =
		round_to_odd(power->high, low, (4 * c - 2 + is_lower_closer) << shift) + is_odd;
	const uint64_t upper = round_to_odd(power->high, low, (4 * c + 2) << shift) - is_odd;
	const uint64_t s = middle / 4;

	if (s >= 10) {
		const uint64_t ten = s / 10;
		const bool is_below = lower <= 40 * ten, is_above = 40 * ten + 40 <= upper;

		if (is_below != is_above)
			return (struct decimal){ten + is_above, k + 1};
	}
	const bool is_below = lower <= 4 * s, is_above = 4 * s + 4 <= upper;
	if (is_below != is_above)
		return (struct decimal){s + is_above, k};
	const bool is_up = middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1));
	return (struct decimal){s + is_up, k};
}

/* Prices and such leave many zeros. There are at most 16. */
static struct decimal without_zeros(struct decimal decimal)
{
	if (decimal.digits % 100000000 == 0) {
		decimal.digits /= 100000000;
		decimal.exponent += 8;
	}
	if (decimal.digits % 10000 == 0) {
		decimal.digits /= 10000;
		decimal.exponent += 4;
	}
	while (decimal.digits % 10 == 0) {
		decimal.digits /= 10;
		decimal.exponent++;
	}
	return decimal;
}

/* Of a finite double above zero, given by its bits. */
static struct decimal decimal_of(uint64_t bits)
{
	const uint64_t fraction = bits & (((uint64_t)1 << FRACTION_BITS) - 1);
	const int exponent = (int)(bits >> FRACTION_BITS);
	struct decimal decimal;

	if (exponent == 0) {
		decimal = shortest(fraction, 1 - EXPONENT_BIAS, false);
	} else {
		const uint64_t c = fraction | (uint64_t)1 << FRACTION_BITS;
		const int q = exponent - EXPONENT_BIAS;

		if (q <= 0 && q >= -FRACTION_BITS && (c & (((uint64_t)1 << -q) - 1)) == 0)
			decimal = (struct decimal){c >> -q, 0};
		else
			decimal = shortest(c, q, fraction == 0 && exponent > 1);
	}
	return without_zeros(decimal);
}

static char *put_zeros(char *to, int count)
{
	for (; count > 0; count--)
		*to++ = '0';
	return to;
}

/* At most 17, in memory of fixed size, so that they are moved without a call and with what stands
 * behind them. */
struct digits {
	char text[JSON_NUMBER_MAX];
	int count;
};

static char *put_digits(char *to, const struct digits *digits, int first, int count)
{
	memcpy(to, digits->text + first, 24);
	return to + count;
}

/* "d.ddde+xx", the exponent of at least two digits. */
static char *put_scientific(char *to, const struct digits *digits, int exponent)
{
	to = put_digits(to, digits, 0, 1);
	if (digits->count > 1) {
		*to++ = '.';
		to = put_digits(to, digits, 1, digits->count - 1);
	}
	*to++ = 'e';
	*to++ = exponent < 0 ? '-' : '+';
	exponent = abs(exponent);
	if (exponent < 10)
		*to++ = '0';
	return json_put_integer(to, exponent);
}

static char *put_decimal(char *to, struct decimal decimal)
{
	struct digits digits = {.count = 0};

	digits.count = (int)(json_put_integer(digits.text, (int64_t)decimal.digits) - digits.text);
	const int point = digits.count + decimal.exponent; /* digits in front of the point */

	if (point <= -4 || point > 16)
		return put_scientific(to, &digits, point - 1);
	if (point <= 0) {
		memcpy(to, "0.", 2);
		to = put_zeros(to + 2, -point);
		return put_digits(to, &digits, 0, digits.count);
	}
	const int before = point < digits.count ? point : digits.count;

	to = put_digits(to, &digits, 0, before);
	to = put_zeros(to, point - before);
	*to++ = '.';
	if (before == digits.count)
		return put_zeros(to, 1);
	return put_digits(to, &digits, before, digits.count - before);
}

char *json_put_double(char *to, double value)
{
	uint64_t bits;

	if (!isfinite(value)) {
		memcpy(to, "null", 4);
		return to + 4;
	}
	memcpy(&bits, &value, sizeof(bits));
	if (bits >> 63 != 0)
		*to++ = '-';
	bits &= INT64_MAX;
	if (bits == 0) {
		memcpy(to, "0.0", 3);
		return to + 3;
	}
	return put_decimal(to, decimal_of(bits));
}
