/* Arenas: alignment, growth, hooks, and what stays after a clear. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void empty(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_int_equal(arena_size(&arena), 0);
	arena_clear(&arena);
	arena_done(&arena);
	assert_null(arena.blocks);
}

static void nothing_is_never_null(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_non_null(arena_alloc(&arena, 0));
	assert_non_null(arena_array(&arena, 0, 100));
	assert_non_null(arena_zalloc(&arena, 0));
	assert_string_equal(arena_memdup(&arena, NULL, 0), "");
	arena_done(&arena);
}

/* Sizes around the blocks' borders; every byte is written, the sanitizer looks on. */
static void sizes_are_aligned_and_apart(void **state)
{
	static const size_t SIZES[] = {
		1, 15, 16, 17, 100, 4000, 4095, 4096, 4097, 65535, 65536, 65537, 262144, 1000000};
	enum { COUNT = sizeof(SIZES) / sizeof(SIZES[0]) };
	unsigned char *blocks[4 * COUNT];
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < 4 * COUNT; i++) {
		blocks[i] = arena_alloc(&arena, SIZES[i % COUNT]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i, SIZES[i % COUNT]);
	}
	for (size_t i = 0; i < 4 * COUNT; i++)
		for (size_t j = 0; j < SIZES[i % COUNT]; j += 13)
			assert_int_equal(blocks[i][j], i);
	assert_true(arena_size(&arena) >= 4 * 1000000);
	arena_done(&arena);
}

static void zeroed(void **state)
{
	struct arena arena;

	arena_init(&arena);
	memset(arena_alloc(&arena, 1000), 0xff, 1000);
	arena_clear(&arena);
	const unsigned char *bytes = arena_zalloc(&arena, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(bytes[i], 0);
	arena_done(&arena);
}

static void copies(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_string_equal(arena_strdup(&arena, "text"), "text");
	assert_memory_equal(arena_memdup(&arena, "a\0b", 3), "a\0b", 4);
	assert_string_equal(arena_printf(&arena, "%d %s", 7, "x"), "7 x");
	const char *large = arena_printf(&arena, "%0100000d", 1);
	assert_int_equal(strlen(large), 100000);
	arena_done(&arena);
}

struct note {
	int *order, *count;
	int id;
};

static void take_note(void *data)
{
	const struct note *note = data;

	note->order[(*note->count)++] = note->id;
}

static void hooks_run_newest_first(void **state)
{
	int order[3] = {0}, count = 0;
	struct note notes[3];
	struct arena arena;

	arena_init(&arena);
	for (int i = 0; i < 3; i++) {
		notes[i] = (struct note){order, &count, i};
		arena_on_end(&arena, take_note, &notes[i]);
	}
	arena_clear(&arena);
	assert_int_equal(count, 3);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[2], 0);
	arena_done(&arena);
	assert_int_equal(count, 3);
}

static void clear_keeps_one_small_block(void **state)
{
	struct arena arena;

	arena_init(&arena);
	arena_alloc(&arena, 100);
	arena_alloc(&arena, 1000000);
	arena_clear(&arena);
	assert_in_range(arena_size(&arena), 1, 4 * 4096);
	const char *first = arena_alloc(&arena, 100);
	arena_clear(&arena);
	assert_ptr_equal(arena_alloc(&arena, 100), first);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(nothing_is_never_null),
		cmocka_unit_test(sizes_are_aligned_and_apart),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(copies),
		cmocka_unit_test(hooks_run_newest_first),
		cmocka_unit_test(clear_keeps_one_small_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
