/* The command line: finds options and arguments, and leaves values alone. */
#include "base/options_reading.h"

static const struct option CONFIG = {.name = "config", .kind = OPTION_STRING, .value = "FILE"};
static const struct option HELP = {.name = "help", .kind = OPTION_FLAG};

static const struct option *find_long(const struct options_reading *reading, struct str name)
{
	for (const struct option *option = options_table(reading->spec); option->name != NULL;
		option++)
		if (str_is(name, option->name))
			return option;
	if (str_is(name, "config"))
		return &CONFIG;
	return str_is(name, "help") ? &HELP : NULL;
}

static const struct option *find_letter(const struct options_reading *reading, char letter)
{
	for (const struct option *option = options_table(reading->spec); option->name != NULL;
		option++)
		if (option->letter == letter)
			return option;
	return letter == 'h' ? &HELP : NULL;
}

static bool fail_unknown(struct options_reading *reading, struct str name)
{
	const char *known = options_nearest(reading, name, false);

	if (known != NULL)
		return error_set(reading->err, ERR_USAGE,
			"unknown option '--%.*s', did you mean '--%s'?", STR_ARGS(name), known);
	return error_set(reading->err, ERR_USAGE, "unknown option '--%.*s'", STR_ARGS(name));
}

static void add_given(
	struct options_reading *reading, const struct option *option, const char *text)
{
	const char *source = arena_printf(reading->arena, "--%s", option->name);

	if (option == &HELP)
		reading->is_help = true;
	else if (option == &CONFIG)
		reading->config_path = text;
	else
		reading->given[reading->given_count++] =
			(struct options_given){option, source, text};
}

/* `*at` is the index of "--name" or "--name=value", and moves on where the next one is its value.
 */
static bool scan_long(struct options_reading *reading, int argc, char **argv, int *at)
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

static bool scan_letters(struct options_reading *reading, int argc, char **argv, int *at)
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

bool options_scan(struct options_reading *reading, int argc, char **argv)
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
