/* Blocks double from 4 KiB to 256 KiB; what is larger gets a block of its own. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MIN = 4096, BLOCK_MAX = 256 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size; /* of the whole block, this header included */
	_Alignas(16) char data[];
};

struct arena_hook {
	struct arena_hook *next;
	void (*fn)(void *data);
	void *data;
};

static void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block = must(malloc(size));

	block->size = size;
	block->next = NULL;
	return block;
}

void arena_init(struct arena *arena)
{
	memset(arena, 0, sizeof(*arena));
}

static void run_hooks(struct arena *arena)
{
	while (arena->hooks != NULL) {
		struct arena_hook *hook = arena->hooks;

		arena->hooks = hook->next;
		hook->fn(hook->data);
	}
}

static void free_blocks(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_done(struct arena *arena)
{
	run_hooks(arena);
	free_blocks(arena->blocks);
	arena_init(arena);
}

void arena_clear(struct arena *arena)
{
	struct arena_block *kept = NULL, **link = &arena->blocks;

	run_hooks(arena);
	for (; *link != NULL; link = &(*link)->next) {
		if ((*link)->size <= 4 * BLOCK_MIN) {
			kept = *link;
			*link = kept->next;
			break;
		}
	}
	free_blocks(arena->blocks);
	arena_init(arena);
	if (kept != NULL) {
		kept->next = NULL;
		arena->blocks = kept;
		arena->at = kept->data;
		arena->end = (char *)kept + kept->size;
	}
}

void arena_on_end(struct arena *arena, void (*fn)(void *data), void *data)
{
	struct arena_hook *hook = arena_alloc(arena, sizeof(*hook));

	*hook = (struct arena_hook){.next = arena->hooks, .fn = fn, .data = data};
	arena->hooks = hook;
}

size_t arena_size(const struct arena *arena)
{
	return arena->used + (arena->blocks != NULL ? arena->blocks->size : 0);
}

/* A large request goes behind the newest block, so that the free bytes in front stay in use. */
static void *alloc_alone(struct arena *arena, size_t size)
{
	struct arena_block *block = block_new(sizeof(*block) + size);

	block->next = arena->blocks->next;
	arena->blocks->next = block;
	arena->used += block->size;
	return block->data;
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		abort();
	const size_t rounded = (size + 15) & ~(size_t)15;
	size_t next = BLOCK_MIN;

	if (arena->blocks != NULL) {
		if (rounded > BLOCK_MAX / 4)
			return alloc_alone(arena, rounded);
		next = arena->blocks->size * 2;
		arena->used += arena->blocks->size;
	}
	if (next > BLOCK_MAX)
		next = BLOCK_MAX;
	if (next < sizeof(struct arena_block) + rounded)
		next = sizeof(struct arena_block) + rounded;

	struct arena_block *block = block_new(next);

	block->next = arena->blocks;
	arena->blocks = block;
	arena->at = block->data + rounded;
	arena->end = (char *)block + block->size;
	return block->data;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return arena_alloc(arena, bytes);
}

char *arena_memdup(struct arena *arena, const void *data, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_memdup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	const int len = vsnprintf(NULL, 0, format, args);
	if (len < 0)
		abort();
	char *text = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
