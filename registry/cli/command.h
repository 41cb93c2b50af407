#pragma once
/*
 * Command: one verb of `sluice`. Each stands in a file of its own (cmd_VERB.c) that ends in its
 * `struct command`; the table of all is in command.c.
 *
 * A command writes its result to standard output (through console.h) and returns false with an
 * error, which main reports once; its exit status comes from the error table. With --json
 * everything on standard output is JSON.
 */
#include "base/options.h"
#include "cli/console.h"

struct command {
	const char *name;
	const struct options_spec *spec; /* its summary is the command's, too */
	size_t options_size;             /* of the struct that the spec fills */
	size_t json_offset;              /* of its --json, a bool */
	bool (*run)(struct console *console, struct arena *arena, const void *options,
		const struct options_result *arguments, struct error *err);
};

/* The last row of every command's options but the end. */
#define OPTION_JSON(struct_)                                                                       \
	{                                                                                          \
		.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct_, is_json),         \
		.help = "write JSON, for scripts"                                                  \
	}

extern const struct command cmd_pack, cmd_validate, cmd_predict, cmd_schema, cmd_help, cmd_version;

/* All of them, NULL at the end. */
extern const struct command *const commands[];
/* NULL with ERR_USAGE that names the nearest one. */
const struct command *command_find(const char *name, struct error *err);
