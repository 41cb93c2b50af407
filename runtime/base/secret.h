#pragma once
/*
 * Secret: text that never shows. A type of its own, so that no printf, log or JSON writer takes it
 * by mistake. The bytes lie in a block of their own that is wiped when the arena ends.
 */
#include "base/arena.h"
#include "base/str.h"

struct secret {
	const char *hidden; /* use secret_reveal() */
	size_t len;
};

struct secret secret_new(struct arena *arena, struct str text);
static inline bool secret_is_set(struct secret secret)
{
	return secret.len > 0;
}
/* The only way to the bytes; call it where they leave for their upstream, nowhere else. */
struct str secret_reveal(struct secret secret);
/*
 * For bytes that came back from an upstream: `text` with *** for the secret, as it is, in the
 * escapes of JSON, URLs and HTML, nested and mixed, and in Base64, from 7 bytes on and with all of
 * the Base64 around it. Also for a part of at least 8 bytes that the text's end cuts off. `text`
 * itself where there is nothing to hide, else new on `arena`. An upstream that wants to hide its
 * key otherwise can: it has the key.
 */
struct str secret_redact(struct arena *arena, struct str text, struct secret secret);
/* Long enough that finding it means something. Local endpoints are given keys like EMPTY or none:
 * texts that people read must not lose those words. */
enum { SECRET_WORD_MAX = 7 };
static inline bool secret_is_strong(struct secret secret)
{
	return secret.len > SECRET_WORD_MAX;
}
