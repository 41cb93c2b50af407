#include "base/options_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static bool set_flag(const char *source, const char *text, bool *ret, struct error *err)
{
	static const char *const WORDS[][2] = {
		{"false", "true"}, {"no", "yes"}, {"0", "1"}, {"off", "on"}};

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		for (int value = 0; value < 2; value++) {
			if (!str_eq_nocase(str_of(text), str_of(WORDS[i][value])))
				continue;
			*ret = value == 1;
			return true;
		}
	}
	return error_set(err, ERR_USAGE, "%s: expected true or false, got '%s'", source, text);
}

/* "16m" → 16, 1 << 20. Without a suffix the unit is 1. */
static bool split_unit(const char *suffix, bool is_size, int64_t *ret_unit)
{
	static const struct {
		const char *suffix;
		int64_t unit;
	} UNITS[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};

	for (size_t i = 0; i < (is_size ? sizeof(UNITS) / sizeof(UNITS[0]) : 1); i++) {
		if (!str_eq_nocase(str_of(suffix), str_of(UNITS[i].suffix)))
			continue;
		*ret_unit = UNITS[i].unit;
		return true;
	}
	return false;
}

static bool read_number(const char *text, bool is_size, int64_t *ret)
{
	char *end = NULL;
	int64_t unit;

	if (strchr("-0123456789", text[0]) == NULL)
		return false;
	errno = 0;
	const long long number = strtoll(text, &end, 10);
	return errno == 0 && end > text && split_unit(end, is_size, &unit) &&
	       !__builtin_mul_overflow((int64_t)number, unit, ret);
}

static bool set_number(const struct option *option, const char *source, const char *text,
	int64_t *ret, struct error *err)
{
	const bool is_size = option->kind == OPTION_SIZE, has_range = option->min < option->max;
	const char *wanted = is_size ? "a size in bytes (512, 64k, 16m, 1g)" : "an integer";
	int64_t value;

	if (read_number(text, is_size, &value) &&
		(!has_range || (value >= option->min && value <= option->max))) {
		*ret = value;
		return true;
	}
	if (!has_range)
		return error_set(err, ERR_USAGE, "%s: expected %s, got '%s'", source, wanted, text);
	return error_set(err, ERR_USAGE,
		"%s: expected %s from %" PRId64 " to %" PRId64 ", got '%s'", source, wanted,
		option->min, option->max, text);
}

static bool set_choice(const struct option *option, const char *source, const char *text, int *ret,
	struct error *err)
{
	struct buf list = {0};

	for (int i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(option->choices[i], text) == 0) {
			*ret = i;
			buf_done(&list);
			return true;
		}
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", option->choices[i]);
	}
	error_set(
		err, ERR_USAGE, "%s: expected one of %s, got '%s'", source, buf_text(&list), text);
	buf_done(&list);
	return false;
}

static void append(struct arena *arena, struct decode_list *list, const char *text)
{
	const char **items = arena_array(arena, list->count + 1, sizeof(*items));

	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count++] = text;
	list->items = items;
}

bool option_set(const struct option *option, struct arena *arena, const char *source,
	const char *text, void *ret, struct error *err)
{
	void *at = (char *)ret + option->offset;

	switch (option->kind) {
	case OPTION_FLAG:
		return set_flag(source, text, at, err);
	case OPTION_STRING:
		*(const char **)at = arena_strdup(arena, text);
		return true;
	case OPTION_INTEGER:
	case OPTION_SIZE:
		return set_number(option, source, text, at, err);
	case OPTION_CHOICE:
		return set_choice(option, source, text, at, err);
	case OPTION_STRINGS:
		append(arena, at, arena_strdup(arena, text));
		return true;
	}
	return error_set(err, ERR_INTERNAL, "%s: unknown kind of option", source);
}

const char *option_fallback(const struct option *option, struct arena *arena)
{
	int64_t number = option->fallback_number;
	const char *units = "kmg";
	char unit = 0;

	if (option->fallback != NULL || number == 0)
		return option->fallback;
	for (; option->kind == OPTION_SIZE && *units != '\0' && number % 1024 == 0; number /= 1024)
		unit = *units++;
	return unit != 0 ? arena_printf(arena, "%" PRId64 "%c", number, unit)
			 : arena_printf(arena, "%" PRId64, number);
}

void option_reset(const struct option *option, void *ret)
{
	if (option->kind == OPTION_STRINGS)
		*(struct decode_list *)((char *)ret + option->offset) = (struct decode_list){0};
}

const char *option_key(struct arena *arena, const char *name)
{
	char *key = arena_strdup(arena, name);

	for (char *p = key; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return key;
}

static const char *env_name(struct arena *arena, const char *first, const char *rest)
{
	char *env = arena_printf(arena, "%s_%s", first, rest);

	for (char *p = env; *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
		else if (*p == '-' || *p == ' ')
			*p = '_';
	}
	return env;
}

const char *option_env_name(struct arena *arena, const char *name)
{
	return env_name(arena, "sluice", name);
}

const char *options_config_env_name(struct arena *arena, const struct options_spec *spec)
{
	return env_name(arena, spec->program, "config");
}
