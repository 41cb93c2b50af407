#include "cli/command.h"

const struct command *const commands[] = {
	&cmd_pack,
	&cmd_validate,
	&cmd_predict,
	&cmd_schema,
	&cmd_help,
	&cmd_version,
	NULL,
};

enum { COMMANDS_MAX = 64 };

const struct command *command_find(const char *name, struct error *err)
{
	const char *names[COMMANDS_MAX] = {0};

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		names[i] = commands[i]->name;
	}
	const char *nearest = decode_nearest(str_of(name), names);
	if (nearest != NULL)
		error_set(
			err, ERR_USAGE, "unknown command '%s', did you mean '%s'?", name, nearest);
	else
		error_set(err, ERR_USAGE, "unknown command '%s' (see 'sluice help')", name);
	return NULL;
}
