#include "base/datetime.h"

enum { NS_PER_SECOND = 1000000000, SECONDS_PER_DAY = 86400 };

struct civil {
	int year, month, day, hour, minute, second, nanosecond, offset_minutes;
};

static bool parse_date(struct str *rest, struct civil *ret);
static bool parse_time(struct str *rest, struct civil *ret);
static bool parse_zone(struct str *rest, struct civil *ret);
static bool to_ns(const struct civil *civil, int64_t *ret_ns);

bool datetime_parse(struct str text, int64_t *ret_ns)
{
	struct civil civil = {0};
	struct str rest = str_trim_space(text);

	if (!parse_date(&rest, &civil))
		return false;
	if (rest.len > 0 && (!parse_time(&rest, &civil) || !parse_zone(&rest, &civil)))
		return false;
	return rest.len == 0 && to_ns(&civil, ret_ns);
}

static void skip(struct str *rest, size_t count)
{
	rest->data += count;
	rest->len -= count;
}

static bool parse_mark(struct str *rest, const char *marks)
{
	if (rest->len == 0 || rest->data[0] == '\0' || strchr(marks, rest->data[0]) == NULL)
		return false;
	skip(rest, 1);
	return true;
}

/* Exactly `count` digits, a number within min … max. */
static bool parse_digits(struct str *rest, size_t count, int min, int max, int *ret)
{
	int value = 0;

	if (rest->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char c = rest->data[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	if (value < min || value > max)
		return false;
	skip(rest, count);
	*ret = value;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return DAYS[month - 1] + (month == 2 && is_leap);
}

static bool parse_date(struct str *rest, struct civil *ret)
{
	return parse_digits(rest, 4, 1, 9999, &ret->year) && parse_mark(rest, "-") &&
	       parse_digits(rest, 2, 1, 12, &ret->month) && parse_mark(rest, "-") &&
	       parse_digits(rest, 2, 1, days_in_month(ret->year, ret->month), &ret->day);
}

/* One to nine digits: nanoseconds; a tenth is an error, since it could not be kept. */
static bool parse_fraction(struct str *rest, int *ret_ns)
{
	int value = 0, digits = 0;

	for (; rest->len > 0 && rest->data[0] >= '0' && rest->data[0] <= '9'; digits++) {
		if (digits == 9)
			return false;
		value = value * 10 + (rest->data[0] - '0');
		skip(rest, 1);
	}
	for (int i = digits; i < 9; i++)
		value *= 10;
	*ret_ns = value;
	return digits > 0;
}

static bool parse_time(struct str *rest, struct civil *ret)
{
	if (!parse_mark(rest, "Tt ") || !parse_digits(rest, 2, 0, 23, &ret->hour))
		return false;
	if (!parse_mark(rest, ":"))
		return true;
	if (!parse_digits(rest, 2, 0, 59, &ret->minute))
		return false;
	if (!parse_mark(rest, ":"))
		return true;
	if (!parse_digits(rest, 2, 0, 59, &ret->second))
		return false;
	return !parse_mark(rest, ".,") || parse_fraction(rest, &ret->nanosecond);
}

static bool parse_zone(struct str *rest, struct civil *ret)
{
	int hours = 0, minutes = 0;

	if (rest->len == 0 || parse_mark(rest, "Zz"))
		return true;
	const bool is_west = rest->data[0] == '-';
	if (!parse_mark(rest, "+-") || !parse_digits(rest, 2, 0, 23, &hours))
		return false;
	const bool has_colon = parse_mark(rest, ":");
	if ((has_colon || rest->len > 0) && !parse_digits(rest, 2, 0, 59, &minutes))
		return false;
	ret->offset_minutes = (hours * 60 + minutes) * (is_west ? -1 : 1);
	return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so that
 * a leap day comes last (Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
 */
static int64_t days_from_civil(int year, int month, int day)
{
	const int64_t y = year - (month <= 2);
	const int64_t era = (y >= 0 ? y : y - 399) / 400;
	const int64_t year_of_era = y - era * 400;
	const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	const int64_t day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static bool to_ns(const struct civil *civil, int64_t *ret_ns)
{
	const int64_t seconds =
		days_from_civil(civil->year, civil->month, civil->day) * SECONDS_PER_DAY +
		civil->hour * 3600 + civil->minute * 60 + civil->second -
		(int64_t)civil->offset_minutes * 60;
	/* The lowest instants have a whole second below the range and a fraction that lifts them
	 * into it. */
	const __int128 ns = (__int128)seconds * NS_PER_SECOND + civil->nanosecond;

	if (ns < DATETIME_NS_MIN || ns > INT64_MAX)
		return false;
	*ret_ns = (int64_t)ns;
	return true;
}

/* The inverse, civil_from_days of the same paper. */
static void civil_from_days(int64_t days, struct civil *ret)
{
	const int64_t z = days + 719468;
	const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	const int64_t day_of_era = z - era * 146097;
	const int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t month_from_march = (5 * day_of_year + 2) / 153;

	ret->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	ret->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
	ret->year = (int)(year_of_era + era * 400 + (ret->month <= 2));
}

static char *put_digits(char *at, int value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + count;
}

static char *put_mark(char *at, char mark)
{
	*at = mark;
	return at + 1;
}

size_t datetime_format(int64_t ns, char out[DATETIME_TEXT_MAX])
{
	struct civil civil = {0};
	int64_t seconds = ns / NS_PER_SECOND;
	int fraction = (int)(ns % NS_PER_SECOND);

	if (fraction < 0) {
		fraction += NS_PER_SECOND;
		seconds--;
	}
	int64_t days = seconds / SECONDS_PER_DAY;
	int second_of_day = (int)(seconds % SECONDS_PER_DAY);
	if (second_of_day < 0) {
		second_of_day += SECONDS_PER_DAY;
		days--;
	}
	civil_from_days(days, &civil);

	char *at = put_mark(put_digits(out, civil.year, 4), '-');
	at = put_mark(put_digits(at, civil.month, 2), '-');
	at = put_mark(put_digits(at, civil.day, 2), 'T');
	at = put_mark(put_digits(at, second_of_day / 3600, 2), ':');
	at = put_mark(put_digits(at, second_of_day / 60 % 60, 2), ':');
	at = put_digits(at, second_of_day % 60, 2);
	if (fraction == 0)
		return (size_t)(at - out);
	at = put_mark(at, '.');
	at = fraction % 1000 == 0 ? put_digits(at, fraction / 1000, 6)
				  : put_digits(at, fraction, 9);
	return (size_t)(at - out);
}
