/*
 * The embedded registry's files by hand, for tests that need a process of its own: to be killed, or to see calls fail.
 *
 *	registry_probe put STATE PATH FILE      an upload, in pieces
 *	registry_probe get STATE PATH           the bytes on standard output
 *	registry_probe rm STATE PATH
 *
 * Prints one line on standard error: "ok" or "CODE: message"; exits with the error's status.
 */
#include "packaging/files.h"
#include "store/artifact_upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static bool put(struct registry *registry, struct str path, const char *file, struct error *err)
{
	static char piece[PIECE];
	struct artifact_upload upload;
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t len = PIECE;

	if (fd < 0)
		return error_set(err, ERR_USAGE, "no file '%s'", file);
	bool is_done = artifact_upload_start(&upload, registry, err);
	while (is_done && len == PIECE)
		is_done = files_read_all(fd, piece, PIECE, &len) &&
			  artifact_upload_add(&upload, (struct str){piece, len}, err);
	is_done = is_done && artifact_upload_end(&upload, path, 1700000000000, err);
	artifact_upload_done(&upload);
	close(fd);
	return is_done;
}

static bool get(struct registry *registry, struct str path, struct error *err)
{
	char piece[PIECE];
	struct artifact artifact;
	struct arena arena;
	size_t len = PIECE;
	int fd;

	arena_init(&arena);
	const bool is_open = artifacts_open(registry, &arena, path, &artifact, &fd, err);
	arena_done(&arena);
	if (!is_open)
		return false;
	while (len == PIECE && files_read_all(fd, piece, PIECE, &len))
		files_write_all(STDOUT_FILENO, (struct str){piece, len});
	close(fd);
	return true;
}

static bool run(struct registry *registry, char **argv, struct error *err)
{
	const struct str path = str_of(argv[3]);

	if (strcmp(argv[1], "put") == 0)
		return put(registry, path, argv[4], err);
	return strcmp(argv[1], "get") == 0 ? get(registry, path, err) : artifacts_remove(registry, path, err);
}

int main(int argc, char **argv)
{
	struct error err = {0};

	if (argc < 4 || (strcmp(argv[1], "put") == 0) != (argc == 5)) {
		fprintf(stderr, "usage: registry_probe put STATE PATH FILE | get STATE PATH | rm STATE PATH\n");
		return 64;
	}
	struct registry *registry = registry_open(argv[2], &err);
	const bool is_done = registry != NULL && run(registry, argv, &err);
	fprintf(stderr, "%s%s%s\n", is_done ? "ok" : error_info(err.code)->name, is_done ? "" : ": ", err.text);
	registry_close(registry);
	return is_done ? 0 : error_info(err.code)->exit_status;
}
