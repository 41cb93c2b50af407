/* Rows through steps: defaults, conditions, columns, built-in values, errors, deadlines, cancel. */
#include "model/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct arena arena;
	struct problems problems;
	struct bundle *bundle;
	struct seam seam;
	struct input input;
	struct batch *batch;
	struct timer cancel;
	struct error err; /* of the batch */
	bool is_done;
	unsigned rows_seen;
};

static int64_t fake_now(void *data)
{
	return 1795301207123456; /* 2026-11-21T22:46:47.123456Z */
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	arena_init(&bench->arena);
	problems_init(&bench->problems, &bench->arena);
	bench->seam = (struct seam){.loop = loop_new(),
		.workers = worker_pool_new(2, 1000),
		.now_us = fake_now,
		.random = seam_real_random};
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	bundle_unref(bench->bundle);
	worker_pool_free(bench->seam.workers);
	loop_free(bench->seam.loop);
	arena_done(&bench->arena);
	free(bench);
	return 0;
}

static void write_file(struct bench *bench, const char *dir, const char *name, const char *text)
{
	const char *path = arena_printf(&bench->arena, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Signatures are MLmodel's JSON texts; NULL: none. */
static void load(struct bench *bench, const char *inputs, const char *outputs, const char *config)
{
	char *dir = arena_strdup(&bench->arena, "/tmp/run_test.XXXXXX");
	struct buf mlmodel = {0};

	assert_non_null(mkdtemp(dir));
	buf_add_text(&mlmodel, "flavors:\n  sluice: {config: config.yaml}\n");
	if (inputs != NULL)
		buf_printf(&mlmodel, "signature:\n  inputs: '%s'\n", inputs);
	if (outputs != NULL)
		buf_printf(&mlmodel, "  outputs: '%s'\n", outputs);
	write_file(bench, dir, "MLmodel", buf_text(&mlmodel));
	write_file(bench, dir, "config.yaml", config);
	buf_done(&mlmodel);
	if (!bundle_load(dir, &(struct bundle_options){0}, &bench->problems, &bench->bundle))
		fail_msg("%s: %s", bench->problems.items[0].path, bench->problems.items[0].text);
	unlink(arena_printf(&bench->arena, "%s/MLmodel", dir));
	unlink(arena_printf(&bench->arena, "%s/config.yaml", dir));
	rmdir(dir);
}

static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct bench *bench = data;

	assert_false(bench->is_done);
	bench->rows_seen++;
}

static void on_done(void *data, const struct error *err)
{
	struct bench *bench = data;

	assert_false(bench->is_done);
	bench->is_done = true;
	bench->err = err != NULL ? *err : (struct error){0};
	loop_stop(bench->seam.loop);
}

static void start(struct bench *bench, const char *request, struct batch_options options)
{
	char *text = arena_zalloc(&bench->arena, strlen(request) + JSON_PADDING);

	memcpy(text, request, strlen(request));
	if (!input_read(&bench->arena, &bench->bundle->signature, INPUT_JSON,
		    (struct str){text, strlen(request)}, &bench->input, &bench->err))
		fail_msg("%s", bench->err.text);
	options.on_row = on_row;
	options.done = on_done;
	options.data = bench;
	bench->is_done = false;
	bench->rows_seen = 0;
	bench->batch =
		batch_start(&bench->seam, bench->bundle, &bench->arena, &bench->input, &options);
	assert_false(bench->is_done);
}

static const char *finish(struct bench *bench)
{
	struct buf out = {0};

	loop_run(bench->seam.loop);
	assert_true(bench->is_done);
	if (bench->err.code != ERR_NONE)
		return bench->err.text;
	batch_write(&out, bench->batch);
	const char *text = arena_strdup(&bench->arena, buf_text(&out));
	buf_done(&out);
	return text;
}

static const char *ask(struct bench *bench, const char *request)
{
	start(bench, request, (struct batch_options){0});
	return finish(bench);
}

#define COLUMN(type_, name_) "{\"type\":\"" type_ "\",\"name\":\"" name_ "\",\"required\":false}"
#define ROW(members_)        "{\"dataframe_records\":[{" members_ "}]}"

static const char AB[] = "[" COLUMN("long", "a") "," COLUMN("any", "b") "]";

/* One tool step `v` whose value is an SQL expression over a and b. */
#define VALUE_OF(expression_, more_)                                                               \
	"version: 1\n"                                                                             \
	"tools:\n"                                                                                 \
	"  - name: t\n"                                                                            \
	"    parameters: {type: object, properties: {a: {}, b: {}}}\n"                             \
	"    sql: {statement: \"SELECT " expression_ "\", result: value, timeout_ms: 20000}\n"     \
	"steps:\n"                                                                                 \
	"  - {name: v, tool: t}\n" more_

static void test_steps_in_order(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, NULL,
		"version: 1\n"
		"defaults: {a: 20}\n"
		"tools:\n"
		"  - name: twice\n"
		"    sql: {statement: 'SELECT 2 * :x AS y', result: row}\n"
		"  - name: sum\n"
		"    sql: {statement: 'SELECT :p + :q', result: value}\n"
		"steps:\n"
		"  - name: one\n"
		"    tool: {name: twice, arguments: {x: a}}\n"
		"  - name: big\n"
		"    tool: {name: twice, arguments: {x: one.y}}\n"
		"    when: {b: yes please}\n"
		"  - name: total\n"
		"    tool: {name: sum, arguments: {p: one.y, q: a}}\n");
	assert_string_equal(ask(bench, ROW("\"a\":1")),
		"{\"predictions\":[{\"one\":{\"y\":2},\"big\":null,\"total\":3}]}");
	assert_string_equal(ask(bench, ROW("\"b\":\"yes please\"")),
		"{\"predictions\":[{\"one\":{\"y\":40},\"big\":{\"y\":80},\"total\":60}]}");
	assert_string_equal(ask(bench, ROW("\"a\":null,\"b\":null")),
		"{\"predictions\":[{\"one\":{\"y\":40},\"big\":null,\"total\":60}]}");
	assert_int_equal(batch_usage(bench->batch)->tool_calls, 2);
}

