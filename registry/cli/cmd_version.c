#include "cli/command.h"

struct version_options {
	bool is_json;
};

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	if (!console->is_json)
		return console_write(console, STR("sluice " SLUICE_VERSION "\n"), err);
	struct json answer = json_object();
	json_set(arena, &answer, STR("version"), json_string(STR(SLUICE_VERSION)));
	return console_write_json(console, &answer, err);
}

static const struct option OPTIONS[] = {OPTION_JSON(struct version_options), {0}};

static const struct options_spec SPEC = {
	.program = "sluice version",
	.summary = "prints the version",
	.options = OPTIONS,
};

const struct command cmd_version = {
	.name = "version",
	.area = AREA_TOOL,
	.spec = &SPEC,
	.options_size = sizeof(struct version_options),
	.json_offset = offsetof(struct version_options, is_json),
	.run = run,
};
