#pragma once
/*
 * Shares: how the traffic is split, as command lines say it: "90,10" in the order of the entities, or "ENTITY=90"
 * words, of which those that are not named get 0, or what is left where it is only one.
 */
#include "base/json.h"

/* `names`: the entities, a JSON array of strings. *ret: {name: percent}, 100 together. ERR_USAGE. */
bool shares_read(struct arena *arena, const struct json *names, const char *const *words, size_t word_count,
	struct json *ret, struct error *err);
