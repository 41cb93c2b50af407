#include "cli/command.h"
#include "cli/record.h"
#include "cli/source.h"

struct show_options {
	struct remote_options remote;
	bool is_json;
};

/* A name alone is the model; with a version or alias behind it, the version. */
static bool read_record(struct remote *remote, const char *what, struct json *ret, struct error *err)
{
	struct str name, number;
	struct client_aliases aliases;
	struct client_version version;
	struct client_model model;

	if (!source_split(remote, what, &name, &number, err))
		return false;
	if (number.len == 0) {
		if (!remote_wait(remote, client_model_get(remote->client, remote->arena, name, &model), err))
			return false;
		*ret = record_model(remote->arena, &model);
		return true;
	}
	if (!remote_wait(remote, client_version_get(remote->client, remote->arena, name, number, &version), err) ||
		!remote_wait(remote, client_aliases_list(remote->client, remote->arena, name, &aliases), err))
		return false;
	*ret = record_version(remote->arena, &version);
	record_set_aliases(remote->arena, ret, &aliases);
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct show_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct buf out = {0};
	struct json record;

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!read_record(remote, arguments->arguments[0], &record, err))
		return false;
	record_write(&out, arena, &record);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	OPTION_REGISTRY(struct show_options),
	OPTION_PROJECT(struct show_options),
	OPTION_DRY_RUN(struct show_options),
	OPTION_JSON(struct show_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice show slides@champion", "sluice show slides/3 --json", "sluice show slides", NULL};

static const struct options_spec SPEC = {
	.program = "sluice show",
	.summary = "shows a version, or a model with its aliases",
	.arguments = "MODEL@ALIAS|MODEL/VERSION|MODEL",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_show = {
	.name = "show",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct show_options),
	.json_offset = offsetof(struct show_options, is_json),
	.run = run,
};
