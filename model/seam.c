/* The machine's own clock and randomness. */
#include "model/seam.h"

#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>

int64_t seam_real_now_us(void *data)
{
	return clock_wall_us();
}

uint64_t seam_real_random(void *data)
{
	uint64_t bits;

	/* Up to 256 bytes come whole or not at all, and not at all only before the kernel's pool is
	 * seeded. */
	if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		abort();
	return bits;
}
