/* endpoint → what to send: rows, the registered example, the endpoint's own → ask, again and again → what came back */
#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/outputs.h"
#include "cli/rows.h"
#include "cli/sample.h"

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
	struct json body;
	const char *origin; /* of the body, for people */
	struct outputs outputs;
	uint64_t *elapsed_ns; /* of each request that was answered, sorted in the end */
	size_t count, answered;
	struct json served;   /* entity to number of answers */
	struct json statuses; /* "200" to number of answers */
	struct json problems; /* texts, the first ones */
	struct error first;   /* of the first request that failed */
	size_t failed;
};

/* ---- what to send ---- */

static struct str text_of(const struct json *object, const char *key)
{
	return json_str(json_get(object, str_of(key)));
}

/* The served entity that is asked, or else has the most traffic. */
static const struct json *choose_entity(const struct testing *testing, const struct json *record)
{
	const struct json *entities = json_get(record, STR("entities")), *best = NULL;
	int64_t most = -1;

	for (size_t i = 0; i < entities->size; i++) {
		const struct json *entity = &entities->items[i], *traffic = json_get(entity, STR("traffic"));

		if (testing->options->entity != NULL && str_is(text_of(entity, "name"), testing->options->entity))
			return entity;
		if (traffic != NULL && traffic->integer > most) {
			most = traffic->integer;
			best = entity;
		}
	}
	return testing->options->entity != NULL ? NULL : best;
}

static const struct json *first_value(const struct json *object)
{
	return json_type(object) == JSON_OBJECT && object->size > 0 ? json_get(&object->members[0].value, STR("value"))
								    : NULL;
}

/* Of the first path of its OpenAPI page that has one. */
static const struct json *openapi_example(const struct json *page)
{
	const struct json *paths = json_get(page, STR("paths"));

	for (size_t i = 0; json_type(paths) == JSON_OBJECT && i < paths->size; i++) {
		const struct json *content = json_at(&paths->members[i].value, STR("post.requestBody.content"));
		const struct json *media = json_get(content, STR("application/json"));
		const struct json *found[] = {json_get(media, STR("example")),
			first_value(json_get(media, STR("examples"))), json_at(media, STR("schema.example")),
			json_at(media, STR("schema.oneOf.0.example"))};

		for (size_t j = 0; j < sizeof(found) / sizeof(*found); j++)
			if (json_type(found[j]) == JSON_OBJECT)
				return found[j];
	}
	return NULL;
}

static bool ask_openapi(struct testing *testing, struct error *err)
{
	struct remote *remote = testing->remote;
	struct json page;

	if (!remote_wait(remote, client_endpoint_openapi(remote->client, remote->arena, testing->name, &page), err))
		return false;
	const struct json *example = openapi_example(&page);
	if (example == NULL)
		return error_set(err, ERR_NOT_FOUND, "%s", "its page has no example");
	testing->body = *example;
	testing->origin = "the example of its OpenAPI page";
	return true;
}

static bool find_example(struct testing *testing, const struct json *entity, struct error *err)
{
	struct error why = {0};
	struct sample sample;

	sample_read(testing->remote, text_of(entity, "model"), text_of(entity, "version"), &sample);
	if (json_type(&sample.body) != JSON_ABSENT) {
		testing->body = sample.body;
		testing->origin = arena_printf(testing->remote->arena, "%s of %.*s/%.*s",
			sample.is_made ? "made from the signature" : "the input example",
			STR_ARGS(text_of(entity, "model")), STR_ARGS(text_of(entity, "version")));
		return true;
	}
	return ask_openapi(testing, &why) ||
	       error_set(err, ERR_NOT_FOUND,
		       "there is no example to send, neither in the registry nor at the endpoint: --rows FILE");
}

static bool read_rows(struct testing *testing, const struct json *entity, struct error *err)
{
	const char *path = testing->options->rows;
	struct sample sample = {0};
	struct error ignored;

	/* Only CSV needs to be told what its texts are. */
	if (testing->options->format == ROWS_CSV || str_ends(str_of(path), STR(".csv")))
		sample_signature(
			testing->remote, text_of(entity, "model"), text_of(entity, "version"), &sample, &ignored);
	testing->origin = path;
	return rows_request(testing->remote->arena, &sample.signature, path, (enum rows_format)testing->options->format,
		&testing->body, err);
}

static bool choose_body(struct testing *testing, struct error *err)
{
	struct json endpoint;

	if (!endpoint_find(testing->remote, testing->name, &endpoint, err))
		return false;
	const struct json record = endpoint_record(testing->remote, &endpoint);
	const struct json *entity = choose_entity(testing, &record);
	if (entity == NULL && testing->options->entity != NULL)
		return error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no served entity '%s' (sluice status %.*s)",
			STR_ARGS(testing->name), testing->options->entity, STR_ARGS(testing->name));
	return testing->options->rows != NULL ? read_rows(testing, entity, err) : find_example(testing, entity, err);
}

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
		count(testing, &testing->served, answer->served);
	if (answer->code != ERR_NONE)
		fail(testing, answer->code, answer->problem);
	else if (json_type(&answer->tree) == JSON_ABSENT)
		fail(testing, ERR_UPSTREAM, "the answer is no JSON");
	else
		outputs_add(&testing->outputs, &answer->tree);
}

static bool ask(struct testing *testing, struct error *err)
{
	struct remote *remote = testing->remote;
	const struct str entity = str_of(testing->options->entity);

	for (size_t i = 0; i < testing->count; i++) {
		struct client_answer answer;
		struct error why = {0};

		if (i > 0)
			console_progress(remote->console, "requests", i, testing->count);
		if (remote_wait(remote,
			    client_endpoint_query(
				    remote->client, remote->arena, testing->name, entity, &testing->body, &answer),
			    &why)) {
			if (answer.status != 0)
				take(testing, &answer);
			continue;
		}
		if (remote->console->signal_number != 0) {
			*err = why;
			return false;
		}
		fail(testing, why.code, why.text);
	}
	return true;
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
	json_set(arena, &record, STR("sent"), json_string(str_of(testing->origin)));
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

	console_style(out, console->has_out_color, is_fine ? STYLE_GOOD : STYLE_BAD, is_fine ? "answered" : "failed");
	buf_printf(out, " %zu of %zu requests to %s\n", testing->count - testing->failed, testing->count,
		endpoint_url(testing->remote, testing->name));
	write_line(out, "sent", str_of(testing->origin));
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

	outputs_init(&testing.outputs, arena);
	return remote_open(remote, console, arena, &options->remote, err) && choose_body(&testing, err) &&
	       ask(&testing, err) && answer(&testing, err);
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
