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
