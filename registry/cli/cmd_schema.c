#include "cli/command.h"
#include "model/config.h"

struct schema_options {
	bool is_json;
};

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	const struct json schema = config_schema(arena);
	struct buf out = {0};

	if (console->is_json)
		return console_write_json(console, &schema, err);
	json_write_pretty(&out, &schema);
	buf_add_char(&out, '\n');
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	{.name = "json",
		.kind = OPTION_FLAG,
		.offset = offsetof(struct schema_options, is_json),
		.help = "write it on one line"},
	{0},
};

static const char *const EXAMPLES[] = {"sluice schema > config.schema.json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice schema",
	.summary = "prints the JSON Schema of config.yaml, for editors",
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_schema = {
	.name = "schema",
	.area = AREA_BUNDLES,
	.spec = &SPEC,
	.options_size = sizeof(struct schema_options),
	.json_offset = offsetof(struct schema_options, is_json),
	.run = run,
};
