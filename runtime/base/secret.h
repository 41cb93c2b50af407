#pragma once
/*
 * Secret: text that never shows. A type of its own, so that no printf, log or JSON writer takes it by mistake.
 * The bytes lie in a block of their own that is wiped when the arena ends.
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
/* "***", or "(none)": what logs, messages and pages show. */
const char *secret_show(struct secret secret);
/* Replaces every occurrence of the secret in `text` by *** : for bytes that came back from an upstream. */
struct str secret_redact(struct arena *arena, struct str text, struct secret secret);
