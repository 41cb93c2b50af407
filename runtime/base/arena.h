#pragma once
/*
 * Arena: memory that lives and dies together, one per request, run or loaded bundle.
 *
 * Invariants: every pointer handed out stays valid until arena_clear() or arena_done(); nothing is freed singly.
 * Not thread-safe: an arena belongs to one thread at a time.
 * Out of memory aborts: sizes that a user controls are limited where they enter (limits in server/http.h,
 * packaging/archive.h), so no allocation here grows with hostile input.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena_block;
struct arena_hook;

struct arena {
	char *at, *end; /* free bytes of the newest block */
	struct arena_block *blocks;
	struct arena_hook *hooks;
	size_t used; /* bytes of blocks behind the newest one */
};

/* An arena in the caller's memory; allocates nothing before its first use. */
void arena_init(struct arena *arena);
/* Runs the hooks, newest first, and gives all memory back. */
void arena_done(struct arena *arena);
/* As arena_done, but keeps one small block for the next user: the cheap end of a request on a kept connection. */
void arena_clear(struct arena *arena);

/* Calls fn(data) when the arena ends: for what is not memory (files, database handles, references). */
void arena_on_end(struct arena *arena, void (*fn)(void *data), void *data);

/* Bytes held: what tests bound where a header promises it. */
size_t arena_size(const struct arena *arena);

void *arena_alloc_slow(struct arena *arena, size_t size);

/* `size` bytes, uninitialised, aligned for any type. Never NULL. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t rounded = (size + 15) & ~(size_t)15;

	/* Not "<": nothing is asked of an arena without a block, too. */
	if ((size_t)(arena->end - arena->at) <= rounded || rounded < size)
		return arena_alloc_slow(arena, size);
	void *memory = arena->at;
	arena->at += rounded;
	return memory;
}

static inline void *arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

/* An array of `count` elements of `size` bytes, uninitialised; aborts where the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* Copies, each ended by a NUL that does not count. */
char *arena_memdup(struct arena *arena, const void *data, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
