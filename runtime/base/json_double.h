#pragma once
/* Numbers and their text: what the reader and the writer of json.h are made of. Internal to base.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	JSON_DIGITS_MAX = 19, /* decimal digits that always fit uint64 */
	JSON_NUMBER_MAX =
		48, /* bytes of any number as text, and as many more as its writing may touch */
};

/* The double nearest to digits * 10^exponent, digits > 0, in nearly all cases; false where it needs
 * the text. */
bool json_double_of_digits(uint64_t digits, int exponent, double *ret_value);
/* The double nearest to the number that is text[0 .. len), in JSON's grammar; infinite where there
 * is none. */
double json_double_of_text(const char *text, size_t len);

/* Write at `to`, where JSON_NUMBER_MAX bytes are free, and return the place behind the text. */
char *json_put_integer(char *to, int64_t value);
char *json_put_double(char *to, double value);
