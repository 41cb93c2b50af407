/* Recordings: reading files, finding by canonical request, order within a run, misses that explain
 * themselves. */
#include "model/recordings.h"

#include "model/recorder.h"
#include "model/schema.h"
#include "model/seam.h"

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
	char dir[64];
	const struct recordings *recordings;
	struct chat chat;
	struct model_spec model;
	struct llm_question question;
	struct recordings_played played;
	struct error err;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	arena_init(&bench->arena);
	problems_init(&bench->problems, &bench->arena);
	snprintf(bench->dir, sizeof(bench->dir), "/tmp/recordings_test.XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	assert_int_equal(mkdir(arena_printf(&bench->arena, "%s/recordings", bench->dir), 0755), 0);
	chat_init(&bench->chat, &bench->arena);
	bench->model = (struct model_spec){.name = STR("m"),
		.provider = STR("recorded"),
		.temperature = -1,
		.top_p = -1,
		.seed = -1};
	bench->question = (struct llm_question){.model = &bench->model, .chat = &bench->chat};
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	unlink(arena_printf(&bench->arena, "%s/recordings/a.jsonl", bench->dir));
	unlink(arena_printf(&bench->arena, "%s/recordings/b.jsonl", bench->dir));
	rmdir(arena_printf(&bench->arena, "%s/recordings", bench->dir));
	assert_int_equal(rmdir(bench->dir), 0);
	arena_done(&bench->arena);
	free(bench);
	return 0;
}

