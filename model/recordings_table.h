#pragma once
/* What the three files of recordings share. */
#include "model/recordings.h"

struct recordings {
	struct recording *items; /* in the order read */
	size_t count, cap;
	struct recording **slots; /* open addressing by key; a power of two */
	size_t slot_count;
};

/* Where the first recording of `key` stands, or would. */
struct recording **recordings_slot(const struct recordings *recordings, const struct digest *key);

/* Sets ERR_NOT_FOUND with the nearest recording and its first difference to what was asked. */
void recordings_tell_miss(const struct recordings *recordings, const struct json *request,
	struct str canonical, struct error *err);
