#include "access/key_file.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_LEN = 2 * KEY_SIZE };

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, size_t len, struct key *ret)
{
	for (size_t i = 0; i < KEY_SIZE; i++) {
		const int high = len == HEX_LEN ? digit_of(text[2 * i]) : -1, low = len == HEX_LEN
			? digit_of(text[2 * i + 1]) : -1;

		if (high < 0 || low < 0)
			return false;
		ret->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_open(int fd, const char *path, struct key *ret, struct error *err)
{
	char text[HEX_LEN + 2];
	struct stat info;

	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
		return error_set(err, ERR_INVALID_STATE, "the key file '%s' is no file", path);
	if ((info.st_mode & 077) != 0)
		return error_set(err, ERR_INVALID_STATE,
			"others than its owner may read the key file '%s': chmod 600 it", path);
	const ssize_t got = read(fd, text, sizeof(text));
	if (got < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "read the key file '%s'", path);
	const size_t len = got > 0 && text[got - 1] == '\n' ? (size_t)got - 1 : (size_t)got;
	const bool is_key = parse(text, len, ret);
	OPENSSL_cleanse(text, sizeof(text));
	return is_key || error_set(err, ERR_INVALID_STATE, "the key file '%s' holds no key: expected %d hex digits",
		path, HEX_LEN);
}

bool key_file_read(const char *path, struct key *ret, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? ERR_INVALID_STATE : ERR_INTERNAL, errno,
			"open the key file '%s'", path);
	const bool is_read = read_open(fd, path, ret, err);
	close(fd);
	return is_read;
}

static bool write_new(int fd)
{
	char text[HEX_LEN + 1];
	uint8_t bits[KEY_SIZE];

	if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		abort();
	for (size_t i = 0; i < KEY_SIZE; i++) {
		text[2 * i] = "0123456789abcdef"[bits[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bits[i] & 15];
	}
	text[HEX_LEN] = '\n';
	const bool is_written = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0;
	OPENSSL_cleanse(bits, sizeof(bits));
	OPENSSL_cleanse(text, sizeof(text));
	return is_written;
}

/* To stay: a secret that was answered for must not lose its key with the power. */
static bool sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const bool is_synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return is_synced;
}

/* Whole under another name first; link() gives way to whoever was faster. */
static bool make_in(const char *folder, const char *path)
{
	char temporary[4096];

	if (snprintf(temporary, sizeof(temporary), "%s/.key.XXXXXX", folder) >= (int)sizeof(temporary))
		return false;
	const int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return false;
	bool is_made = write_new(fd) && (link(temporary, path) == 0 || errno == EEXIST);
	close(fd);
	const int failed = errno;
	unlink(temporary);
	is_made = is_made && sync_folder(folder);
	errno = is_made ? 0 : failed;
	return is_made;
}

bool key_file_make(const char *path, struct key *ret, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";

	if (access(path, F_OK) == 0)
		return key_file_read(path, ret, err);
	if (slash != NULL && snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path) >= (int)sizeof(folder))
		return error_set(err, ERR_USAGE, "the key file's path '%.100s…' is too long", path);
	if ((mkdir(folder, 0700) != 0 && errno != EEXIST) || !make_in(folder, path))
		return error_set_errno(err, ERR_INTERNAL, errno, "make the key file '%s'", path);
	return key_file_read(path, ret, err);
}
