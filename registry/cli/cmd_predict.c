#include "cli/command.h"
#include "cli/opened.h"
#include "cli/rows.h"
#include "cli/spent.h"

#include <inttypes.h>

struct predict_options {
	const char *rows;
	int format; /* enum rows_format */
	const char *record;
	const char *state_dir, *secret_dir, *ca_file;
	int64_t timeout_ms, rows_in_flight;
	bool is_example, is_offline, is_strict, is_json;
};

struct predicting {
	struct console *console;
	struct error err; /* of writing */
	struct buf line;
};

static bool on_answer(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct predicting *predicting = data;
	struct console *console = predicting->console;

	if (err != NULL && console->is_err_terminal)
		console_notice(console, "row %zu: %s", row, err->text);
	if (console->is_json)
		return true;
	predicting->line.len = 0;
	json_write(&predicting->line, answer);
	buf_add_char(&predicting->line, '\n');
	return console_write(console, buf_str(&predicting->line), &predicting->err);
}

static void on_tick(void *data, size_t done, size_t total)
{
	struct predicting *predicting = data;

	console_progress(predicting->console, "rows", done, total);
}

static void tell_usage(struct console *console, const struct scored *scored)
{
	const struct batch_usage *usage = &scored->usage;

	if (usage->rows_failed > 0)
		console_notice(console,
			"%" PRIu64 " of %zu rows failed; their errors are in the column 'error'",
			usage->rows_failed, scored->row_count);
	if (!console->is_err_terminal)
		return;
	struct buf line = {0};
	spent_write(&line, scored);
	console_notice(console, "%s", buf_text(&line));
	buf_done(&line);
}

/* The server's response, and beside its predictions what they took; a bare answer has no room for
 * it. */
static bool write_response(struct console *console, struct arena *arena, const struct input *input,
	const struct scored *scored, struct error *err)
{
	struct buf whole = {0};

	batch_write(&whole, scored->batch);
	if (!input->is_bare) {
		const struct json spent = spent_json(arena, scored);
		whole.len--;
		buf_add_text(&whole, ",\"usage\":");
		json_write(&whole, &spent);
		buf_add_char(&whole, '}');
	}
	buf_add_char(&whole, '\n');
	const bool is_written = console_write(console, buf_str(&whole), err);
	buf_done(&whole);
	return is_written;
}

/* The rows that failed are told already: only the exit status is left. */
static bool check_failed(const struct scored *scored, bool is_strict, struct error *err)
{
	const uint64_t failed = scored->usage.rows_failed;

	if (failed == 0 || (failed < scored->row_count && !is_strict))
		return true;
	return error_set(err, ERR_BAD_REQUEST, "%s", "");
}

/* A bundle without steps answers its validated input. */
static bool echo(
	struct console *console, struct arena *arena, const struct input *input, struct error *err)
{
	struct buf whole = {0}, lines = {0};
	struct json answer;

	input_write(&whole, input);
	bool is_fine = json_read(arena, buf_str(&whole), &answer, err);
	const struct json *rows = json_get(&answer, STR("predictions"));
	if (rows == NULL)
		rows = &answer;
	if (is_fine && console->is_json) {
		buf_add_char(&whole, '\n');
		is_fine = console_write(console, buf_str(&whole), err);
	} else if (is_fine) {
		const bool is_list = json_type(rows) == JSON_ARRAY;
		for (size_t i = 0; i < (is_list ? rows->size : 1); i++) {
			json_write(&lines, is_list ? &rows->items[i] : rows);
			buf_add_char(&lines, '\n');
		}
		is_fine = console_write(console, buf_str(&lines), err);
	}
	buf_done(&whole);
	buf_done(&lines);
	return is_fine;
}

static bool score(struct console *console, struct arena *arena,
	const struct predict_options *options, struct bundle *bundle, const struct input *input,
	struct error *err)
{
	struct predicting predicting = {.console = console};
	const struct scoring_options scoring_options = {
		.record_path = options->record,
		.ca_file = options->ca_file,
		.is_offline = options->is_offline,
		.timeout_ms = (uint32_t)options->timeout_ms,
		.rows_in_flight = (unsigned)options->rows_in_flight,
		.on_answer = on_answer,
		.on_tick = on_tick,
		.data = &predicting,
	};
	struct scored scored;

	bool is_fine = scoring_run(arena, bundle, input, &scoring_options, &scored, err);
	if (predicting.err.code != ERR_NONE)
		*err = predicting.err;
	is_fine = is_fine && predicting.err.code == ERR_NONE;
	if (is_fine && console->is_json)
		is_fine = write_response(console, arena, input, &scored, err);
	console->signal_number = scored.signal_number;
	if (is_fine) {
		tell_usage(console, &scored);
		is_fine = check_failed(&scored, options->is_strict, err);
	}
	buf_done(&predicting.line);
	return is_fine;
}

static void on_notice(void *data, const char *text)
{
	console_notice(data, "%s", text);
}

