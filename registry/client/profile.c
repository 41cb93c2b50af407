#include "client/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>

#include "packaging/files.h"

enum { PROFILE_SIZE_MAX = 1024 * 1024 };

/* The file's bytes on the heap, to be wiped: there are secrets in them. */
struct text {
	char *bytes;
	size_t len;
};

static bool read_file(const char *path, struct text *ret, bool *ret_is_there, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	*ret = (struct text){0};
	*ret_is_there = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return error_set_errno(err, ERR_USAGE, errno, "'%s'", path);
	ret->bytes = malloc(PROFILE_SIZE_MAX);
	if (ret->bytes == NULL)
		abort();
	const bool is_read = files_read_all(fd, ret->bytes, PROFILE_SIZE_MAX, &ret->len);
	const int why = errno;
	close(fd);
	if (!is_read)
		return error_set_errno(err, ERR_USAGE, why, "'%s'", path);
	return ret->len < PROFILE_SIZE_MAX || error_set(err, ERR_USAGE, "'%s' is over 1 MiB", path);
}

static void take_value(struct arena *arena, struct str key, struct str value, struct profile *ret)
{
	if (str_eq_nocase(key, STR("host")))
		ret->host = (struct str){arena_memdup(arena, value.data, value.len), value.len};
	else if (str_eq_nocase(key, STR("client_id")))
		ret->client_id = (struct str){arena_memdup(arena, value.data, value.len), value.len};
	else if (str_eq_nocase(key, STR("token")))
		ret->token = secret_new(arena, value);
	else if (str_eq_nocase(key, STR("client_secret")))
		ret->client_secret = secret_new(arena, value);
}

static bool cut_pair(struct str line, struct str *ret_key, struct str *ret_value)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] != '=' && line.data[i] != ':')
			continue;
		*ret_key = str_trim_space((struct str){line.data, i});
		*ret_value = str_trim_space((struct str){line.data + i + 1, line.len - i - 1});
		return ret_key->len > 0;
	}
	return false;
}

bool profile_parse(
	struct arena *arena, const char *path, struct str rest, struct str name, struct profile *ret, struct error *err)
{
	bool is_inside = false;
	struct str line, key, value;

	*ret = (struct profile){0};
	for (unsigned number = 1; rest.len > 0; number++) {
		str_cut(&rest, '\n', &line);
		/* A line that begins with a blank goes on with a value, of which none here has two lines. */
		const bool is_continued = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
		line = str_trim_space(line);
		if (line.len == 0 || is_continued || line.data[0] == '#' || line.data[0] == ';')
			continue;
		if (line.data[0] == '[' && line.data[line.len - 1] == ']') {
			is_inside = str_eq((struct str){line.data + 1, line.len - 2}, name);
			ret->is_found |= is_inside;
		} else if (!cut_pair(line, &key, &value)) {
			return error_set(err, ERR_USAGE, "%s:%u: neither [profile] nor key = value", path, number);
		} else if (is_inside) {
			take_value(arena, key, value, ret);
		}
	}
	return true;
}

bool profile_read(struct arena *arena, const char *path, struct str name, struct profile *ret, struct error *err)
{
	struct text text;
	bool is_there;

	*ret = (struct profile){0};
	bool is_fine = read_file(path, &text, &is_there, err);
	if (is_fine && is_there)
		is_fine = profile_parse(arena, path, (struct str){text.bytes, text.len}, name, ret, err);
	if (text.bytes != NULL)
		OPENSSL_cleanse(text.bytes, text.len);
	free(text.bytes);
	return is_fine;
}
