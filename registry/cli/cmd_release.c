/* bundle, or the latest version → one with this digest already? → log, register → alias, stage → deploy */
#include "cli/command.h"
#include "cli/record.h"
#include "cli/registered.h"
#include "cli/released.h"
#include "client/search.h"

struct release_options {
	struct remote_options remote;
	const char *environment;
	bool is_approved, is_json;
};

struct releasing {
	struct remote *remote;
	const struct release_options *options;
	const struct environment *environment;
	const char *path; /* NULL: what is registered already */
	struct prepared prepared;
	struct client_version version;
	struct released released;
	bool has_version;
	bool is_plan; /* not approved: nothing is done */
	struct json steps;
};

static void add_step(struct releasing *releasing, const char *step, const char *what)
{
	struct arena *arena = releasing->remote->arena;
	struct json row = json_object();

	json_set(arena, &row, STR("step"), json_string(str_of(step)));
	json_set(arena, &row, STR("what"), json_string(str_of(what)));
	json_append(arena, &releasing->steps, row);
}

/* "slides/4", or "slides, the next version" of one that is not made. */
static const char *version_text(const struct releasing *releasing)
{
	const struct str name = releasing->environment->model_name, version = releasing->version.version;

	if (!releasing->has_version)
		return arena_printf(releasing->remote->arena, "the new version of %.*s", STR_ARGS(name));
	return arena_printf(releasing->remote->arena, "%.*s/%.*s", STR_ARGS(name), STR_ARGS(version));
}

/* The same bundle is not registered twice. */
static bool find_same(struct releasing *releasing, struct error *err)
{
	struct remote *remote = releasing->remote;
	const char *digest = releasing->prepared.opened.package.digest;
	struct client_versions versions = {0};
	struct error failed = {0};

	if (!remote_wait(remote,
		    client_versions_of(remote->client, remote->arena, releasing->environment->model_name, 0, &versions),
		    &failed) &&
		failed.code != ERR_NOT_FOUND) {
		*err = failed;
		return false;
	}
	for (size_t i = 0; i < versions.count && !releasing->has_version; i++) {
		if (!str_is(client_tag_find(&versions.items[i].tree, STR(DIGEST_TAG)), digest))
			continue;
		releasing->version = versions.items[i];
		releasing->has_version = true;
	}
	return true;
}

static bool find_latest(struct releasing *releasing, struct error *err)
{
	struct remote *remote = releasing->remote;
	const struct str name = releasing->environment->model_name;
	const struct str what = str_of(arena_printf(remote->arena, "%.*s/latest", STR_ARGS(name)));

	if (!remote_wait(remote, client_version_find(remote->client, remote->arena, what, &releasing->version), err))
		return error_wrap(err, "no bundle is named, and there is no version to release");
	releasing->has_version = true;
	return true;
}

static bool register_new(struct releasing *releasing, struct error *err)
{
	const struct environment *environment = releasing->environment;
	struct arena *arena = releasing->remote->arena;
	const struct str experiment = environment->experiment;
	const struct logging logging = {
		.experiment = experiment.len > 0 ? arena_memdup(arena, experiment.data, experiment.len) : NULL};
	const struct registering registering = {.name = environment->model_name};

	if (!releasing->is_plan && !registered_from_local(releasing->remote, &releasing->prepared, &logging,
					   &registering, &releasing->version, err))
		return false;
	releasing->has_version = !releasing->is_plan;
	add_step(releasing, "log",
		arena_printf(arena, "%s, sha256:%s", releasing->path, releasing->prepared.opened.package.digest));
	add_step(releasing, "register", version_text(releasing));
	return true;
}

static bool choose_version(struct releasing *releasing, struct error *err)
{
	struct arena *arena = releasing->remote->arena;

	if (releasing->path == NULL) {
		if (!find_latest(releasing, err))
			return false;
		add_step(releasing, "version", arena_printf(arena, "%s, the latest one", version_text(releasing)));
		return true;
	}
	if (!prepared_read(releasing->remote, releasing->path, &releasing->prepared, err) || !find_same(releasing, err))
		return false;
	if (!releasing->has_version)
		return register_new(releasing, err);
	add_step(releasing, "version", arena_printf(arena, "%s is this bundle already", version_text(releasing)));
	return true;
}

static bool move(struct releasing *releasing, struct error *err)
{
	const struct environment *environment = releasing->environment;
	struct remote *remote = releasing->remote;
	struct arena *arena = remote->arena;
	const struct str name = environment->model_name, version = releasing->version.version;
	struct client_version moved;

	if (environment->stage.len > 0) {
		if (!releasing->is_plan && !remote_wait(remote,
						   client_version_stage(remote->client, arena, name, version,
							   environment->stage, true, &moved),
						   err))
			return false;
		add_step(releasing, "stage",
			arena_printf(arena, "%s to %.*s, what was there to Archived", version_text(releasing),
				STR_ARGS(environment->stage)));
	}
	if (environment->alias.len > 0) {
		if (!releasing->is_plan &&
			!remote_wait(remote, client_alias_set(remote->client, arena, name, environment->alias, version),
				err))
			return false;
		add_step(releasing, "alias",
			arena_printf(arena, "%.*s@%.*s to %s", STR_ARGS(name), STR_ARGS(environment->alias),
				version_text(releasing)));
	}
	return true;
}

/* Looked at before anything is done: whoever finds out after the alias moved finds out late. */
static bool open_endpoint(struct releasing *releasing, struct error *err)
{
	const struct environment *environment = releasing->environment;

	return environment->endpoint_name.len == 0 ||
	       released_open(&releasing->released, releasing->remote, environment, releasing->is_plan, err);
}

