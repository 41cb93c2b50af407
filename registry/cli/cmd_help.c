#include "cli/command.h"

#include <stdio.h>

struct help_options {
	bool is_json;
};

static bool list_json(struct console *console, struct arena *arena, struct error *err)
{
	struct json answer = json_object(), list = json_array();

	for (size_t i = 0; commands[i] != NULL; i++) {
		struct json row = json_object();
		json_set(arena, &row, STR("name"), json_string(str_of(commands[i]->name)));
		json_set(arena, &row, STR("summary"), json_string(str_of(commands[i]->spec->summary)));
		json_append(arena, &list, row);
	}
	json_set(arena, &answer, STR("commands"), list);
	return console_write_json(console, &answer, err);
}

static void heading(struct console *console, struct buf *out, const char *text)
{
	buf_add_char(out, '\n');
	console_style(out, console->has_out_color, STYLE_BOLD, text);
	buf_add_char(out, '\n');
}

static void list_row(struct buf *out, const char *name, const char *summary)
{
	buf_printf(out, "  %-11s %s\n", name, summary);
}

/* A group stands once, where its first command is. */
static void list_area(struct buf *out, enum command_area area)
{
	struct str last = {0};

	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct str group = command_group_name(commands[i]);

		if (commands[i]->area != area || (group.len > 0 && str_eq(group, last)))
			continue;
		last = group;
		if (group.len == 0) {
			list_row(out, commands[i]->name, commands[i]->spec->summary);
			continue;
		}
		char name[32];
		snprintf(name, sizeof(name), "%.*s", STR_ARGS(group));
		list_row(out, name, command_group_find(name)->summary);
	}
}

static void list_text(struct console *console, struct buf *out)
{
	buf_add_text(out,
		"sluice: packs, checks and runs bundles, the models that sluiced serves, and keeps them in registries\n");
	heading(console, out, "Usage");
	buf_add_text(out, "  sluice COMMAND [OPTIONS] …\n");
	for (int area = 0; area < AREA_COUNT; area++) {
		heading(console, out, command_areas[area]);
		list_area(out, (enum command_area)area);
	}
	buf_add_text(out, "\n'sluice help COMMAND' shows a command's options and examples\n");
}

static void list_group(struct console *console, struct buf *out, const struct command_group *group)
{
	buf_printf(out, "sluice %s: %s\n", group->name, group->summary);
	heading(console, out, "Commands");
	for (size_t i = 0; commands[i] != NULL; i++)
		if (str_is(command_group_name(commands[i]), group->name))
			list_row(out, commands[i]->name, commands[i]->spec->summary);
	buf_printf(out, "\n'sluice help %s VERB' shows a command's options and examples\n", group->name);
}

static bool explain(struct console *console, const struct options_result *arguments, struct buf *out, struct error *err)
{
	const struct command_group *group = command_group_find(arguments->arguments[0]);
	size_t used;

	if (group != NULL && arguments->argument_count == 1) {
		list_group(console, out, group);
		return true;
	}
	const struct command *command = command_find(arguments->arguments, arguments->argument_count, &used, err);
	if (command == NULL)
		return false;
	if (used < arguments->argument_count)
		return error_set(err, ERR_USAGE, "'%s' has no verbs", command->name);
	options_help(command->spec, out, console->is_out_terminal);
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	struct buf out = {0};
	bool is_fine = true;

	if (arguments->argument_count > 0)
		is_fine = explain(console, arguments, &out, err);
	else if (console->is_json)
		return list_json(console, arena, err);
	else
		list_text(console, &out);
	is_fine = is_fine && console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_fine;
}

static const struct option OPTIONS[] = {OPTION_JSON(struct help_options), {0}};

static const char *const EXAMPLES[] = {"sluice help", "sluice help predict", "sluice help alias set", NULL};

static const struct options_spec SPEC = {
	.program = "sluice help",
	.summary = "lists the commands, or explains one",
	.arguments = "[COMMAND [VERB]]",
	.arguments_max = 2,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_help = {
	.name = "help",
	.area = AREA_TOOL,
	.spec = &SPEC,
	.options_size = sizeof(struct help_options),
	.json_offset = offsetof(struct help_options, is_json),
	.run = run,
};
