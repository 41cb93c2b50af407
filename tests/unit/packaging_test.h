#pragma once
/* What the tests of packaging/ share: a folder of one's own, files in it, and verbs that say the
 * code. */
#include "packaging/pack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct error err;
static char *place; /* the folder of this test, and the current one */

#define OK(expr)                                                                                   \
	do {                                                                                       \
		error_clear(&err);                                                                 \
		if (!(expr))                                                                       \
			fail_msg("%s: %s", #expr, err.text);                                       \
	} while (0)

#define FAILS(expr, expected_code, part)                                                           \
	do {                                                                                       \
		error_clear(&err);                                                                 \
		if (expr)                                                                          \
			fail_msg("%s did not fail", #expr);                                        \
		if (err.code != (expected_code) || strstr(err.text, part) == NULL)                 \
			fail_msg("%s: expected %s with '%s', got %s: %s", #expr,                   \
				error_info(expected_code)->name, part, error_info(err.code)->name, \
				err.text);                                                         \
	} while (0)

static inline int set_up(void **state)
{
	arena_init(&arena);
	place = strdup("/tmp/packaging-test-XXXXXX");
	return mkdtemp(place) != NULL && chdir(place) == 0 ? 0 : -1;
}

static inline int tear_down(void **state)
{
	arena_done(&arena);
	const int status = chdir("/");
	files_remove(AT_FDCWD, place);
	free(place);
	return status;
}

static inline void put_file(const char *path, const char *text)
{
	char *copy = arena_strdup(&arena, path);

	for (char *slash = strchr(copy, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static inline struct str get_file(const char *path)
{
	struct str text = STR("");

	OK(files_read(&arena, AT_FDCWD, path, (size_t)1 << 30, &text, &err));
	return text;
}

static inline int open_dir(const char *path)
{
	mkdir(path, 0755);
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline void put_bundle(const char *folder)
{
	put_file(arena_printf(&arena, "%s/MLmodel", folder), "flavors: {}\n");
	put_file(arena_printf(&arena, "%s/config.yaml", folder), "steps: []\n");
	put_file(arena_printf(&arena, "%s/prompts/intent.txt", folder), "{{question}}");
	put_file(arena_printf(&arena, "%s/data/deep/empty.txt", folder), "");
}

static const struct files_walk plain_walk = {.limits = &archive_limits_default};

static inline struct pack_result pack(const char *folder, const char *target)
{
	struct pack_result result = {0};

	OK(pack_folder(&arena, folder, target, &plain_walk, &result, &err));
	return result;
}
