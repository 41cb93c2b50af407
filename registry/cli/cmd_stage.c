#include "cli/command.h"
#include "cli/record.h"
#include "cli/source.h"

struct stage_options {
	struct remote_options remote;
	bool is_archiving, is_json;
};

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct stage_options *options = data;
	const char *what = arguments->arguments[0], *stage = arguments->arguments[1];
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct client_version version;
	struct str name, number;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!source_split(remote, what, &name, &number, err))
		return false;
	if (number.len == 0)
		return error_set(
			err, ERR_USAGE, "'%s' names no version: write %s/VERSION or %s@ALIAS", what, what, what);
	if (!remote_wait(remote,
		    client_version_stage(
			    remote->client, arena, name, number, str_of(stage), options->is_archiving, &version),
		    err))
		return false;
	const struct json record = record_version(arena, &version);
	console_style(&out, console->has_out_color, STYLE_GOOD, "moved");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, name);
	buf_add_char(&out, '/');
	buf_add_visible(&out, number);
	buf_add_text(&out, " → ");
	buf_add_visible(&out, version.stage);
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	{"archive-existing", 0, OPTION_FLAG, offsetof(struct stage_options, is_archiving),
		.help = "move the versions that are in this stage to Archived"},
	OPTION_WHY(struct stage_options),
	OPTION_REGISTRY(struct stage_options),
	OPTION_PROJECT(struct stage_options),
	OPTION_DRY_RUN(struct stage_options),
	OPTION_JSON(struct stage_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice stage slides/3 Staging --archive-existing", NULL};

static const struct options_spec SPEC = {
	.program = "sluice stage",
	.summary = "moves a version to a stage; MLflow has aliases instead now, Unity Catalog never had stages",
	.arguments = "MODEL/VERSION|MODEL@ALIAS None|Staging|Production|Archived",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_stage = {
	.name = "stage",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct stage_options),
	.json_offset = offsetof(struct stage_options, is_json),
	.run = run,
};
