/*
 * Options are read from the weakest source to the strongest: default, file, environment, command
 * line. The command line is looked over first, for --help and --config, and applied last.
 */
#include "base/options.h"
#include "base/options_value.h"
#include "base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct given {
	const struct option *option;
	const char *source, *text;
};

struct reading {
	const struct options_spec *spec;
	struct arena *arena;
	void *ret;
	struct error *err;
	bool *is_set; /* an option */
	struct given *given;
	size_t given_count;
	const char **arguments;
	unsigned argument_count;
	const char *config_path;
	bool is_help;
};

static bool scan_command_line(struct reading *reading, int argc, char **argv);
static bool apply_fallbacks(struct reading *reading);
static bool apply_file(struct reading *reading);
static bool apply_environment(struct reading *reading);
static bool apply_command_line(struct reading *reading);
static bool check_complete(struct reading *reading);

static const struct option CONFIG = {.name = "config", .kind = OPTION_STRING};
static const struct option HELP = {.name = "help", .kind = OPTION_FLAG};
static const struct option NO_OPTIONS[] = {{0}};

static const struct option *table(const struct options_spec *spec)
{
	return spec->options != NULL ? spec->options : NO_OPTIONS;
}

static size_t table_size(const struct options_spec *spec)
{
	size_t count = 0;

	while (table(spec)[count].name != NULL)
		count++;
	return count;
}

static bool print_help(const struct options_spec *spec, struct error *err)
{
	struct buf out = {0};
	size_t written = 0;

	options_help(spec, &out, isatty(STDOUT_FILENO) == 1);
	while (written < out.len) {
		const ssize_t got = write(STDOUT_FILENO, out.data + written, out.len - written);
		if (got < 0 && errno != EINTR)
			break;
		written += got > 0 ? (size_t)got : 0;
	}
	const bool is_written = written == out.len;
	buf_done(&out);
	return is_written || error_set_errno(err, ERR_INTERNAL, errno, "write to standard output");
}

bool options_read(const struct options_spec *spec, struct arena *arena, int argc, char **argv,
	void *ret, struct options_result *ret_result, struct error *err)
{
	const size_t option_count = table_size(spec);
	const size_t given_max = argc > 0 ? (size_t)argc : 0;
	struct reading reading = {.spec = spec, .arena = arena, .ret = ret, .err = err};

	reading.is_set = arena_zalloc(arena, option_count + 1);
	/* "-abc" may hold as many flags as it has letters. */
	size_t letters = 0;
	for (int i = 1; i < argc; i++)
		letters += strlen(argv[i]);
	reading.given = arena_array(arena, given_max + letters + 1, sizeof(*reading.given));
	reading.arguments = arena_array(arena, given_max + 1, sizeof(*reading.arguments));
	if (!scan_command_line(&reading, argc, argv))
		return false;
	if (reading.is_help) {
		*ret_result = (struct options_result){.is_help = true};
		return print_help(spec, err);
	}
	if (!apply_fallbacks(&reading) || !apply_file(&reading) || !apply_environment(&reading) ||
		!apply_command_line(&reading) || !check_complete(&reading))
		return false;
	*ret_result = (struct options_result){
		.arguments = reading.arguments, .argument_count = reading.argument_count};
	return true;
}

static const struct option *find_long(const struct reading *reading, struct str name)
{
	for (const struct option *option = table(reading->spec); option->name != NULL; option++)
		if (str_is(name, option->name))
			return option;
	if (str_is(name, "config"))
		return &CONFIG;
	return str_is(name, "help") ? &HELP : NULL;
}

static const struct option *find_letter(const struct reading *reading, char letter)
{
	for (const struct option *option = table(reading->spec); option->name != NULL; option++)
		if (option->letter == letter)
			return option;
	return letter == 'h' ? &HELP : NULL;
}