static void test_rows_in_order(void **state)
{
	struct bench *bench = *state;
	struct buf request = {0}, expected = {0};

	load(bench, AB, "[" COLUMN("long", "v") "]", VALUE_OF(":a + 1", ""));
	buf_add_text(&request, "{\"dataframe_records\":[");
	buf_add_text(&expected, "{\"predictions\":[");
	for (int i = 0; i < 1000; i++) {
		buf_printf(&request, "%s{\"a\":%d}", i > 0 ? "," : "", i);
		buf_printf(&expected, "%s{\"v\":%d}", i > 0 ? "," : "", i + 1);
	}
	buf_add_text(&request, "]}");
	buf_add_text(&expected, "]}");
	assert_string_equal(ask(bench, buf_text(&request)), buf_text(&expected));
	assert_int_equal(bench->rows_seen, 1000);
	buf_done(&request);
	buf_done(&expected);
}

static void test_no_rows(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, NULL, VALUE_OF(":a", ""));
	assert_string_equal(
		ask(bench, "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[]}}"),
		"{\"predictions\":[]}");
}

static void test_echo(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, "[" COLUMN("string", "other") "]", "version: 1\n");
	assert_string_equal(
		ask(bench, "{\"dataframe_records\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":[4]}]}"),
		"{\"predictions\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":[4]}]}");
	assert_int_equal(bench->rows_seen, 2);
}

static void test_output_columns(void **state)
{
	struct bench *bench = *state;

	load(bench, AB,
		"[" COLUMN("double", "d") "," COLUMN("any", "a") "," COLUMN(
			"double", "cost") "," COLUMN("long", "tokens") "," COLUMN("string",
			"now") "," COLUMN("string", "trace_url") "," COLUMN("string", "error") "]",
		VALUE_OF(":a", "outputs: {d: v}\n"));
	assert_string_equal(ask(bench, ROW("\"a\":5")),
		"{\"predictions\":[{\"d\":5.0,\"a\":5,\"cost\":0.0,\"tokens\":0,"
		"\"now\":\"2026-11-21T22:46:47.123456Z\",\"trace_url\":null,\"error\":null}]}");
}

