#include "cli/command.h"
#include "cli/logged.h"
#include "cli/pairs.h"
#include "cli/record.h"

struct log_options {
	struct remote_options remote;
	const char *experiment, *name, *run_name;
	struct decode_list params, tags;
	bool is_json;
};

static bool write_text(struct remote *remote, const char *path, const struct json *record, struct error *err)
{
	struct buf out = {0};

	console_style(&out, remote->console->has_out_color, STYLE_GOOD, "logged");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(path));
	buf_add_char(&out, '\n');
	record_write(&out, remote->arena, record);
	const bool is_written = remote_answer(remote, record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct log_options *options = data;
	struct logging logging = {
		.experiment = options->experiment, .name = options->name, .run_name = options->run_name};
	struct prepared prepared;
	struct logged logged;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));

	if (!pairs_read(arena, "--param", options->params.items, options->params.count, &logging.params, err) ||
		!pairs_read(arena, "--tag", options->tags.items, options->tags.count, &logging.tags, err) ||
		!remote_open(remote, console, arena, &options->remote, err) ||
		!prepared_read(remote, arguments->arguments[0], &prepared, err) ||
		!logged_make(remote, &prepared, &logging, &logged, err))
		return false;
	const struct json record = logged_record(arena, &logged);
	return write_text(remote, arguments->arguments[0], &record, err);
}

#define AT(field_) offsetof(struct log_options, field_)

static const struct option OPTIONS[] = {
	{"experiment", 'e', OPTION_STRING, AT(experiment), .value = "NAME",
		.help = "where the run belongs; made where it is missing. Without it sluice.yaml's, MLFLOW_EXPERIMENT_NAME, "
			"Default"},
	{"name", 'n', OPTION_STRING, AT(name), .value = "NAME", .help = "of the logged model; without it the bundle's"},
	{"run-name", 0, OPTION_STRING, AT(run_name), .value = "NAME",
		.help = "of the run; without it the server finds one"},
	{"param", 'p', OPTION_STRINGS, AT(params), .value = "KEY=VALUE",
		.help = "a further param of the run, beside what config.yaml says; may be repeated"},
	{"tag", 't', OPTION_STRINGS, AT(tags), .value = "KEY=VALUE",
		.help = "a tag of run and logged model, beside sluice.digest; may be repeated"},
	OPTION_REGISTRY(struct log_options),
	OPTION_PROJECT(struct log_options),
	OPTION_WHY(struct log_options),
	OPTION_DRY_RUN(struct log_options),
	OPTION_JSON(struct log_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice log examples/slide_generator --experiment slides",
	"sluice log slides.tar.gz -e slides --param judge=none --tag team=search --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice log",
	.summary = "logs a bundle as a run and a logged model, with its params and files",
	.arguments = "DIR|FILE",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_log = {
	.name = "log",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct log_options),
	.json_offset = offsetof(struct log_options, is_json),
	.run = run,
};
