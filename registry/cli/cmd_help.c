#include "cli/command.h"

struct help_options {
	bool is_json;
};

static bool list_json(struct console *console, struct arena *arena, struct error *err)
{
	struct json answer = json_object(), list = json_array();

	for (size_t i = 0; commands[i] != NULL; i++) {
		struct json row = json_object();
		json_set(arena, &row, STR("name"), json_string(str_of(commands[i]->name)));
		json_set(arena, &row, STR("summary"),
			json_string(str_of(commands[i]->spec->summary)));
		json_append(arena, &list, row);
	}
	json_set(arena, &answer, STR("commands"), list);
	return console_write_json(console, &answer, err);
}

static void list_text(struct console *console, struct buf *out)
{
	buf_add_text(
		out, "sluice: packs, checks and runs bundles, the models that sluiced serves\n\n");
	console_style(out, console->has_out_color, STYLE_BOLD, "Usage");
	buf_add_text(out, "\n  sluice COMMAND [OPTIONS] …\n\n");
	console_style(out, console->has_out_color, STYLE_BOLD, "Commands");
	buf_add_char(out, '\n');
	for (size_t i = 0; commands[i] != NULL; i++)
		buf_printf(out, "  %-10s %s\n", commands[i]->name, commands[i]->spec->summary);
	buf_add_text(out, "\n'sluice help COMMAND' shows a command's options and examples\n");
}

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	struct buf out = {0};

	if (arguments->argument_count > 0) {
		const struct command *command = command_find(arguments->arguments[0], err);
		if (command == NULL)
			return false;
		options_help(command->spec, &out, console->is_out_terminal);
	} else if (console->is_json) {
		return list_json(console, arena, err);
	} else {
		list_text(console, &out);
	}
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {OPTION_JSON(struct help_options), {0}};

static const char *const EXAMPLES[] = {"sluice help", "sluice help predict", NULL};

static const struct options_spec SPEC = {
	.program = "sluice help",
	.summary = "lists the commands, or explains one",
	.arguments = "[COMMAND]",
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_help = {
	.name = "help",
	.spec = &SPEC,
	.options_size = sizeof(struct help_options),
	.json_offset = offsetof(struct help_options, is_json),
	.run = run,
};
