#pragma once
/*
 * Names: column names and where each stands. Small sets and names that come in order are found by
 * comparing; others by a sorted index that is built when first needed, so that no request makes
 * looking up quadratic.
 */
#include "base/arena.h"
#include "base/str.h"

struct names {
	struct arena *arena;
	const struct str *items;
	size_t count;
	uint32_t *sorted; /* NULL: not needed so far */
};

enum { NAMES_NONE = -1 };

/* Index of `name`, or NAMES_NONE. `guess` is where it probably stands. */
long names_find(struct names *names, struct str name, size_t guess);
/* The one that was probably meant by `name`, other letters' case first; NAMES_NONE where none is
 * near. Looks at the first hundred. */
long names_nearest(const struct names *names, struct str name);
/* True where two are equal; *ret is the index of one of them. */
bool names_find_duplicate(struct arena *arena, const struct str *items, size_t count, size_t *ret);
/* The distinct ones in the order of their first appearance; changes and returns `items`. */
struct str *names_unique(struct arena *arena, struct str *items, size_t *count);
