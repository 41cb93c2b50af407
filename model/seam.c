/* The machine's own clock and randomness. */
#include "model/seam.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t seam_real_now_us(void *data)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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
