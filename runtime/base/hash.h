#pragma once
/*
 * Hash: SHA-256 of bytes and of streams, and its spelling in hex. Names content everywhere:
 * bundles, files in a manifest, recordings.
 */
#include "base/str.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 2 * DIGEST_SIZE + 1 };

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

struct digest digest_of(struct str bytes);

/* Writes 64 lower-case digits and a NUL, and returns `ret_hex`. */
char *digest_hex(const struct digest *digest, char ret_hex[static DIGEST_HEX_SIZE]);
/* Exactly 64 lower-case hex digits; false otherwise (then *ret is unchanged). */
bool digest_parse(struct str hex, struct digest *ret);

static inline bool digest_eq(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

/* A stream: init, add any number of times, end as often as streams follow (end starts the next
 * one). */
struct sha256 {
	uint64_t state[16]; /* private */
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t len);
struct digest sha256_end(struct sha256 *hash);
