#include "cli/secret_input.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20 };

static bool read_all(int fd, char *buffer, size_t *ret_len, struct error *err)
{
	size_t len = 0;

	while (len < INPUT_MAX) {
		const ssize_t got = read(fd, buffer + len, INPUT_MAX - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, ERR_INTERNAL, errno, "read the secret");
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return len < INPUT_MAX || error_set(err, ERR_TOO_LARGE, "the secret is longer than any that is taken");
}

/* One line, unseen. */
static bool read_typed(struct console *console, char *buffer, size_t *ret_len, struct error *err)
{
	struct termios shown, hidden;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "hide what is typed");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	console_notice(console, "the secret (not shown):");
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "hide what is typed");
	const ssize_t got = read(STDIN_FILENO, buffer, INPUT_MAX);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	if (got < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "read the secret");
	*ret_len = (size_t)got;
	return true;
}

static bool read_from(struct console *console, const char *file, char *buffer, size_t *ret_len, struct error *err)
{
	if (file == NULL && isatty(STDIN_FILENO) == 1)
		return read_typed(console, buffer, ret_len, err);
	const int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "open '%s'", file);
	const bool is_read = read_all(fd, buffer, ret_len, err);
	if (file != NULL)
		close(fd);
	return is_read;
}

bool secret_input(struct console *console, struct arena *arena, const char *file, struct secret *ret, struct error *err)
{
	char *buffer = arena_alloc(arena, INPUT_MAX);
	size_t len = 0;

	const bool is_read = read_from(console, file, buffer, &len, err);
	if (is_read && file == NULL && len > 0 && buffer[len - 1] == '\n')
		len -= len > 1 && buffer[len - 2] == '\r' ? 2 : 1;
	if (is_read)
		*ret = secret_new(arena, (struct str){buffer, len});
	OPENSSL_cleanse(buffer, INPUT_MAX);
	return is_read && (len > 0 || error_set(err, ERR_USAGE, "the secret is empty"));
}
