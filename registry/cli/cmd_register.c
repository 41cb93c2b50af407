#include "cli/command.h"
#include "cli/pairs.h"
#include "cli/record.h"
#include "cli/registered.h"

struct register_options {
	struct remote_options remote;
	const char *name, *description, *alias, *experiment, *run_name;
	struct decode_list tags;
	bool is_json;
};

/* A logged model takes no dots: of catalog.schema.model, the model. */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot[1] != '\0' ? dot + 1 : name;
}

static bool register_local(struct remote *remote, const struct register_options *options, const char *path,
	const struct registering *registering, struct client_version *ret, struct error *err)
{
	const struct logging logging = {
		.experiment = options->experiment, .name = last_part(options->name), .run_name = options->run_name};
	struct prepared prepared;

	return prepared_read(remote, path, &prepared, err) &&
	       registered_from_local(remote, &prepared, &logging, registering, ret, err);
}

static bool register_any(struct remote *remote, const struct register_options *options, const char *what,
	const struct registering *registering, struct client_version *ret, struct error *err)
{
	struct source source;

	if (source_kind_of(what) == SOURCE_LOCAL)
		return register_local(remote, options, what, registering, ret, err);
	if (options->experiment != NULL || options->run_name != NULL)
		return error_set(err, ERR_USAGE,
			"--experiment and --run-name are for a folder or archive, and '%s' is logged already", what);
	return source_find(remote, what, &source, err) &&
	       registered_from_source(remote, &source, registering, ret, err);
}

static bool answer(struct remote *remote, const struct register_options *options, const struct client_version *version,
	struct error *err)
{
	struct json record = record_version(remote->arena, version);
	struct buf out = {0};

	/* The server's answer is older than the alias. */
	if (options->alias != NULL) {
		struct json aliases = json_array();
		json_append(remote->arena, &aliases, json_string(str_of(options->alias)));
		json_set(remote->arena, &record, STR("aliases"), aliases);
	}
	console_style(&out, remote->console->has_out_color, STYLE_GOOD, "registered");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, version->name);
	buf_add_char(&out, '/');
	buf_add_visible(&out, version->version);
	buf_add_char(&out, '\n');
	record_write(&out, remote->arena, &record);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct register_options *options = data;
	struct registering registering = {.name = str_of(options->name),
		.description = str_of(options->description),
		.alias = str_of(options->alias)};
	struct client_version version;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));

	if (!pairs_read(arena, "--tag", options->tags.items, options->tags.count, &registering.tags, err) ||
		!remote_open(remote, console, arena, &options->remote, err) ||
		!register_any(remote, options, arguments->arguments[0], &registering, &version, err))
		return false;
	return answer(remote, options, &version, err);
}

#define AT(field_) offsetof(struct register_options, field_)

static const struct option OPTIONS[] = {
	{"name", 'n', OPTION_STRING, AT(name), .value = "MODEL", .is_required = true,
		.help = "the registered model, made where it is missing; catalog.schema.model in Unity Catalog"},
	{"alias", 'a', OPTION_STRING, AT(alias), .value = "ALIAS", .help = "set this alias to the new version"},
	{"description", 0, OPTION_STRING, AT(description), .value = "TEXT", .help = "of the version"},
	{"tag", 't', OPTION_STRINGS, AT(tags), .value = "KEY=VALUE",
		.help = "a tag of the version, beside sluice.digest; may be repeated"},
	{"experiment", 'e', OPTION_STRING, AT(experiment), .value = "NAME",
		.help = "where a folder or archive is logged; see sluice log"},
	{"run-name", 0, OPTION_STRING, AT(run_name), .value = "NAME", .help = "of the run that it is logged with"},
	OPTION_REGISTRY(struct register_options),
	OPTION_PROJECT(struct register_options),
	OPTION_WHY(struct register_options),
	OPTION_DRY_RUN(struct register_options),
	OPTION_JSON(struct register_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice register examples/slide_generator --name slides",
	"sluice register runs:/2c8bb7…/slides --name slides --alias challenger --why 'new outline prompt'",
	"sluice register models:/m-7f2c… --name main.default.slides --registry databricks-uc", NULL};

static const struct options_spec SPEC = {
	.program = "sluice register",
	.summary = "makes a version of a model, from a folder, an archive, a run or a logged model",
	.about = "DIR and FILE are logged first, as sluice log does; for Unity Catalog, which keeps the files itself, only "
		 "where --experiment or --run-name is given. runs:/RUN/PATH and models:/m-ID are logged already; "
		 "NAME/VERSION and NAME@alias copy a version to another model.",
	.arguments = "DIR|FILE|runs:/RUN/PATH|models:/m-ID",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_register = {
	.name = "register",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct register_options),
	.json_offset = offsetof(struct register_options, is_json),
	.run = run,
};