static void write_file(struct bench *bench, const char *name, const char *text)
{
	FILE *file = fopen(arena_printf(&bench->arena, "%s/recordings/%s", bench->dir, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void load(struct bench *bench)
{
	bench->recordings = recordings_load(&bench->arena, &bench->problems, bench->dir, "recordings");
}

static const struct recording *play(struct bench *bench, const char *user)
{
	error_clear(&bench->err);
	chat_init(&bench->chat, &bench->arena);
	chat_add(&bench->chat, CHAT_USER, str_of(user));
	const struct json request =
		recordings_request(&bench->arena, &bench->question, &bench->model);
	return recordings_play(
		bench->recordings, &bench->played, &bench->arena, &request, &bench->err);
}

#define LINE(more_, user_, body_)                                                                  \
	"{\"request\":{\"messages\":[{\"content\":\"" user_ "\",\"role\":\"user\"}]" more_         \
	",\"model\":\"m\"},\"reply\":{\"status\":200,\"body\":" body_ "}}\n"

static void test_found(void **state)
{
	struct bench *bench = *state;

	write_file(
		bench, "a.jsonl", LINE("", "hi", "{\"x\":1}") "\n\r\n" LINE("", "ho", "\"text\""));
	write_file(bench, "b.jsonl", LINE(",\"temperature\":1", "hi", "\"warm\""));
	write_file(bench, "b.jsonl~", "not read");
	load(bench);
	assert_int_equal(bench->problems.count, 0);
	assert_int_equal(recordings_count(bench->recordings), 3);
	assert_true(str_is(play(bench, "hi")->body, "{\"x\":1}"));
	assert_true(str_is(play(bench, "ho")->body, "text"));
	assert_int_equal(play(bench, "ho")->line, 4);
	bench->model.temperature = 1.0;
	assert_true(str_is(play(bench, "hi")->body, "warm"));
	assert_null(play(bench, "ho"));

	/* What depends on the environment is no part of the key. */
	bench->model.temperature = -1;
	bench->model.model = STR("another");
	bench->model.base_url = STR("http://elsewhere");
	bench->model.api_key = secret_new(&bench->arena, STR("sk"));
	assert_non_null(play(bench, "hi"));
	bench->model.name = STR("other");
	assert_null(play(bench, "hi"));
	unlink(arena_printf(&bench->arena, "%s/recordings/b.jsonl~", bench->dir));
}

static void test_schema_is_part_of_the_key(void **state)
{
	struct bench *bench = *state;
	struct decoder decoder;
	struct json tree;

	write_file(bench, "a.jsonl",
		LINE(",\"schema\":{\"required\":[\"n\"],\"type\":\"object\"}", "hi", "1"));
	load(bench);
	assert_null(play(bench, "hi"));
	assert_true(json_read(
		&bench->arena, STR("{\"type\":\"object\",\"required\":[\"n\"]}"), &tree, NULL));
	decoder_init(&decoder, &bench->arena, &bench->problems, "x");
	bench->question.schema = schema_compile(&decoder, &tree);
	decoder_done(&decoder);
	assert_non_null(play(bench, "hi"));
}

static void test_repeated(void **state)
{
	struct bench *bench = *state;

	write_file(bench, "a.jsonl", LINE("", "hi", "1") LINE("", "ho", "7") LINE("", "hi", "2"));
	write_file(bench, "b.jsonl", LINE("", "hi", "3"));
	load(bench);
	for (int run = 0; run < 2; run++) {
		bench->played = (struct recordings_played){0};
		assert_true(str_is(play(bench, "hi")->body, "1"));
		assert_true(str_is(play(bench, "ho")->body, "7"));
		assert_true(str_is(play(bench, "hi")->body, "2"));
		assert_true(str_is(play(bench, "hi")->body, "3"));
		assert_true(str_is(play(bench, "hi")->body, "3"));
		assert_true(str_is(play(bench, "ho")->body, "7"));
	}
}

static void test_many(void **state)
{
	struct bench *bench = *state;
	struct buf text = {0};

	for (int i = 0; i < 5000; i++)
		buf_printf(&text, LINE("", "question %d", "%d"), i, i);
	write_file(bench, "a.jsonl", buf_text(&text));
	buf_done(&text);
	load(bench);
	assert_int_equal(recordings_count(bench->recordings), 5000);
	for (int i = 0; i < 5000; i += 7) {
		const char *user = arena_printf(&bench->arena, "question %d", i);

		assert_true(str_is(play(bench, user)->body, arena_printf(&bench->arena, "%d", i)));
	}
}

static void assert_says(const struct bench *bench, const char *part)
{
	if (bench->err.code != ERR_NOT_FOUND || strstr(bench->err.text, part) == NULL)
		fail_msg("expected '%s', got %d '%s'", part, bench->err.code, bench->err.text);
}

static void test_misses(void **state)
{
	struct bench *bench = *state;

	bench->recordings = NULL;
	assert_null(play(bench, "hi"));
	assert_says(bench, "the bundle has no recordings");

	write_file(bench, "a.jsonl",
		LINE("", "Write a long story about five cats.", "1")
			LINE("", "List the slides of the quarterly report for 2025, please.", "2")
				LINE(",\"max_tokens\":5", "short", "3"));
	load(bench);
	assert_null(play(bench, "List the slides of the quarterly report for 2026, please."));
	assert_says(bench,
		"the nearest of 3 is recordings/a.jsonl:2: messages.0.content differs at byte 47: ");
	assert_says(bench, "terly report for 2025, please.', asked '");
	assert_null(play(bench, "short"));
	assert_says(
		bench, "recordings/a.jsonl:3: max_tokens differs: recorded '5', asked 'nothing'");
	bench->model.temperature = 0.5;
	assert_null(play(bench, "Write a long story about five cats."));
	assert_says(bench, "temperature differs: recorded 'nothing', asked '0.5'");
	bench->model.temperature = -1;
	/* A character that is cut in two would make the message invalid. */
	write_file(bench, "a.jsonl", LINE("", "äöü€", "1"));
	load(bench);
	assert_null(play(bench, "äöü¢"));
	assert_says(bench, "differs at byte 6: recorded 'äöü€', asked 'äöü¢'");
	assert_true(str_is_utf8(str_of(bench->err.text)));
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *line, *path, *says;
	} CASES[] = {
		{"{", "", "line 1"},
		{"[]", "request", "a recording needs a request"},
		{"{\"request\":7}", "request", "a recording needs a request"},
		{"{\"request\":{}}", "request.model", "a model's name"},
		{"{\"request\":{\"model\":\"m\"}}", "request.messages", "expected an array"},
		{"{\"request\":{\"model\":\"m\",\"messages\":[{}]}}", "request.messages",
			"expected an array"},
		{"{\"request\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
		 "\"base_url\":\"x\"}}",
			"request.base_url", "unknown key"},
		{"{\"request\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}",
			"reply", "a recording needs the reply's body"},
		{"{\"request\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]},"
		 "\"reply\":{\"status\":\"200\",\"body\":{}}}",
			"reply.status", "expected an HTTP status"},
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct problem *problem;

		problems_init(&bench->problems, &bench->arena);
		write_file(bench, "a.jsonl",
			arena_printf(&bench->arena, LINE("", "fine", "1") "%s", CASES[i].line));
		load(bench);
		assert_int_equal(bench->problems.count, 1);
		problem = &bench->problems.items[0];
		assert_string_equal(problem->file, "recordings/a.jsonl");
		assert_int_equal(problem->line, 2);
		assert_string_equal(problem->path, CASES[i].path);
		assert_non_null(strstr(problem->text, CASES[i].says));
	}
}

static int64_t fake_now(void *data)
{
	return 1795301207123456; /* 2026-11-21T22:46:47.123456Z */
}

static void record(struct bench *bench, struct recorder *recorder, int status, const char *body)
{
	const struct seam seam = {.now_us = fake_now};
	const struct llm_context context = {.seam = &seam};
	struct llm_call *call = arena_zalloc(&bench->arena, sizeof(*call));

	call->context = &context;
	call->question = bench->question;
	call->model = &bench->model;
	call->reply = (struct llm_reply){.status = status, .body = str_of(body)};
	if (status == 0)
		error_set(&call->flow.err, ERR_UPSTREAM, "%s", body);
	recorder_add(recorder, call);
}

static void test_recorded(void **state)
{
	struct bench *bench = *state;
	const char *path = arena_printf(&bench->arena, "%s/recordings/a.jsonl", bench->dir);
	struct recorder *recorder = recorder_new(path, &bench->err);

	assert_non_null(recorder);
	bench->model.api_key = secret_new(&bench->arena, STR("sk-123"));
	chat_add(&bench->chat, CHAT_SYSTEM, STR("be \"brief\""));
	chat_add(&bench->chat, CHAT_USER, STR("hi"));
	record(bench, recorder, 429, "slow down, sk-123");
	record(bench, recorder, 0, "connection refused with sk-123");
	record(bench, recorder, 200, "{\"key\":\"sk-123\", \"x\": [1.0]}");
	assert_true(recorder_close(recorder, &bench->err));
	/* A second recorder appends. */
	recorder = recorder_new(path, &bench->err);
	record(bench, recorder, 200, "\xff\xfe");
	assert_true(recorder_close(recorder, &bench->err));

	load(bench);
	assert_int_equal(bench->problems.count, 0);
	assert_int_equal(recordings_count(bench->recordings), 4);
	const struct json request =
		recordings_request(&bench->arena, &bench->question, &bench->model);
	const struct recording *found = recordings_play(
		bench->recordings, &bench->played, &bench->arena, &request, &bench->err);
	assert_int_equal(found->status, 429);
	assert_true(str_is(found->body, "slow down, ***"));
	assert_true(str_is(found->next->error, "connection refused with ***"));
	assert_true(str_is(found->next->next->body, "{\"key\":\"***\",\"x\":[1.0]}"));
	assert_true(str_is(found->next->next->next->body, "(not UTF-8)"));
}

/* A key is looked for in what the body says, not in how it is written. */
static void test_recorded_keys(void **state)
{
	static const char *const BODIES[] = {
		"{\"e\":{\"m\":\"sk-1234567\\u0038/90\"}}",
		"{\"e\":[\"sk-12345678\\/90\"]}",
		"{\"sk-1234567\\u0038/90\":1,\"\\u0073k-12345678\\/90\":2}",
		"{\"e\":\"{\\\"k\\\":\\\"sk-12345678\\\\/90\\\"}\"}",
		"{\"e\":\"?k=sk-12345678%2F90\"}",
		"key sk-12345678&#x2f;90",
		"{\"e\":\"QmVhcmVyIHNrLTEyMzQ1Njc4Lzkw\"}",
	};
	struct bench *bench = *state;
	const char *path = arena_printf(&bench->arena, "%s/recordings/a.jsonl", bench->dir);
	struct recorder *recorder = recorder_new(path, &bench->err);
	char text[8192] = "";

	bench->model.api_key = secret_new(&bench->arena, STR("sk-12345678/90"));
	for (size_t i = 0; i < sizeof(BODIES) / sizeof(*BODIES); i++)
		record(bench, recorder, 200, BODIES[i]);
	bench->model.api_key = secret_new(&bench->arena, STR("9876543210"));
	record(bench, recorder, 200, "{\"n\":[9876543210,19876543210,0.5,true,null]}");
	assert_true(recorder_close(recorder, &bench->err));

	FILE *file = fopen(path, "r");
	assert_in_range(fread(text, 1, sizeof(text) - 1, file), 100, sizeof(text) - 2);
	fclose(file);
	assert_null(strstr(text, "sk-12345678/90"));
	assert_null(strstr(text, "12345678"));
	assert_null(strstr(text, "MjM0NTY3"));
	assert_null(strstr(text, "876543210"));
	assert_non_null(strstr(text, "{\"e\":{\"m\":\"***\"}}"));
	assert_non_null(strstr(text, "{\"n\":[\"***\",\"1***\",0.5,true,null]}"));
}

static void test_recorder_failures(void **state)
{
	struct bench *bench = *state;

	assert_null(recorder_new("/nonexistent/a.jsonl", &bench->err));
	assert_int_equal(bench->err.code, ERR_USAGE);

	struct recorder *recorder = recorder_new("/dev/full", &bench->err);
	assert_non_null(recorder);
	record(bench, recorder, 200, "{}");
	assert_false(recorder_close(recorder, &bench->err));
	assert_non_null(strstr(bench->err.text, "No space left"));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found),
		TEST(test_schema_is_part_of_the_key),
		TEST(test_repeated),
		TEST(test_many),
		TEST(test_misses),
		TEST(test_mistakes),
		TEST(test_recorded),
		TEST(test_recorded_keys),
		TEST(test_recorder_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
