/* The configuration file: YAML, a key an option. */
#include "base/options_reading.h"
#include "base/options_value.h"
#include "base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static bool read_file(struct options_reading *reading, const char *path, struct str *ret)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = arena_alloc(reading->arena, YAML_SIZE_MAX + 1);
	size_t len = 0;
	ssize_t got = 0;

	if (fd < 0)
		return error_set_errno(reading->err, ERR_USAGE, errno, "--config '%s'", path);
	do {
		got = read(fd, data + len, YAML_SIZE_MAX + 1 - len);
		len += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	const int why = errno;
	close(fd);
	if (got < 0)
		return error_set_errno(reading->err, ERR_USAGE, why, "--config '%s'", path);
	*ret = (struct str){data, len};
	return true;
}

static bool set_scalar(struct options_reading *reading, const struct option *option,
	const char *source, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return options_set(reading, option, source, value->boolean ? "true" : "false");
	case JSON_INTEGER:
		return options_set(reading, option, source,
			arena_printf(reading->arena, "%" PRId64, value->integer));
	case JSON_STRING:
		if (memchr(value->text, '\0', value->size) != NULL)
			break;
		return options_set(reading, option, source,
			arena_memdup(reading->arena, value->text, value->size));
	default:
		break;
	}
	return error_set(reading->err, ERR_USAGE, "%s: expected one value, got %s", source,
		json_type_name(value));
}

static bool set_from_file(
	struct options_reading *reading, const char *path, const struct json_member *member)
{
	const struct str key = json_str(&member->key);
	const char *source = arena_printf(
		reading->arena, "%s:%u: %.*s", path, (unsigned)member->key.at, STR_ARGS(key));

	for (const struct option *option = options_table(reading->spec); option->name != NULL;
		option++) {
		if (option->is_argument_only ||
			!str_is(key, option_key(reading->arena, option->name)))
			continue;
		option_reset(option, reading->ret);
		if (option->kind != OPTION_STRINGS || json_type(&member->value) != JSON_ARRAY)
			return set_scalar(reading, option, source, &member->value);
		for (size_t i = 0; i < member->value.size; i++)
			if (!set_scalar(reading, option, source, &member->value.items[i]))
				return false;
		return true;
	}
	const char *known = options_nearest(reading, key, true);
	if (known != NULL)
		return error_set(reading->err, ERR_USAGE,
			"%s:%u: unknown key '%.*s', did you mean '%s'?", path,
			(unsigned)member->key.at, STR_ARGS(key), known);
	return error_set(reading->err, ERR_USAGE, "%s:%u: unknown key '%.*s'", path,
		(unsigned)member->key.at, STR_ARGS(key));
}

bool options_read_file(struct options_reading *reading, const char *path)
{
	struct str text;
	struct json tree;

	if (!read_file(reading, path, &text))
		return false;
	if (!yaml_read(reading->arena, path, text, &tree, reading->err)) {
		reading->err->code = ERR_USAGE;
		return false;
	}
	if (json_type(&tree) != JSON_OBJECT)
		return error_set(reading->err, ERR_USAGE,
			"%s: expected option: value lines, got %s", path, json_type_name(&tree));
	for (size_t i = 0; i < tree.size; i++)
		if (!set_from_file(reading, path, &tree.members[i]))
			return false;
	return true;
}
