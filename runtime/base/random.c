#include "base/random.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_hex(char *ret, size_t digits)
{
	uint8_t bits[RANDOM_HEX_MAX / 2];

	assert(digits % 2 == 0 && digits <= RANDOM_HEX_MAX);
	/* So few bytes come whole. */
	if (getrandom(bits, digits / 2, 0) != (ssize_t)(digits / 2))
		abort();
	for (size_t i = 0; i < digits; i++)
		ret[i] = "0123456789abcdef"[i % 2 == 0 ? bits[i / 2] >> 4 : bits[i / 2] & 15];
	/* They may be a secret. */
	explicit_bzero(bits, sizeof(bits));
}
