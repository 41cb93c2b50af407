/* endpoint → what to send: rows, the registered example, the endpoint's own → ask, again and again → what came back */
#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/sent.h"

#include <inttypes.h>
#include <stdlib.h>

struct test_options {
	struct remote_options remote;
	const char *rows, *entity;
	int format; /* enum rows_format */
	int64_t repeat;
	bool is_strict, is_json;
};

enum { PROBLEMS_SHOWN = 5 };

struct testing {
	struct remote *remote;
	const struct test_options *options;
	struct str name;
	struct sent sent;
	struct outputs outputs;
	uint64_t *elapsed_ns; /* of each request that was answered, sorted in the end */
	size_t count, answered;
	struct json served;   /* entity to number of answers */
	struct json statuses; /* "200" to number of answers */
	struct json problems; /* texts, the first ones */
	struct error first;   /* of the first request that failed */
	size_t failed;
};

/* ---- asking ---- */

static void count(struct testing *testing, struct json *counts, struct str key)
{
	const struct json *before = json_get(counts, key);

	json_set(testing->remote->arena, counts, key, json_integer(before != NULL ? before->integer + 1 : 1));
}

static void fail(struct testing *testing, enum error_code code, const char *text)
{
	if (testing->failed++ == 0)
		error_set(&testing->first, code, "%s", text);
	if (testing->problems.size < PROBLEMS_SHOWN)
		json_append(testing->remote->arena, &testing->problems,
			json_string(str_of(arena_strdup(testing->remote->arena, text))));
}

static void take(struct testing *testing, const struct client_answer *answer)
{
	struct arena *arena = testing->remote->arena;

	testing->elapsed_ns[testing->answered++] = answer->elapsed_ns;
	count(testing, &testing->statuses, str_of(arena_printf(arena, "%d", answer->status)));
	if (answer->served.len > 0)
		count(testing, &testing->served,
			(struct str){arena_memdup(arena, answer->served.data, answer->served.len), answer->served.len});
	if (answer->code != ERR_NONE)
		fail(testing, answer->code, answer->problem);
	else if (json_type(&answer->tree) == JSON_ABSENT)
		fail(testing, ERR_UPSTREAM, "the answer is no JSON");
	else
		outputs_add(&testing->outputs, &answer->tree);
}

static bool ask_once(struct testing *testing, struct arena *arena, struct error *err)
{
	struct remote *remote = testing->remote;
	const struct str entity = str_of(testing->options->entity);
	struct client_answer answer;
	struct error why = {0};

	if (remote_wait(remote,
		    client_endpoint_query(remote->client, arena, testing->name, entity, &testing->sent.body, &answer),
		    &why)) {
		/* None in a dry run. */
		if (answer.status != 0)
			take(testing, &answer);
		return true;
	}
	if (remote->console->signal_number != 0) {
		*err = why;
		return false;
	}
	fail(testing, why.code, why.text);
	return true;
}

static bool ask(struct testing *testing, struct error *err)
{
	bool is_fine = true;

	for (size_t i = 0; i < testing->count && is_fine; i++) {
		struct arena arena;

		if (i > 0)
			console_progress(testing->remote->console, "requests", i, testing->count);
		arena_init(&arena);
		is_fine = ask_once(testing, &arena, err);
		arena_done(&arena);
	}
	return is_fine;
}

/* ---- the answer ---- */

