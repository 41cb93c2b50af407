#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* Outside the arena's blocks: those are freed, not wiped. */
struct secret_block {
	size_t len;
	char bytes[];
};

static void wipe(void *data)
{
	struct secret_block *block = data;

	OPENSSL_cleanse(block->bytes, block->len);
	free(block);
}

struct secret secret_new(struct arena *arena, struct str text)
{
	if (text.len == 0)
		return (struct secret){0};
	if (text.len > SIZE_MAX / 2)
		abort();
	struct secret_block *block = malloc(sizeof(*block) + text.len + 1);
	if (block == NULL)
		abort();
	block->len = text.len;
	memcpy(block->bytes, text.data, text.len);
	block->bytes[text.len] = '\0';
	arena_on_end(arena, wipe, block);
	return (struct secret){.hidden = block->bytes, .len = text.len};
}

struct str secret_reveal(struct secret secret)
{
	return (struct str){secret.hidden, secret.len};
}

const char *secret_show(struct secret secret)
{
	return secret_is_set(secret) ? "***" : "(none)";
}

struct str secret_redact(struct arena *arena, struct str text, struct secret secret)
{
	const char *found = NULL;
	struct buf clean = {0};

	if (!secret_is_set(secret) || text.len < secret.len)
		return text;
	while ((found = memmem(text.data, text.len, secret.hidden, secret.len)) != NULL) {
		const size_t head = (size_t)(found - text.data);
		buf_add(&clean, text.data, head);
		buf_add_text(&clean, "***");
		text.data += head + secret.len;
		text.len -= head + secret.len;
	}
	if (clean.len == 0)
		return text;
	buf_add_str(&clean, text);
	const struct str kept = {arena_memdup(arena, clean.data, clean.len), clean.len};
	buf_done(&clean);
	return kept;
}
