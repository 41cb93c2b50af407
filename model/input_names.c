#include "model/input_names.h"

#include "base/decode.h"

#include <stdlib.h>

enum { COMPARED_MAX = 16, NEAR_MAX = 100 };

/* Any total order does: by length first is cheap. */
static int compare(struct str a, struct str b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len > 0 ? memcmp(a.data, b.data, a.len) : 0;
}

static int compare_indexes(const void *a, const void *b, void *data)
{
	const struct str *items = data;
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const int order = compare(items[left], items[right]);

	return order != 0 ? order : (left > right) - (left < right);
}

static uint32_t *sort(struct arena *arena, const struct str *items, size_t count)
{
	uint32_t *sorted = arena_array(arena, count, sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = (uint32_t)i;
	qsort_r(sorted, count, sizeof(*sorted), compare_indexes, (void *)items);
	return sorted;
}

static long search(const struct names *names, struct str name)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = compare(names->items[names->sorted[middle]], name);
		if (order == 0)
			return names->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NAMES_NONE;
}

long names_find(struct names *names, struct str name, size_t guess)
{
	if (guess < names->count && str_eq(names->items[guess], name))
		return (long)guess;
	if (names->count > COMPARED_MAX) {
		if (names->sorted == NULL)
			names->sorted = sort(names->arena, names->items, names->count);
		return search(names, name);
	}
	for (size_t i = 0; i < names->count; i++)
		if (str_eq(names->items[i], name))
			return (long)i;
	return NAMES_NONE;
}

bool names_find_duplicate(struct arena *arena, const struct str *items, size_t count, size_t *ret)
{
	const uint32_t *sorted = sort(arena, items, count);

	for (size_t i = 1; i < count; i++) {
		if (compare(items[sorted[i - 1]], items[sorted[i]]) == 0) {
			*ret = sorted[i];
			return true;
		}
	}
	return false;
}

struct str *names_unique(struct arena *arena, struct str *items, size_t *count)
{
	const uint32_t *sorted = sort(arena, items, *count);
	bool *is_repeated = arena_zalloc(arena, *count);
	size_t kept = 0;

	for (size_t i = 1; i < *count; i++)
		is_repeated[sorted[i]] = compare(items[sorted[i - 1]], items[sorted[i]]) == 0;
	for (size_t i = 0; i < *count; i++)
		if (!is_repeated[i])
			items[kept++] = items[i];
	*count = kept;
	return items;
}

long names_nearest(const struct names *names, struct str name)
{
	const size_t count = names->count < NEAR_MAX ? names->count : NEAR_MAX;
	const char *texts[NEAR_MAX + 1];

	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(names->items[i], name))
			return (long)i;
	for (size_t i = 0; i < count; i++)
		texts[i] = arena_printf(names->arena, "%.*s", STR_ARGS(names->items[i]));
	texts[count] = NULL;
	const char *nearest = decode_nearest(name, texts);
	for (size_t i = 0; nearest != NULL && i < count; i++)
		if (texts[i] == nearest)
			return (long)i;
	return NAMES_NONE;
}