static void test_unnamed_column(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, "[{\"type\":\"long\"}]", VALUE_OF(":a * 2", ""));
	assert_string_equal(ask(bench, "{\"dataframe_records\":[{\"a\":1},{\"a\":2}]}"),
		"{\"predictions\":[2,4]}");
}

static void test_column_types(void **state)
{
	static const struct {
		const char *type, *sql, *answer; /* "!" and part of the error */
	} CASES[] = {
		{"long", "7", "7"},
		{"long", "7.0", "7"},
		{"long", "7.5", "!expected long"},
		{"long", "'7'", "!got a string: \"7\""},
		{"long", "9223372036854775807", "9223372036854775807"},
		{"long", "1e19", "!expected long"},
		{"integer", "2147483647", "2147483647"},
		{"integer", "2147483648", "!expected integer"},
		{"double", "3", "3.0"},
		{"double", "'x'", "!expected double"},
		{"float", "0.1", "0.10000000149011612"},
		{"float", "1e39", "!expected float"},
		{"boolean", "1", "!expected boolean"},
		{"string", "'x'", "\"x\""},
		{"string", "1", "!expected string"},
		{"any", "1.5", "1.5"},
		{"long", "NULL", "null"},
		{"string", "NULL", "null"},
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const char *outputs = arena_printf(&bench->arena,
			"[{\"type\":\"%s\",\"name\":\"v\",\"required\":true}]", CASES[i].type);
		const char *config =
			arena_printf(&bench->arena, VALUE_OF("%s AS v", ""), CASES[i].sql);

		load(bench, AB, outputs, config);
		const char *answer = ask(bench, ROW("\"a\":1"));
		if (CASES[i].answer[0] == '!') {
			assert_int_equal(bench->err.code, ERR_BAD_REQUEST);
			assert_non_null(strstr(answer, "row 0: output column 'v' (from 'v'): "));
			if (strstr(answer, CASES[i].answer + 1) == NULL)
				fail_msg("%s", answer);
		} else {
			assert_string_equal(
				answer, arena_printf(&bench->arena,
						"{\"predictions\":[{\"v\":%s}]}", CASES[i].answer));
		}
		bundle_unref(bench->bundle);
		bench->bundle = NULL;
	}
}

static void test_nested_columns(void **state)
{
	static const struct {
		const char *type, *value, *answer;
	} CASES[] = {
		{"\"type\":\"array\",\"items\":{\"type\":\"double\"}", "[1,2.5]", "[1.0,2.5]"},
		{"\"type\":\"array\",\"items\":{\"type\":\"long\"}", "[1,2.5]",
			"!element 1: expected long"},
		{"\"type\":\"map\",\"values\":{\"type\":\"long\"}", "{\"x\":1.0}", "{\"x\":1}"},
		{"\"type\":\"map\",\"values\":{\"type\":\"long\"}", "{\"x\":\"1\"}",
			"!value of 'x': expected long"},
		{"\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"long\",\"required\":true}}",
			"{\"p\":1}", "{\"p\":1}"},
		{"\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"long\",\"required\":true}}",
			"{}", "!property 'p' is missing"},
		{"\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"long\",\"required\":true}}",
			"{\"p\":1,\"q\":2}", "!property 'q' is not declared"},
		{"\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"long\",\"required\":true}}",
			"[1]", "!got an array: [1]"},
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const char *outputs = arena_printf(
			&bench->arena, "[{%s,\"name\":\"b\",\"required\":true}]", CASES[i].type);

		load(bench, AB, outputs, VALUE_OF("1", ""));
		const char *answer =
			ask(bench, arena_printf(&bench->arena, ROW("\"b\":%s"), CASES[i].value));
		if (CASES[i].answer[0] != '!')
			assert_string_equal(
				answer, arena_printf(&bench->arena,
						"{\"predictions\":[{\"b\":%s}]}", CASES[i].answer));
		else if (strstr(answer, CASES[i].answer + 1) == NULL)
			fail_msg("%s", answer);
		bundle_unref(bench->bundle);
		bench->bundle = NULL;
	}
}