static int by_time(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double quantile_ms(const struct testing *testing, double share)
{
	return (double)testing->elapsed_ns[(size_t)(share * (double)(testing->answered - 1) + 0.5)] / 1e6;
}

static struct json latency_json(const struct testing *testing)
{
	static const struct {
		const char *name;
		double share;
	} SHOWN[] = {{"min", 0}, {"median", 0.5}, {"p99", 0.99}, {"max", 1}};
	struct json record = json_object();

	for (size_t i = 0; testing->answered > 0 && i < sizeof(SHOWN) / sizeof(*SHOWN); i++)
		json_set(testing->remote->arena, &record, str_of(SHOWN[i].name),
			json_double(quantile_ms(testing, SHOWN[i].share)));
	return record;
}

static struct json record_of(const struct testing *testing)
{
	struct arena *arena = testing->remote->arena;
	struct json record = json_object();

	json_set(arena, &record, STR("endpoint"), json_string(testing->name));
	json_set(arena, &record, STR("url"), json_string(str_of(endpoint_url(testing->remote, testing->name))));
	json_set(arena, &record, STR("sent"), json_string(str_of(testing->sent.origin)));
	json_set(arena, &record, STR("requests"), json_integer((int64_t)testing->count));
	json_set(arena, &record, STR("failed"), json_integer((int64_t)testing->failed));
	json_set(arena, &record, STR("statuses"), testing->statuses);
	json_set(arena, &record, STR("served"), testing->served);
	json_set(arena, &record, STR("latency_ms"), latency_json(testing));
	json_set(arena, &record, STR("rows"), json_integer((int64_t)testing->outputs.row_count));
	json_set(arena, &record, STR("rows_failed"), json_integer((int64_t)testing->outputs.rows_failed));
	json_set(arena, &record, STR("columns"), outputs_json(&testing->outputs));
	json_set(arena, &record, STR("errors"), testing->outputs.errors);
	json_set(arena, &record, STR("trace_urls"), testing->outputs.traces);
	json_set(arena, &record, STR("problems"), testing->problems);
	return record;
}

static void write_counts(struct buf *out, const char *title, const struct json *counts)
{
	if (counts->size == 0)
		return;
	buf_printf(out, "  %-9s  ", title);
	for (size_t i = 0; i < counts->size; i++)
		buf_printf(out, "%s%.*s ×%" PRId64, i > 0 ? ", " : "", STR_ARGS(json_str(&counts->members[i].key)),
			counts->members[i].value.integer);
	buf_add_char(out, '\n');
}

static void write_line(struct buf *out, const char *title, struct str text)
{
	buf_printf(out, "  %-9s  ", title);
	buf_add_visible(out, text);
	buf_add_char(out, '\n');
}

static void write_list(struct buf *out, const char *title, const struct json *texts)
{
	for (size_t i = 0; i < texts->size; i++)
		write_line(out, title, json_str(&texts->items[i]));
}

static void write_text(struct buf *out, const struct testing *testing)
{
	struct console *console = testing->remote->console;
	const bool is_fine = testing->failed == 0;

	console_style(out, console->has_out_color, is_fine ? STYLE_GOOD : STYLE_BAD, "answered");
	buf_printf(out, " %zu of %zu requests to %s\n", testing->count - testing->failed, testing->count,
		endpoint_url(testing->remote, testing->name));
	write_line(out, "sent", str_of(testing->sent.origin));
	write_counts(out, "status", &testing->statuses);
	write_counts(out, "served by", &testing->served);
	if (testing->answered == 1)
		buf_printf(out, "  latency    %.1f ms\n", quantile_ms(testing, 0));
	else if (testing->answered > 1)
		buf_printf(out, "  latency    min %.1f  median %.1f  p99 %.1f  max %.1f ms\n", quantile_ms(testing, 0),
			quantile_ms(testing, 0.5), quantile_ms(testing, 0.99), quantile_ms(testing, 1));
	if (testing->outputs.row_count > 0)
		buf_printf(out, "  rows       %zu, %zu failed\n", testing->outputs.row_count,
			testing->outputs.rows_failed);
	outputs_write(out, &testing->outputs);
	write_list(out, "trace", &testing->outputs.traces);
	write_list(out, "error", &testing->outputs.errors);
	write_list(out, "problem", &testing->problems);
}

/* What went wrong is told already: only the exit status is left. */
static bool check(const struct testing *testing, struct error *err)
{
	const struct outputs *outputs = &testing->outputs;

	if (testing->failed > 0)
		return error_set(err, testing->first.code, "%s", "");
	if (outputs->rows_failed > 0 && (testing->options->is_strict || outputs->rows_failed == outputs->row_count))
		return error_set(err, ERR_BAD_REQUEST, "%s", "");
	return true;
}

static bool answer(struct testing *testing, struct error *err)
{
	struct buf out = {0};

	qsort(testing->elapsed_ns, testing->answered, sizeof(*testing->elapsed_ns), by_time);
	const struct json record = record_of(testing);
	write_text(&out, testing);
	const bool is_written = remote_answer(testing->remote, &record, &out, err);
	buf_done(&out);
	return is_written && check(testing, err);
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct test_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct testing testing = {
		.remote = remote,
		.options = options,
		.name = str_of(arguments->arguments[0]),
		.count = (size_t)options->repeat,
		.elapsed_ns = arena_array(arena, (size_t)options->repeat, sizeof(uint64_t)),
		.served = json_object(),
		.statuses = json_object(),
		.problems = json_array(),
	};

	const struct sent_wish wish = {
		.rows = options->rows, .format = (enum rows_format)options->format, .entity = options->entity};

	outputs_init(&testing.outputs, arena);
	return remote_open(remote, console, arena, &options->remote, err) &&
	       sent_choose(remote, testing.name, &wish, &testing.sent, err) && ask(&testing, err) &&
	       answer(&testing, err);
}

#define AT(field_) offsetof(struct test_options, field_)

static const struct option OPTIONS[] = {
	{"rows", 'r', OPTION_STRING, AT(rows), .value = "FILE|-",
		.help = "what to send: a request body, a JSON array of rows, JSON lines, or CSV; without it the input example "
			"of the model, or the endpoint's"},
	{"format", 0, OPTION_CHOICE, AT(format), .value = "FORMAT", .fallback = "auto", .choices = rows_formats,
		.help = "how to read it, where its name and shape do not tell"},
	{"repeat", 'n', OPTION_INTEGER, AT(repeat), .value = "N", .fallback = "1", .min = 1, .max = 100000,
		.help = "send it so often, one after the other"},
	{"entity", 0, OPTION_STRING, AT(entity), .value = "NAME",
		.help = "ask this served entity, whatever its traffic"},
	{"strict", 0, OPTION_FLAG, AT(is_strict),
		.help = "exit 65 where any row failed; without it, only where all did"},
	OPTIONS_SERVING(struct test_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice test slides",
	"sluice test slides --rows examples/slide_generator_rows.json --repeat 20",
	"sluice test slides --entity slides-4 --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice test",
	.summary = "sends rows to an endpoint: status, latency, what the outputs are like, traces, errors",
	.about = "Exits with the error's status where a request failed, with 65 where all rows did.",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_test = {
	.name = "test",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct test_options),
	.json_offset = offsetof(struct test_options, is_json),
	.run = run,
};
