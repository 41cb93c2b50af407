/* Integers as text, two digits a step. */
#include "base/json_double.h"

static const char PAIRS[] = "00010203040506070809"
			    "10111213141516171819"
			    "20212223242526272829"
			    "30313233343536373839"
			    "40414243444546474849"
			    "50515253545556575859"
			    "60616263646566676869"
			    "70717273747576777879"
			    "80818283848586878889"
			    "90919293949596979899";

static unsigned digit_count(uint64_t value)
{
	unsigned count = 1;

	for (; value >= 10000; value /= 10000)
		count += 4;
	return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

char *json_put_integer(char *to, int64_t value)
{
	uint64_t rest = (uint64_t)value;

	if (value < 0) {
		*to++ = '-';
		rest = 0 - rest;
	}
	char *end = to + digit_count(rest), *p = end;

	for (; rest >= 100; rest /= 100)
		memcpy(p -= 2, PAIRS + 2 * (rest % 100), 2);
	if (rest >= 10)
		memcpy(p - 2, PAIRS + 2 * rest, 2);
	else
		p[-1] = (char)('0' + rest);
	return end;
}