/* `between` is what stands for dashes. */
static const char *nearest(struct reading *reading, struct str name, bool with_underscores)
{
	const size_t count = table_size(reading->spec);
	const char **names = arena_array(reading->arena, count + 3, sizeof(*names));

	for (size_t i = 0; i < count; i++) {
		const char *known = table(reading->spec)[i].name;
		names[i] = with_underscores ? option_key(reading->arena, known) : known;
	}
	names[count] = with_underscores ? NULL : "help";
	names[count + 1] = "config";
	names[count + 2] = NULL;
	return decode_nearest(name, names);
}

static bool fail_unknown(struct reading *reading, struct str name)
{
	const char *known = nearest(reading, name, false);

	if (known != NULL)
		return error_set(reading->err, ERR_USAGE,
			"unknown option '--%.*s', did you mean '--%s'?", STR_ARGS(name), known);
	return error_set(reading->err, ERR_USAGE, "unknown option '--%.*s'", STR_ARGS(name));
}

static void add_given(struct reading *reading, const struct option *option, const char *text)
{
	const char *source = arena_printf(reading->arena, "--%s", option->name);

	if (option == &HELP)
		reading->is_help = true;
	else if (option == &CONFIG)
		reading->config_path = text;
	else
		reading->given[reading->given_count++] = (struct given){option, source, text};
}

/* `*at` is the index of "--name" or "--name=value", and moves on where the next one is its value.
 */
static bool scan_long(struct reading *reading, int argc, char **argv, int *at)
{
	struct str text = str_of(argv[*at] + 2), name;
	const bool has_value = str_cut(&text, '=', &name);
	const struct option *option = find_long(reading, name);

	if (option == NULL && !has_value && str_starts(name, STR("no-"))) {
		option = find_long(reading, (struct str){name.data + 3, name.len - 3});
		if (option != NULL && option->kind == OPTION_FLAG && option != &HELP) {
			add_given(reading, option, "false");
			return true;
		}
		option = NULL;
	}
	if (option == NULL)
		return fail_unknown(reading, name);
	if (option->kind == OPTION_FLAG && !has_value) {
		add_given(reading, option, "true");
		return true;
	}
	if (!has_value && *at + 1 >= argc)
		return error_set(reading->err, ERR_USAGE, "--%s needs a value%s%s", option->name,
			option->value != NULL ? ": " : "",
			option->value != NULL ? option->value : "");
	add_given(reading, option, has_value ? text.data : argv[++*at]);
	return true;
}

static bool scan_letters(struct reading *reading, int argc, char **argv, int *at)
{
	for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
		const struct option *option = find_letter(reading, *letter);

		if (option == NULL)
			return error_set(reading->err, ERR_USAGE, "unknown option '%s'", argv[*at]);
		if (option->kind == OPTION_FLAG) {
			add_given(reading, option, "true");
			continue;
		}
		if (letter[1] == '\0' && *at + 1 >= argc)
			return error_set(reading->err, ERR_USAGE, "-%c needs a value", *letter);
		add_given(reading, option, letter[1] != '\0' ? letter + 1 : argv[++*at]);
		break;
	}
	return true;
}

static bool scan_command_line(struct reading *reading, int argc, char **argv)
{
	bool is_over = false;

	for (int i = 1; i < argc; i++) {
		const char *text = argv[i];
		const bool is_option = !is_over && text[0] == '-' && text[1] != '\0';

		if (!is_option)
			reading->arguments[reading->argument_count++] = text;
		else if (strcmp(text, "--") == 0)
			is_over = true;
		else if (text[1] == '-' ? !scan_long(reading, argc, argv, &i)
					: !scan_letters(reading, argc, argv, &i))
			return false;
	}
	reading->arguments[reading->argument_count] = NULL;
	return true;
}

static bool set(
	struct reading *reading, const struct option *option, const char *source, const char *text)
{
	reading->is_set[option - table(reading->spec)] = true;
	return option_set(option, reading->arena, source, text, reading->ret, reading->err);
}

static bool apply_fallbacks(struct reading *reading)
{
	for (const struct option *option = table(reading->spec); option->name != NULL; option++)
		if (option->fallback != NULL &&
			!set(reading, option, option->name, option->fallback))
			return false;
	return true;
}

