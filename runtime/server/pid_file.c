#include "server/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 32 };

static int write_new(const char *path)
{
	char text[TEXT_MAX];
	const int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	const int failed = write(fd, text, (size_t)len) == len ? 0 : errno;
	close(fd);
	return failed;
}

bool pid_file_write(const char *path, struct error *err)
{
	char beside[PATH_MAX];

	if (path == NULL)
		return true;
	if (snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid()) >= (int)sizeof(beside))
		return error_set(err, ERR_USAGE, "--pid-file '%s': the name is too long", path);
	int failed = write_new(beside);
	if (failed == 0 && rename(beside, path) != 0)
		failed = errno;
	if (failed == 0)
		return true;
	unlink(beside);
	return error_set_errno(err, ERR_USAGE, failed, "--pid-file '%s'", path);
}

void pid_file_remove(const char *path)
{
	char text[TEXT_MAX];

	if (path == NULL)
		return;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	const ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (strtol(text, NULL, 10) == (long)getpid())
		unlink(path);
}