static bool deploy(struct releasing *releasing, struct error *err)
{
	const struct str version = releasing->has_version ? releasing->version.version : STR("new");
	const char *what;

	if (releasing->environment->endpoint_name.len == 0)
		return true;
	const bool is_fine = releasing->is_plan ? released_plan(&releasing->released, version, &what, err)
						: released_run(&releasing->released, version, &what, err);
	if (is_fine)
		add_step(releasing, "deploy", what);
	return is_fine;
}

/* The command line that does it, as it was typed but for what is missing. */
static const char *command_line(const struct releasing *releasing)
{
	const struct remote_options *remote = &releasing->options->remote;

	return arena_printf(releasing->remote->arena, "sluice release%s%s --environment %s%s%s%s%s%s%s --approve",
		releasing->path != NULL ? " " : "", releasing->path != NULL ? releasing->path : "",
		releasing->options->environment, remote->project != NULL ? " --project " : "",
		remote->project != NULL ? remote->project : "", remote->registry != NULL ? " --registry " : "",
		remote->registry != NULL ? releasing->remote->target.registry.uri : "",
		remote->serving != NULL ? " --serving " : "",
		remote->serving != NULL ? releasing->remote->target.serving.uri : "");
}

static void write_text(struct releasing *releasing, struct buf *out)
{
	struct console *console = releasing->remote->console;

	console_style(out, console->has_out_color, releasing->is_plan ? STYLE_BOLD : STYLE_GOOD,
		releasing->is_plan ? "would release" : "released");
	buf_printf(out, " %.*s to %s (", STR_ARGS(releasing->environment->model_name), releasing->options->environment);
	buf_add_visible(out, str_of(releasing->remote->target.registry.uri));
	buf_add_text(out, ")\n");
	for (size_t i = 0; i < releasing->steps.size; i++) {
		const struct json *row = &releasing->steps.items[i];
		buf_printf(out, "  %-11.*s ", STR_ARGS(json_str(json_get(row, STR("step")))));
		buf_add_visible(out, json_str(json_get(row, STR("what"))));
		buf_add_char(out, '\n');
	}
	if (!releasing->is_plan)
		return;
	buf_printf(out, "nothing was done, as '%s' needs approval; to do it:\n  ", releasing->options->environment);
	buf_add_visible(out, str_of(command_line(releasing)));
	buf_add_char(out, '\n');
}

static bool answer(struct releasing *releasing, struct error *err)
{
	struct arena *arena = releasing->remote->arena;
	struct json record = json_object();
	struct buf out = {0};

	json_set(arena, &record, STR("environment"), json_string(str_of(releasing->options->environment)));
	json_set(arena, &record, STR("registry"), json_string(str_of(releasing->remote->target.registry.uri)));
	json_set(arena, &record, STR("name"), json_string(releasing->environment->model_name));
	json_set(arena, &record, STR("version"),
		releasing->has_version ? json_string(releasing->version.version) : json_null());
	json_set(arena, &record, STR("released"), json_bool(!releasing->is_plan));
	json_set(arena, &record, STR("steps"), releasing->steps);
	if (releasing->environment->endpoint_name.len > 0)
		json_set(arena, &record, STR("url"),
			json_string(str_of(endpoint_url(releasing->remote, releasing->environment->endpoint_name))));
	if (releasing->is_plan)
		json_set(arena, &record, STR("command"), json_string(str_of(command_line(releasing))));
	write_text(releasing, &out);
	const bool is_written = remote_answer(releasing->remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct release_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct releasing releasing = {.remote = remote,
		.options = options,
		.path = arguments->argument_count > 0 ? arguments->arguments[0] : NULL,
		.steps = json_array()};

	if (!remote_open_environment(
		    remote, console, arena, &options->remote, options->environment, &releasing.environment, err))
		return false;
	releasing.is_plan = releasing.environment->needs_approval && !options->is_approved;
	return open_endpoint(&releasing, err) && choose_version(&releasing, err) && move(&releasing, err) &&
	       deploy(&releasing, err) && answer(&releasing, err);
}

static const struct option OPTIONS[] = {
	{"environment", 'e', OPTION_STRING, offsetof(struct release_options, environment), .value = "NAME",
		.is_required = true, .help = "one of sluice.yaml: dev, prod, …"},
	{"approve", 0, OPTION_FLAG, offsetof(struct release_options, is_approved), .is_argument_only = true,
		.help = "do it, where the environment needs approval; all but dev do"},
	OPTION_WHY(struct release_options),
	OPTION_SERVING(struct release_options),
	OPTION_REGISTRY(struct release_options),
	OPTION_PROJECT(struct release_options),
	OPTION_DRY_RUN(struct release_options),
	OPTION_JSON(struct release_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice release examples/slide_generator --environment dev",
	"sluice release slides.tar.gz --environment prod", "sluice release slides.tar.gz --environment prod --approve",
	"sluice release --environment prod --approve --why 'passed evaluation'", NULL};

static const struct options_spec SPEC = {
	.program = "sluice release",
	.summary = "brings a bundle into an environment: logs it, registers it, moves stage and alias, deploys it",
	.about =
		"A bundle that is a version already, by its digest, is not registered again. Without a bundle, the latest "
		"version is released. The environment's endpoint, where it has one, is deployed to last. An environment that "
		"needs approval gets nothing without --approve: what would happen is printed, and the command to run.",
	.arguments = "[DIR|FILE]",
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_release = {
	.name = "release",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct release_options),
	.json_offset = offsetof(struct release_options, is_json),
	.run = run,
};
