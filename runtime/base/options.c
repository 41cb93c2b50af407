/*
 * Options are read from the weakest source to the strongest: default, file, environment, command
 * line. The command line is looked over first, for --help and --config, and applied last.
 */
#include "base/options.h"

#include "base/options_reading.h"
#include "base/options_value.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool apply_fallbacks(struct options_reading *reading);
static bool apply_file(struct options_reading *reading);
static bool apply_environment(struct options_reading *reading);
static bool apply_command_line(struct options_reading *reading);
static bool check_complete(struct options_reading *reading);

const struct option *options_table(const struct options_spec *spec)
{
	static const struct option NONE[] = {{0}};

	return spec->options != NULL ? spec->options : NONE;
}

static size_t table_size(const struct options_spec *spec)
{
	size_t count = 0;

	while (options_table(spec)[count].name != NULL)
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
	struct options_reading reading = {.spec = spec, .arena = arena, .ret = ret, .err = err};

	reading.is_set = arena_zalloc(arena, option_count + 1);
	/* "-abc" may hold as many flags as it has letters. */
	size_t letters = 0;
	for (int i = 1; i < argc; i++)
		letters += strlen(argv[i]);
	reading.given = arena_array(arena, given_max + letters + 1, sizeof(*reading.given));
	reading.arguments = arena_array(arena, given_max + 1, sizeof(*reading.arguments));
	if (!options_scan(&reading, argc, argv))
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

const char *options_nearest(struct options_reading *reading, struct str name, bool is_key)
{
	const size_t count = table_size(reading->spec);
	const char **names = arena_array(reading->arena, count + 3, sizeof(*names));

	for (size_t i = 0; i < count; i++) {
		const char *known = options_table(reading->spec)[i].name;
		names[i] = is_key ? option_key(reading->arena, known) : known;
	}
	names[count] = is_key ? NULL : "help";
	names[count + 1] = "config";
	names[count + 2] = NULL;
	return decode_nearest(name, names);
}

bool options_set(struct options_reading *reading, const struct option *option, const char *source,
	const char *text)
{
	reading->is_set[option - options_table(reading->spec)] = true;
	return option_set(option, reading->arena, source, text, reading->ret, reading->err);
}

static bool apply_fallbacks(struct options_reading *reading)
{
	for (const struct option *option = options_table(reading->spec); option->name != NULL;
		option++) {
		const char *fallback = option_fallback(option, reading->arena);

		if (fallback != NULL && !options_set(reading, option, option->name, fallback))
			return false;
	}
	return true;
}

static bool apply_file(struct options_reading *reading)
{
	const char *path = reading->config_path;

	if (path == NULL)
		path = getenv(options_config_env_name(reading->arena, reading->spec));
	return path == NULL || path[0] == '\0' || options_read_file(reading, path);
}

static bool set_from_environment(struct options_reading *reading, const struct option *option,
	const char *name, const char *value)
{
	const char *source = arena_printf(reading->arena, "environment %s", name);
	struct str rest = str_of(value), head;
	bool is_more = true;

	if (option->kind != OPTION_STRINGS)
		return options_set(reading, option, source, value);
	option_reset(option, reading->ret);
	while (is_more) {
		is_more = str_cut(&rest, ',', &head);
		if (!options_set(reading, option, source,
			    arena_memdup(reading->arena, head.data, head.len)))
			return false;
	}
	return true;
}

static bool apply_environment(struct options_reading *reading)
{
	for (const struct option *option = options_table(reading->spec); option->name != NULL;
		option++) {
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

static bool apply_command_line(struct options_reading *reading)
{
	for (size_t i = 0; i < reading->given_count; i++)
		option_reset(reading->given[i].option, reading->ret);
	for (size_t i = 0; i < reading->given_count; i++) {
		const struct options_given *given = &reading->given[i];
		if (!options_set(reading, given->option, given->source, given->text))
			return false;
	}
	return true;
}

static bool check_complete(struct options_reading *reading)
{
	const struct options_spec *spec = reading->spec;

	for (const struct option *option = options_table(spec); option->name != NULL; option++)
		if (option->is_required && !reading->is_set[option - options_table(spec)])
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
