/* sluice: packs, checks and runs bundles, and keeps them in registries. `sluice VERB …`; the verbs are in the table of
 * command.c, each in its cmd_VERB.c. */
#include "base/descriptors.h"
#include "cli/command.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `sluice --help`, `sluice --version` and `sluice alias --help` are commands, too. */
static void spell_verbs(int argc, char **argv)
{
	static char help[] = "help", version[] = "version";

	if (is_help(argv[1])) {
		argv[1] = help;
	} else if (strcmp(argv[1], "--version") == 0) {
		argv[1] = version;
	} else if (argc == 3 && command_group_find(argv[1]) != NULL && is_help(argv[2])) {
		argv[2] = argv[1];
		argv[1] = help;
	}
}

/* A command line that could not be read tells at least in which form its mistake is wanted. */
static bool is_json_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static bool run_command(struct console *console, struct arena *arena, const struct command *command,
	int argc, char **argv, struct error *err)
{
	struct options_result arguments;
	char *options = arena_zalloc(arena, command->options_size);

	if (!options_read(command->spec, arena, argc, argv, options, &arguments, err)) {
		console->is_json = is_json_wanted(argc, argv);
		return false;
	}
	if (arguments.is_help)
		return true;
	memcpy(&console->is_json, options + command->json_offset, sizeof(bool));
	return command->run(console, arena, options, &arguments, err);
}

/* Whoever started the program learns that a signal ended it: a shell leaves its loop then, and
 * shows 128 + number. That is returned where the signal has no effect, as for process 1. */
static int end_by_signal(int number)
{
	signal(number, SIG_DFL);
	raise(number);
	return 128 + number;
}

int main(int argc, char **argv)
{
	struct console console;
	struct arena arena;
	struct error err = {0};
	const char *program = "sluice";

	if (!descriptors_fill_standard())
		return error_info(ERR_INTERNAL)->exit_status;
	signal(SIGPIPE, SIG_IGN);
	/* Secrets are in memory: no core files. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	console_init(&console);
	arena_init(&arena);

	const struct command *command = NULL;
	size_t used = 0;
	if (argc < 2) {
		error_set(&err, ERR_USAGE, "a command is missing (see 'sluice help')");
	} else {
		spell_verbs(argc, argv);
		command = command_find((const char *const *)argv + 1, (size_t)argc - 1, &used, &err);
	}
	bool is_fine = false;
	if (command != NULL) {
		program = command->spec->program;
		is_fine = run_command(&console, &arena, command, argc - (int)used, argv + used, &err);
	}
	/* An error without text was told already: only its exit status is left. */
	if (!is_fine && err.text[0] != '\0')
		console_fail(&console, program, &err);
	console_progress_end(&console);
	arena_done(&arena);
	if (!is_fine && console.signal_number != 0)
		return end_by_signal(console.signal_number);
	return is_fine ? 0 : error_info(err.code)->exit_status;
}