static bool read_input(struct console *console, struct arena *arena,
	const struct predict_options *options, const struct bundle *bundle, struct input *ret,
	struct error *err)
{
	const struct rows_notices notices = {on_notice, console};

	if ((options->rows != NULL) == options->is_example)
		return error_set(err, ERR_USAGE, "either --rows FILE or --example is wanted");
	if (!options->is_example)
		return rows_read(arena, &bundle->signature, options->rows,
			(enum rows_format)options->format, &notices, ret, err);
	if (json_type(&bundle->example) == JSON_ABSENT)
		return error_set(err, ERR_NOT_FOUND, "the bundle has no input example");
	return input_read_tree(arena, &bundle->signature, &bundle->example, ret, err) ||
	       error_wrap(err, "input example");
}

/* All mistakes at once, but on standard error: standard output is for answers. */
static bool check_problems(struct console *console, const char *path,
	const struct problems *problems, struct error *err)
{
	const size_t total = problems->count + problems->left_out;

	if (total <= 1 || console->is_json)
		return problems_check(problems, err) || error_wrap(err, "bundle '%s'", path);
	for (size_t i = 0; i < problems->count; i++) {
		struct buf line = {0};
		problem_write(&line, &problems->items[i]);
		console_notice(console, "%s", buf_text(&line));
		buf_done(&line);
	}
	return error_set(err, ERR_INVALID_BUNDLE, "bundle '%s' has %zu mistakes", path, total);
}

static bool run(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct predict_options *options = data;
	const struct opened_options how = {
		.state_dir = options->state_dir, .secret_dir = options->secret_dir};
	struct opened opened;
	struct input input;

	if (!opened_read(arena, arguments->arguments[0], &how, &opened, err))
		return false;
	if (!check_problems(console, arguments->arguments[0], &opened.problems, err))
		return false;
	if (!read_input(console, arena, options, opened.bundle, &input, err))
		return false;
	if (opened.bundle->config.steps.count == 0)
		return echo(console, arena, &input, err);
	return score(console, arena, options, opened.bundle, &input, err);
}

#define AT(field_) offsetof(struct predict_options, field_)

static const struct option OPTIONS[] = {
	{"rows", 'r', OPTION_STRING, AT(rows), .value = "FILE|-",
		.help = "the input: a request body, a JSON array of rows, JSON lines, or CSV; - is "
			"standard input"},
	{"example", 0, OPTION_FLAG, AT(is_example), .help = "run the bundle's own input example"},
	{"format", 0, OPTION_CHOICE, AT(format), .value = "FORMAT", .fallback = "auto",
		.choices = rows_formats,
		.help = "how to read it, where its name and shape do not tell"},
	{"record", 0, OPTION_STRING, AT(record), .value = "FILE",
		.help = "append every model reply to this file, which the bundle can carry as "
			"recordings/NAME.jsonl"},
	{"timeout-ms", 0, OPTION_INTEGER, AT(timeout_ms), .value = "N", .fallback = "0", .min = 0,
		.max = 86400000, .help = "deadline of all rows together; 0: none"},
	{"rows-in-flight", 0, OPTION_INTEGER, AT(rows_in_flight), .value = "N", .fallback = "64",
		.min = 1, .max = 65536, .help = "rows that run at the same time"},
	{"offline", 0, OPTION_FLAG, AT(is_offline), .help = "make no outgoing calls"},
	{"strict", 0, OPTION_FLAG, AT(is_strict),
		.help = "exit 65 where any row failed; without it, only where all did"},
	{"state", 0, OPTION_STRING, AT(state_dir), .value = "DIR",
		.help = "keep unpacked archives here; without it they go when the rows are done"},
	{"secrets", 0, OPTION_STRING, AT(secret_dir), .value = "DIR",
		.help = "a file a secret, for ${secret:name}; without one: environment SLUICE_SECRET_NAME"},
	{"ca-file", 0, OPTION_STRING, AT(ca_file), .value = "FILE",
		.help = "certificates to trust in outgoing calls instead of the system's"},
	{.name = "json",
		.kind = OPTION_FLAG,
		.offset = AT(is_json),
		.help = "write one response as the server would, with `usage` beside `predictions`, not a line a row"},
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice predict examples/slide_generator --example",
	"sluice predict examples/slide_generator --rows rows.jsonl",
	"echo '{\"question\": \"How did Q3 go?\"}' | sluice predict slides.tar.gz --rows -",
	NULL,
};

static const struct options_spec SPEC = {
	.program = "sluice predict",
	.summary = "runs rows through a bundle without a server; JSON lines out, in order",
	.arguments = "DIR|FILE",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_predict = {
	.name = "predict",
	.area = AREA_BUNDLES,
	.spec = &SPEC,
	.options_size = sizeof(struct predict_options),
	.json_offset = offsetof(struct predict_options, is_json),
	.run = run,
};
