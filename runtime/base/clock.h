#pragma once
/*
 * Clock: CLOCK_MONOTONIC, for deadlines and durations; the wall clock, since 1970, for what is kept and shown. What runs
 * of a model see of the wall clock passes through model/seam.h.
 */
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline int64_t clock_ms(void)
{
	return (int64_t)(clock_ns() / 1000000);
}

static inline int64_t clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t clock_wall_ms(void)
{
	return clock_wall_us() / 1000;
}