static void test_failing_rows(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, "[" COLUMN("any", "v") "," COLUMN("string", "error") "]",
		VALUE_OF("json_extract(:b, '$.x')", ""));
	assert_string_equal(
		ask(bench,
			"{\"dataframe_records\":[{\"b\":\"{}\"},{\"b\":\"{\"},{\"b\":{\"x\":7}}]}"),
		"{\"predictions\":[{\"v\":null,\"error\":null},"
		"{\"v\":null,\"error\":\"step 'v': tool 't': malformed JSON\"},"
		"{\"v\":7,\"error\":null}]}");
	assert_int_equal(batch_usage(bench->batch)->rows_failed, 1);
	assert_int_equal(bench->rows_seen, 3);
}

static const char *ask_within(struct bench *bench, size_t answer_max, const char *request)
{
	start(bench, request,
		(struct batch_options){.answer_max = answer_max, .rows_in_flight = 1});
	return finish(bench);
}

/* A value stands in the request once and in the answer as often as there are rows. */
static void test_answers_are_limited(void **state)
{
	static const char ROWS[] = "{\"inputs\":{\"a\":[1,2,3],\"b\":\"0123456789\"}}";
	struct bench *bench = *state;

	load(bench, AB, "[" COLUMN("string", "b") "]", VALUE_OF(":a", ""));
	assert_string_equal(ask_within(bench, 54, ROWS),
		"{\"predictions\":[{\"b\":\"0123456789\"},{\"b\":\"0123456789\"},{\"b\":\"0123456789\"}]}");
	assert_string_equal(ask_within(bench, 53, ROWS),
		"encountered an unexpected error while evaluating the model: row 2: the answer is longer than 53 "
		"bytes");
	assert_int_equal(bench->err.code, ERR_TOO_LARGE);
	bundle_unref(bench->bundle);

	load(bench, AB, "[" COLUMN("string", "b") "," COLUMN("string", "error") "]",
		VALUE_OF(":a", ""));
	assert_string_equal(ask_within(bench, 80, ROWS),
		"{\"predictions\":[{\"b\":\"0123456789\",\"error\":null},"
		"{\"b\":\"0123456789\",\"error\":null},"
		"{\"b\":null,\"error\":\"the answer is longer than 80 bytes\"}]}");
	assert_int_equal(batch_usage(bench->batch)->rows_failed, 1);
	/* Errors have the same room, and no more. */
	const char *answer = ask_within(bench, 40, ROWS);
	assert_int_equal(bench->err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(answer, "row 1: the rows' errors are longer than 40 bytes"));
}

static void test_arguments_are_checked(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, NULL,
		"version: 1\n"
		"tools:\n"
		"  - name: t\n"
		"    parameters: {type: object, properties: {b: {type: integer, minimum: 3}}, required: [b]}\n"
		"    sql: {statement: 'SELECT :b', result: value}\n"
		"steps:\n"
		"  - {name: v, tool: t}\n");
	assert_string_equal(ask(bench, ROW("\"b\":3")), "{\"predictions\":[{\"v\":3}]}");
	const char *answer = ask(bench, ROW("\"b\":2"));
	assert_int_equal(bench->err.code, ERR_BAD_REQUEST);
	assert_non_null(strstr(answer,
		"encountered an unexpected error while evaluating the model: row 0: step 'v': tool 't': "
		"arguments: "));
}

