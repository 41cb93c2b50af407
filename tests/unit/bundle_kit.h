#pragma once
/* Bundles made on the spot for unit tests: files by name and text in a temporary folder. */
#include "model/bundle.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KIT_FLAVOR "flavors:\n  sluice: {config: config.yaml}\n"
/* question: string, max_slides: long (optional) → answer: string, error: string */
#define KIT_MLMODEL                                                                                \
	KIT_FLAVOR                                                                                 \
		"signature:\n"                                                                     \
		"  inputs: '[{\"type\": \"string\", \"name\": \"question\", \"required\": true}, " \
		"{\"type\": \"long\", \"name\": \"max_slides\", \"required\": false}]'\n"          \
		"  outputs: '[{\"type\": \"string\", \"name\": \"answer\", \"required\": true}, "  \
		"{\"type\": \"string\", \"name\": \"error\", \"required\": false}]'\n"             \
		"  params: null\n"

struct kit {
	char dir[64];
	struct arena arena;
	struct problems problems;
	struct bundle_options options;
	struct bundle *bundle; /* NULL: loading failed */
};

static inline void kit_init(struct kit *kit)
{
	memset(kit, 0, sizeof(*kit));
	strcpy(kit->dir, "/tmp/sluice-kit-XXXXXX");
	assert_non_null(mkdtemp(kit->dir));
	arena_init(&kit->arena);
}

static inline int kit_remove(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static inline void kit_done(struct kit *kit)
{
	bundle_unref(kit->bundle);
	arena_done(&kit->arena);
	nftw(kit->dir, kit_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void kit_folder(struct kit *kit, const char *path)
{
	assert_int_equal(mkdir(arena_printf(&kit->arena, "%s/%s", kit->dir, path), 0700), 0);
}

static inline void kit_write(struct kit *kit, const char *path, const char *text)
{
	FILE *file = fopen(arena_printf(&kit->arena, "%s/%s", kit->dir, path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static inline bool kit_load(struct kit *kit)
{
	bundle_unref(kit->bundle);
	kit->bundle = NULL;
	problems_init(&kit->problems, &kit->arena);
	return bundle_load(kit->dir, &kit->options, &kit->problems, &kit->bundle);
}

static inline char *kit_problem(struct kit *kit, size_t index)
{
	struct buf text = {0};

	problem_write(&text, &kit->problems.items[index]);
	char *copy = arena_strdup(&kit->arena, buf_text(&text));
	buf_done(&text);
	return copy;
}

/* Exactly these problems, in this order, ended by NULL: each its whole line, or the start of it
 * where it ends in "…". */
static inline void kit_expect(struct kit *kit, const char *first, ...)
{
	va_list args;
	size_t count = 0;
	bool is_same = true;

	va_start(args, first);
	for (const char *want = first; want != NULL; want = va_arg(args, const char *), count++) {
		const char *got =
			count < kit->problems.count ? kit_problem(kit, count) : "(nothing)";
		const struct str wanted = str_of(want);
		const bool is_start = str_ends(wanted, STR("…"));
		const size_t len = is_start ? wanted.len - strlen("…") : wanted.len;

		if (is_start ? strncmp(got, want, len) != 0 : strcmp(got, want) != 0) {
			print_error("expected: %s\n     got: %s\n", want, got);
			is_same = false;
		}
	}
	va_end(args);
	for (size_t i = count; i < kit->problems.count; i++) {
		print_error("too many: %s\n", kit_problem(kit, i));
		is_same = false;
	}
	assert_true(is_same);
}
