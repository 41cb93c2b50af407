/* Numbers as text. */
#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

char *json_put_integer(char *to, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	if (value < 0)
		*to++ = '-';
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + (sizeof(digits) - at);
}

char *json_put_double(char *to, double value)
{
	char text[40];
	int len = 4;

	if (!isfinite(value)) {
		memcpy(to, "null", 4);
		return to + 4;
	}
	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	if (strpbrk(text, ".e") == NULL)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ".0");
	memcpy(to, text, (size_t)len);
	return to + len;
}
