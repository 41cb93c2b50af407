#include "serving/rate_window.h"

enum { BINS = RATE_WINDOW_S + 1 };

static const uint64_t SECOND_NS = 1000000000;

/* From BINS on, so that the seconds before it are numbers, too. */
static uint64_t second_of(uint64_t now_ns)
{
	return now_ns / SECOND_NS + BINS;
}

static void advance(struct rate_window *window, uint64_t now_ns)
{
	const uint64_t second = second_of(now_ns);

	if (second <= window->newest)
		return;

	const uint64_t passed = second - window->newest;

	for (uint64_t i = 1; i <= (passed < BINS ? passed : BINS); i++) {
		uint32_t *count = &window->counts[(window->newest + i) % BINS];

		window->sum -= *count;
		*count = 0;
	}
	window->newest = second;
}

uint64_t rate_window_sum(struct rate_window *window, uint64_t now_ns)
{
	advance(window, now_ns);
	return window->sum;
}

void rate_window_add(struct rate_window *window, uint64_t amount, uint64_t now_ns)
{
	advance(window, now_ns);

	uint32_t *count = &window->counts[window->newest % BINS];
	const uint64_t space = UINT32_MAX - *count, added = amount < space ? amount : space;

	*count += (uint32_t)added;
	window->sum += added;
}

unsigned rate_window_wait_s(struct rate_window *window, uint64_t limit, uint64_t now_ns)
{
	uint64_t left = rate_window_sum(window, now_ns);

	for (uint64_t second = window->newest - RATE_WINDOW_S; second <= window->newest; second++) {
		left -= window->counts[second % BINS];
		if (left >= limit)
			continue;

		/* It counts for BINS seconds from its beginning, which is what second_of() added.
		 */
		const uint64_t free_ns = second * SECOND_NS;
		const uint64_t wait_ns = free_ns > now_ns ? free_ns - now_ns : 0;

		return wait_ns <= SECOND_NS ? 1 : (unsigned)((wait_ns + SECOND_NS - 1) / SECOND_NS);
	}
	return RATE_WINDOW_S;
}
