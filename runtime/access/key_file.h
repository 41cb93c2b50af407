#pragma once
/*
 * Key file: 32 random bytes in hex that only the owner can read: what secrets are sealed with and OAuth tokens are signed
 * by. Made at its first use; one that is there is never written again.
 */
#include "base/error.h"

#include <stdint.h>

enum { KEY_SIZE = 32 };

struct key {
	uint8_t bytes[KEY_SIZE];
};

/* ERR_INVALID_STATE where it is not there, others may read it, or it is no key. */
bool key_file_read(const char *path, struct key *ret, struct error *err);
/* The same, but makes it, and its folder (0700), where it is not there. Two processes that do so at once have the same. */
bool key_file_make(const char *path, struct key *ret, struct error *err);
