/*
 * The packaging functions by hand, for tests that need a process of its own: to be killed, or to
 * meet an attack. packaging_probe extract ARCHIVE DIR     into the empty folder packaging_probe
 * store STATE ARCHIVE packaging_probe open STATE|- BUNDLE packaging_probe pack DIR ARCHIVE Prints
 * one line: "ok …" or "CODE: message"; exits with the error's status.
 */
#include "packaging/pack.h"
#include "packaging/package.h"
#include "packaging/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct probe {
	struct arena arena;
	char **args;
	struct error err;
};

static void print_files(const struct file_list *files)
{
	printf("ok");
	for (size_t i = 0; i < files->count; i++)
		printf(" %s", files->items[i].path);
	printf("\n");
}

static bool do_extract(struct probe *probe)
{
	const int fd = open(probe->args[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct file_list files;

	if (fd < 0)
		return error_set(&probe->err, ERR_USAGE, "no folder '%s'", probe->args[1]);
	const bool ok = archive_extract(
		&probe->arena, probe->args[0], fd, &archive_limits_default, &files, &probe->err);
	close(fd);
	if (ok)
		print_files(&files);
	return ok;
}

static bool do_store(struct probe *probe)
{
	struct stored stored;
	struct store store;

	if (!store_open(&probe->arena, probe->args[0], &store, &probe->err) ||
		!store_add(&probe->arena, &store, probe->args[1], &archive_limits_default, &stored,
			&probe->err))
		return false;
	printf("ok %s %s\n", stored.dir, stored.was_present ? "present" : "new");
	return true;
}

static bool do_open(struct probe *probe)
{
	const char *state = strcmp(probe->args[0], "-") == 0 ? NULL : probe->args[0];
	struct package package;

	if (!package_open(&probe->arena, probe->args[1], state, NULL, &package, &probe->err))
		return false;
	printf("ok %s %s %s\n", package.dir, package.name, package.digest);
	return true;
}

static bool do_pack(struct probe *probe)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct pack_result result;
	char hex[DIGEST_HEX_SIZE];

	if (!pack_folder(
		    &probe->arena, probe->args[0], probe->args[1], &walk, &result, &probe->err))
		return false;
	printf("ok %s\n", digest_hex(&result.digest, hex));
	return true;
}

static const struct {
	const char *name;
	int arguments;
	bool (*fn)(struct probe *probe);
} COMMANDS[] = {
	{"extract", 2, do_extract},
	{"store", 2, do_store},
	{"open", 2, do_open},
	{"pack", 2, do_pack},
};

static int run(struct probe *probe, bool (*fn)(struct probe *probe))
{
	arena_init(&probe->arena);
	const bool ok = fn(probe);
	arena_done(&probe->arena);
	if (ok)
		return EXIT_SUCCESS;
	printf("%s: %s\n", error_info(probe->err.code)->name, probe->err.text);
	return error_info(probe->err.code)->exit_status;
}

int main(int argc, char **argv)
{
	struct probe probe = {.args = argv + 2};

	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (argc == COMMANDS[i].arguments + 2 && strcmp(argv[1], COMMANDS[i].name) == 0)
			return run(&probe, COMMANDS[i].fn);
	fprintf(stderr, "usage: packaging_probe extract|store|open|pack …\n");
	return 64;
}
