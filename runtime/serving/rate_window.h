#pragma once
/*
 * Rate window: how much happened in the last minute, in steps of one second.
 *
 * What is added counts for at least 60 and less than 61 seconds: so what is admitted while the sum is below a limit never
 * exceeds that limit in any 60 seconds. (A token bucket of the same size would let twice as much through in its first
 * minute.) Times are CLOCK_MONOTONIC's nanoseconds and do not run backwards by more than they are late.
 */
#include <stdint.h>

enum { RATE_WINDOW_S = 60 };

/* Zeroed memory is an empty one. */
struct rate_window {
	uint64_t newest; /* a second */
	uint64_t sum;
	uint32_t counts[RATE_WINDOW_S + 1];
};

uint64_t rate_window_sum(struct rate_window *window, uint64_t now_ns);
void rate_window_add(struct rate_window *window, uint64_t amount, uint64_t now_ns);
/* Whole seconds, 1 to 61, until the sum is below the limit if nothing more is added; 60 where it never is. */
unsigned rate_window_wait_s(struct rate_window *window, uint64_t limit, uint64_t now_ns);