static void test_forms(void **state)
{
	struct bench *bench = *state;

	load(bench, NULL, NULL, VALUE_OF(":a + 1", ""));
	assert_string_equal(ask(bench, "{\"inputs\":[{\"a\":1},{\"a\":null},{}]}"),
		"{\"predictions\":[{\"v\":2},{\"v\":null},{\"v\":null}]}");
	assert_string_equal(ask(bench, "{\"prompt\":\"x\",\"a\":4}"), "{\"v\":5}");
	assert_string_equal(ask(bench, "{\"inputs\":7}"), "{\"predictions\":[{\"v\":null}]}");
}

/* A default replaces a null in the row, not in the request that other rows and the caller share. */
static void test_input_is_not_changed(void **state)
{
	struct bench *bench = *state;

	load(bench, NULL, NULL, VALUE_OF(":a + 1", "defaults: {a: 8}\n"));
	assert_string_equal(
		ask(bench, "{\"inputs\":[{\"a\":null}]}"), "{\"predictions\":[{\"v\":9}]}");
	assert_int_equal(json_type(json_get(&bench->input.value.items[0], STR("a"))), JSON_NULL);
	assert_int_equal(bench->input.value.items[0].size, 1);
}

#define FOREVER                                                                                    \
	"(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0)"

static void test_deadlines(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, "[" COLUMN("any", "v") "," COLUMN("string", "error") "]",
		VALUE_OF("iif(:a, " FOREVER ", 5)", "timeout_ms: 1000\n"));
	assert_string_equal(ask(bench, "{\"dataframe_records\":[{\"a\":0},{\"a\":1}]}"),
		"{\"predictions\":[{\"v\":5,\"error\":null},"
		"{\"v\":null,\"error\":\"step 'v': the row's deadline of 1000 ms ran out while it "
		"waited for tool 't'\"}]}");

	/* The batch's own: rows that never began are late, too. */
	start(bench, "{\"dataframe_records\":[{\"a\":1},{\"a\":0}]}",
		(struct batch_options){.timeout_ms = 500, .rows_in_flight = 1});
	assert_string_equal(finish(bench),
		"{\"predictions\":[{\"v\":null,\"error\":\"step 'v': the row's deadline of 500 ms ran out "
		"while it waited for tool 't'\"},"
		"{\"v\":null,\"error\":\"the deadline of all rows ran out before this one began\"}]}");
}

/* Models answered from recordings, without repairs: `models` is YAML, `replies` are lines of a file
 * of recordings. */
static void load_recorded(struct bench *bench, const char *models, const char *replies)
{
	static const char STEP[] =
		"steps:\n  - {name: v, llm: {model: main, prompt: ask, repairs: 0, "
		"output: {type: object, required: [t]}}}\n";
	char *dir = arena_strdup(&bench->arena, "/tmp/run_test.XXXXXX");

	assert_non_null(mkdtemp(dir));
	write_file(bench, dir, "MLmodel",
		arena_printf(&bench->arena,
			"flavors:\n  sluice: {config: config.yaml}\nsignature:\n  inputs: '%s'\n  outputs: '%s'\n",
			AB,
			"[" COLUMN("any", "v") "," COLUMN("double", "cost") "," COLUMN(
				"string", "error") "]"));
	write_file(bench, dir, "config.yaml",
		arena_printf(&bench->arena, "models:\n%s%s", models, STEP));
	write_file(bench, dir, "prompts.yaml", "ask: Q\n");
	assert_int_equal(mkdir(arena_printf(&bench->arena, "%s/recordings", dir), 0700), 0);
	write_file(bench, dir, "recordings/r.jsonl", replies);
	if (!bundle_load(dir, &(struct bundle_options){0}, &bench->problems, &bench->bundle))
		fail_msg("%s", bench->problems.items[0].text);
	static const char *const made[] = {
		"MLmodel", "config.yaml", "prompts.yaml", "recordings/r.jsonl", "recordings", ""};
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		remove(arena_printf(&bench->arena, "%s/%s", dir, made[i]));
}

#define RECORDED(model_, reply_)                                                                   \
	"{\"request\":{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}],\"model\":\"" model_   \
	"\",\"schema\":{\"type\":\"object\",\"required\":[\"t\"]}},\"reply\":" reply_ "}\n"
