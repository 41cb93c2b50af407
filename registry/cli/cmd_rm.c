#include "cli/command.h"
#include "cli/source.h"

#include <stdio.h>
#include <unistd.h>

struct rm_options {
	struct remote_options remote;
	bool is_sure, is_json;
};

struct removal {
	struct str name, version; /* version "": the model, with all its versions */
};

static const char *spell(struct arena *arena, const struct removal *removal)
{
	if (removal->version.len == 0)
		return arena_printf(arena, "model %.*s with all its versions", STR_ARGS(removal->name));
	return arena_printf(arena, "version %.*s/%.*s", STR_ARGS(removal->name), STR_ARGS(removal->version));
}

/* Only a person at a terminal is asked; a script says --yes. */
static bool confirm(
	struct remote *remote, const struct rm_options *options, const struct removal *removal, struct error *err)
{
	const char *what = spell(remote->arena, removal);
	char line[16] = "";

	if (options->is_sure || remote->is_dry_run)
		return true;
	if (isatty(STDIN_FILENO) != 1 || !remote->console->is_err_terminal)
		return error_set(err, ERR_USAGE, "--yes is missing: %s would be deleted for good", what);
	console_notice(remote->console, "Delete %s of %s for good? [y/N] ", what, remote->target.registry.uri);
	if (fgets(line, sizeof(line), stdin) != NULL &&
		(str_eq_nocase(str_trim_space(str_of(line)), STR("y")) ||
			str_eq_nocase(str_trim_space(str_of(line)), STR("yes"))))
		return true;
	return error_set(err, ERR_CANCELLED, "%s was not deleted", what);
}

static struct operation *remove_it(struct remote *remote, const struct removal *removal)
{
	return removal->version.len > 0
		       ? client_version_delete(remote->client, remote->arena, removal->name, removal->version)
		       : client_model_delete(remote->client, remote->arena, removal->name);
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct rm_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json record = json_object();
	struct removal removal;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!source_split(remote, arguments->arguments[0], &removal.name, &removal.version, err) ||
		!confirm(remote, options, &removal, err) || !remote_wait(remote, remove_it(remote, &removal), err))
		return false;
	json_set(arena, &record, STR("name"), json_string(removal.name));
	json_set(arena, &record, STR("version"), removal.version.len > 0 ? json_string(removal.version) : json_null());
	console_style(&out, console->has_out_color, STYLE_GOOD, "deleted");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(spell(arena, &removal)));
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	{"yes", 'y', OPTION_FLAG, offsetof(struct rm_options, is_sure), .help = "do not ask", .is_argument_only = true},
	OPTION_WHY(struct rm_options),
	OPTION_REGISTRY(struct rm_options),
	OPTION_PROJECT(struct rm_options),
	OPTION_DRY_RUN(struct rm_options),
	OPTION_JSON(struct rm_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice rm slides/2", "sluice rm slides --yes --why 'replaced by decks'", NULL};

static const struct options_spec SPEC = {
	.program = "sluice rm",
	.summary = "deletes a version, or a model with all its versions",
	.arguments = "MODEL/VERSION|MODEL@ALIAS|MODEL",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_rm = {
	.name = "rm",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct rm_options),
	.json_offset = offsetof(struct rm_options, is_json),
	.run = run,
};