static bool read_file(struct reading *reading, const char *path, struct str *ret)
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

static bool set_scalar(struct reading *reading, const struct option *option, const char *source,
	const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return set(reading, option, source, value->boolean ? "true" : "false");
	case JSON_INTEGER:
		return set(reading, option, source,
			arena_printf(reading->arena, "%" PRId64, value->integer));
	case JSON_STRING:
		if (memchr(value->text, '\0', value->size) != NULL)
			break;
		return set(reading, option, source,
			arena_memdup(reading->arena, value->text, value->size));
	default:
		break;
	}
	return error_set(reading->err, ERR_USAGE, "%s: expected one value, got %s", source,
		json_type_name(value));
}

static bool set_from_file(
	struct reading *reading, const char *path, const struct json_member *member)
{
	const struct str key = json_str(&member->key);
	const char *source = arena_printf(
		reading->arena, "%s:%u: %.*s", path, (unsigned)member->key.at, STR_ARGS(key));

	for (const struct option *option = table(reading->spec); option->name != NULL; option++) {
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
	const char *known = nearest(reading, key, true);
	if (known != NULL)
		return error_set(reading->err, ERR_USAGE,
			"%s:%u: unknown key '%.*s', did you mean '%s'?", path,
			(unsigned)member->key.at, STR_ARGS(key), known);
	return error_set(reading->err, ERR_USAGE, "%s:%u: unknown key '%.*s'", path,
		(unsigned)member->key.at, STR_ARGS(key));
}

static bool apply_file(struct reading *reading)
{
	const char *path = reading->config_path;
	struct str text;
	struct json tree;

	if (path == NULL)
		path = getenv("SLUICE_CONFIG");
	if (path == NULL || path[0] == '\0')
		return true;
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

static bool set_from_environment(
	struct reading *reading, const struct option *option, const char *name, const char *value)
{
	const char *source = arena_printf(reading->arena, "environment %s", name);
	struct str rest = str_of(value), head;
	bool is_more = true;

	if (option->kind != OPTION_STRINGS)
		return set(reading, option, source, value);
	option_reset(option, reading->ret);
	while (is_more) {
		is_more = str_cut(&rest, ',', &head);
		if (!set(reading, option, source,
			    arena_memdup(reading->arena, head.data, head.len)))
			return false;
	}
	return true;
}

static bool apply_environment(struct reading *reading)
{
	for (const struct option *option = table(reading->spec); option->name != NULL; option++) {
		if (option->is_argument_only)
			continue;
		const char *name = option_env_name(reading->arena, option->name);
		const char *value = getenv(name);
		if (value != NULL && value[0] != '\0' &&
			!set_from_environment(reading, option, name, value))
			return false;
	}
	return true;
}

static bool apply_command_line(struct reading *reading)
{
	for (size_t i = 0; i < reading->given_count; i++)
		option_reset(reading->given[i].option, reading->ret);
	for (size_t i = 0; i < reading->given_count; i++) {
		const struct given *given = &reading->given[i];
		if (!set(reading, given->option, given->source, given->text))
			return false;
	}
	return true;
}

static bool check_complete(struct reading *reading)
{
	const struct options_spec *spec = reading->spec;

	for (const struct option *option = table(spec); option->name != NULL; option++)
		if (option->is_required && !reading->is_set[option - table(spec)])
			return error_set(reading->err, ERR_USAGE,
				"--%s %s is missing (see '%s --help')", option->name,
				option->value != NULL ? option->value : "", spec->program);
	if (reading->argument_count < spec->arguments_min)
		return error_set(reading->err, ERR_USAGE, "%s is missing (see '%s --help')",
			spec->arguments != NULL ? spec->arguments : "an argument", spec->program);
	if (reading->argument_count > spec->arguments_max)
		return error_set(reading->err, ERR_USAGE, "unexpected argument '%s'",
			reading->arguments[spec->arguments_max]);
	return true;
}
