/*
 * Any bytes through the whole of extraction, in this process and writing nothing: whatever is
 * accepted follows the rules, and what is refused says why. Limits are low, so that a bomb costs no
 * time.
 */
#include "packaging/archive.h"
#include "packaging/names.h"

#include <stdlib.h>

static const struct archive_limits LIMITS = {
	.entries_max = 100,
	.file_max = 1 << 18,
	.total_max = 1 << 19,
	.ratio_max = 100,
	.ratio_floor = 1 << 16,
	.deadline_ms = 5000,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_files(const struct file_list *files)
{
	uint64_t total = 0;

	must(files->count > 0 && files->count <= LIMITS.entries_max);
	for (size_t i = 0; i < files->count; i++) {
		must(name_check(str_of(files->items[i].path), NULL));
		must(i == 0 || strcmp(files->items[i - 1].path, files->items[i].path) < 0);
		must(files->items[i].size <= LIMITS.file_max);
		total += files->items[i].size;
	}
	must(total == files->total && total <= LIMITS.total_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_list files = {0};
	struct error err = {0};
	struct arena arena;

	arena_init(&arena);
	if (archive_extract_bytes(
		    &arena, (struct str){(const char *)data, size}, -1, &LIMITS, &files, &err))
		check_files(&files);
	else
		must(err.code != ERR_NONE && err.text[0] != '\0');
	arena_done(&arena);
	return 0;
}