#define REPLY(content_)                                                                            \
	"{\"status\":200,\"body\":{\"choices\":[{\"message\":{\"content\":\"" content_             \
	"\"}}],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":0}}}"

/* Why the first model failed is not lost when the second one fails, too. */
static void test_both_failures_are_told(void **state)
{
	struct bench *bench = *state;

	load_recorded(bench,
		"  main: {provider: recorded, model: x, fallback: backup}\n"
		"  backup: {provider: recorded, model: y}\n",
		RECORDED("main", "{\"status\":401,\"body\":\"no key\"}")
			RECORDED("backup", REPLY("[]")));
	const char *answer = ask(bench, ROW("\"a\":5"));

	assert_non_null(strstr(answer,
		"\"error\":\"step 'v': model 'main': status 401: 'no key'; then its fallback 'backup' "
		"missed the answer's schema in 1 answer: "));
}

/* 0 would be a guess. */
static void test_cost_without_price(void **state)
{
	static const struct {
		const char *price, *cost;
	} CASES[] = {
		{"", "\"cost\":null"},
		{", price_usd_per_million: {input: 0, output: 0}", "\"cost\":0.0,"},
		{", price_usd_per_million: {input: 3, output: 15}", "\"cost\":0.003,"},
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		bundle_unref(bench->bundle);
		load_recorded(bench,
			arena_printf(&bench->arena, "  main: {provider: recorded, model: x%s}\n",
				CASES[i].price),
			RECORDED("main", REPLY("{\\\"t\\\":1}")));
		const char *answer = ask(bench, ROW("\"a\":5"));
		if (strstr(answer, CASES[i].cost) == NULL)
			fail_msg("%s: %s", CASES[i].cost, answer);
	}
}

static void on_cancel(void *data)
{
	struct bench *bench = data;

	batch_cancel(bench->batch);
	batch_cancel(bench->batch);
	assert_false(bench->is_done);
}

static void test_cancel(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, NULL, VALUE_OF(FOREVER, ""));
	for (unsigned after_ms = 0; after_ms < 30; after_ms += 10) {
		start(bench, "{\"dataframe_records\":[{\"a\":1},{\"a\":2},{\"a\":3},{\"a\":4}]}",
			(struct batch_options){.rows_in_flight = 3});
		if (after_ms == 0)
			on_cancel(bench);
		timer_init(&bench->cancel, bench->seam.loop, on_cancel, bench);
		if (after_ms > 0)
			timer_start(&bench->cancel, after_ms);
		finish(bench);
		assert_int_equal(bench->err.code, ERR_CANCELLED);
		assert_int_equal(bench->rows_seen, 0);
		timer_stop(&bench->cancel);
	}
}

static void test_first_failure_cancels_the_rest(void **state)
{
	struct bench *bench = *state;

	load(bench, AB, NULL, VALUE_OF("iif(:a, " FOREVER ", json_extract('{', '$'))", ""));
	const char *answer = ask(bench, "{\"dataframe_records\":[{\"a\":1},{\"a\":0},{\"a\":1}]}");
	assert_int_equal(bench->err.code, ERR_BAD_REQUEST);
	assert_string_equal(answer,
		"encountered an unexpected error while evaluating the model: row 1: step 'v': tool 't': "
		"malformed JSON");
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_steps_in_order),
		TEST(test_rows_in_order),
		TEST(test_no_rows),
		TEST(test_echo),
		TEST(test_output_columns),
		TEST(test_unnamed_column),
		TEST(test_both_failures_are_told),
		TEST(test_cost_without_price),
		TEST(test_column_types),
		TEST(test_nested_columns),
		TEST(test_failing_rows),
		TEST(test_answers_are_limited),
		TEST(test_arguments_are_checked),
		TEST(test_forms),
		TEST(test_input_is_not_changed),
		TEST(test_deadlines),
		TEST(test_cancel),
		TEST(test_first_failure_cancels_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
