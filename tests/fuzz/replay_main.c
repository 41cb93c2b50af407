/*
 * Replays a corpus where there is no libFuzzer: main() of the fuzz targets in all builds but the
 * fuzz preset. Arguments are files, or folders whose files are taken in the order of their names.
 * No input at all is a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count;

static void die(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(66);
}

/* In memory of exactly its size, so that the sanitizer sees every byte read behind it. */
static void replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size)
		die(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	count++;
}

static void replay(const char *path);

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_folder(const char *path)
{
	struct dirent **entries;
	const int entry_count = scandir(path, &entries, is_visible, alphasort);

	if (entry_count < 0)
		die(path);
	for (int i = 0; i < entry_count; i++) {
		char *inner;

		if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			die(path);
		replay(inner);
		free(inner);
		free(entries[i]);
	}
	free(entries);
}

static void replay(const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0)
		die(path);
	if (S_ISDIR(info.st_mode))
		replay_folder(path);
	else
		replay_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%zu inputs\n", count);
	return count > 0 ? 0 : 1;
}
