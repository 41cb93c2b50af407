/* Asking language models: bodies, replies, retries, pauses, fallback, slots, cancel. */
#include "model/llm.h"

#include "model/schema.h"
#include "model/seam.h"
#include "tests/unit/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct question {
	struct llm_call call;
	struct llm_context context;
	struct batch_usage usage;
	struct chat chat;
	struct bench *bench;
	bool is_done;
	struct error err; /* ERR_NONE: answered */
};

struct bench {
	struct arena arena;
	struct loop *loop;
	struct seam seam;
	struct endpoint endpoint;
	struct model_spec model;
	struct gate *gate; /* where limit() made one */
	unsigned waiting;
	int64_t now_us;
};

static int64_t fake_now(void *data)
{
	return ((struct bench *)data)->now_us;
}

/* The shortest pauses: full jitter draws 0. */
static uint64_t fake_random(void *data)
{
	return 0;
}

static void bench_start(struct bench *bench, const struct endpoint_answer *script, unsigned count)
{
	struct error err;

	memset(bench, 0, sizeof(*bench));
	arena_init(&bench->arena);
	bench->now_us = 1795301207000000; /* 2026-11-21T22:46:47Z */
	bench->gate = NULL;
	bench->loop = loop_new();
	bench->seam = (struct seam){.loop = bench->loop,
		.now_us = fake_now,
		.random = fake_random,
		.data = bench,
		.fetcher = fetcher_new(bench->loop, &(struct fetcher_options){0}, &err)};
	assert_non_null(bench->seam.fetcher);
	endpoint_start(&bench->endpoint, script, count);
	bench->model = (struct model_spec){
		.name = STR("advisor"),
		.provider = STR("openai"),
		.base_url = str_of(bench->endpoint.url),
		.model = STR("upstream-1"),
		.temperature = -1,
		.top_p = -1,
		.seed = -1,
		.timeout_ms = 5000,
		.connect_timeout_ms = 1000,
		.retries = 2,
	};
}

static void bench_end(struct bench *bench)
{
	endpoint_stop(&bench->endpoint);
	gate_free(bench->gate);
	fetcher_free(bench->seam.fetcher);
	arena_done(&bench->arena);
	loop_free(bench->loop);
}

static void limit(struct bench *bench, unsigned slots)
{
	bench->gate = gate_new(&(struct gate_limits){.slots = slots});
	bench->model.gate = bench->gate;
}

static void on_done(void *data, const struct error *err)
{
	struct question *question = data;

	assert_false(question->is_done);
	question->is_done = true;
	question->err = err != NULL ? *err : (struct error){0};
	if (--question->bench->waiting == 0)
		loop_stop(question->bench->loop);
}

static struct question *start(struct bench *bench, uint64_t deadline_ms)
{
	struct question *question = arena_zalloc(&bench->arena, sizeof(*question));
	const struct llm_question asked = {
		.model = &bench->model, .chat = &question->chat, .step = STR("intent")};

	question->bench = bench;
	bench->waiting++;
	chat_init(&question->chat, &bench->arena);
	chat_add(&question->chat, CHAT_USER, STR("hello"));
	question->context = (struct llm_context){.seam = &bench->seam, .usage = &question->usage};
	if (deadline_ms > 0)
		question->context.deadline_ns = loop_now_ns(bench->loop) + deadline_ms * 1000000;
	llm_start(&question->call, &bench->arena, &question->context, &asked, on_done, question);
	return question;
}

static struct question *ask(struct bench *bench, uint64_t deadline_ms)
{
	struct question *question = start(bench, deadline_ms);

	loop_run(bench->loop);
	assert_true(question->is_done);
	return question;
}

#define ANSWERS(question_, text_)                                                                  \
	do {                                                                                       \
		const struct question *q = (question_);                                            \
		assert_string_equal(q->err.text, "");                                              \
		assert_int_equal(q->err.code, ERR_NONE);                                           \
		assert_true(str_is(q->call.answer.text, (text_)));                                 \
	} while (0)

static void assert_says(const struct error *err, enum error_code code, const char *part)
{
	if (err->code != code || strstr(err->text, part) == NULL)
		fail_msg(
			"expected code %d and '%s', got %d '%s'", code, part, err->code, err->text);
}

static void test_body(void **state)
{
	struct arena arena;
	struct chat chat;
	struct buf out = {0};
	struct json extra;
	struct model_spec model = {.model = STR("gpt \"x\""),
		.temperature = 0,
		.top_p = 0.5,
		.seed = 7,
		.max_tokens = 200};

	arena_init(&arena);
	assert_true(json_read(&arena, STR("{\"user\":\"u\",\"n\":[1]}"), &extra, NULL));
	model.extra = extra;
	chat_init(&chat, &arena);
	chat_add(&chat, CHAT_SYSTEM, STR("be \n brief"));
	chat_add(&chat, CHAT_USER, STR("hi"));
	chat_write_request(&out, &chat, &model, NULL, STR("s"), false);
	assert_string_equal(buf_text(&out),
		"{\"model\":\"gpt \\\"x\\\"\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
		"\\n brief\"},{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.0,\"top_p\":0."
		"5,\"max_tokens\":200,\"seed\":7,\"user\":\"u\",\"n\":[1]}");
	buf_done(&out);
	arena_done(&arena);
}

/* `strict` is asked for only where OpenAI would not refuse the request over the schema. */
static void test_strict(void **state)
{
	static const struct {
		const char *schema;
		bool is_strict;
	} CASES[] = {
		{"{\"type\":\"object\",\"additionalProperties\":false}", true},
		{"{\"type\":\"object\",\"properties\":{\"minLength\":{\"type\":\"string\"}},"
		 "\"required\":[\"minLength\"],\"additionalProperties\":false}",
			true},
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":1}},"
		 "\"required\":[\"a\"],\"additionalProperties\":false}",
			false},
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"minItems\":1,"
		 "\"items\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/d\"}]}}},"
		 "\"required\":[\"a\"],\"additionalProperties\":false,"
		 "\"$defs\":{\"d\":{\"enum\":[1,2]}}}",
			true},
		{"{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":false}",
			false},
		{"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"object\",\"null\"]}},"
		 "\"required\":[\"a\"],\"additionalProperties\":false}",
			false},
		{"{\"type\":\"object\"}", false},
		{"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", false},
		{"{\"oneOf\":[{\"type\":\"null\"}]}", false},
	};
	struct problems problems;
	struct decoder decoder;
	struct arena arena;

	arena_init(&arena);
	problems_init(&problems, &arena);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct model_spec model = {.temperature = -1, .top_p = -1, .seed = -1};
		struct buf out = {0};
		struct chat chat;
		struct json tree;

		assert_true(json_read(&arena, str_of(CASES[i].schema), &tree, NULL));
		decoder_init(&decoder, &arena, &problems, "schema");
		const struct schema *schema = schema_compile(&decoder, &tree);
		decoder_done(&decoder);
		assert_int_equal(problems.count, 0);
		chat_init(&chat, &arena);
		chat_write_request(&out, &chat, &model, schema, STR("my step/é"), false);
		if (strstr(buf_text(&out),
			    CASES[i].is_strict ? "\"strict\":true" : "\"strict\":false") == NULL)
			fail_msg("%s", buf_text(&out));
		assert_non_null(strstr(out.data, "\"name\":\"my_step___\""));
		assert_non_null(strstr(out.data, CASES[i].schema));
		buf_done(&out);
	}
	arena_done(&arena);
}

static struct str padded(struct arena *arena, const char *text)
{
	char *copy = arena_zalloc(arena, strlen(text) + JSON_PADDING);

	memcpy(copy, text, strlen(text));
	return (struct str){copy, strlen(text)};
}

static void test_reply_shapes(void **state)
{
	static const struct {
		const char *body, *text;
	} CASES[] = {
		{ENDPOINT_OK("\"hi\""), "hi"},
		{ENDPOINT_OK("\"\""), ""},
		{ENDPOINT_OK(
			 "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]"),
			"ab"},
		{ENDPOINT_OK(
			 "[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":"
			 "\"hm\"}]},{\"type\":\"text\",\"text\":\"b\"}]"),
			"b"},
		{ENDPOINT_OK("[{\"type\":\"thinking\",\"text\":\"no\"},{\"type\":\"output_text\","
			     "\"text\":\"yes\"}]"),
			"yes"},
		{ENDPOINT_OK("[\"plain\"]"), "plain"},
		{ENDPOINT_OK("{\"type\":\"text\",\"text\":\"one\"}"), "one"},
		{"{\"choices\":[{\"text\":\"old\",\"finish_reason\":\"stop\"}]}", "old"},
		{"{\"content\":[{\"type\":\"text\",\"text\":\"claude\"}],\"stop_reason\":\"end_turn\","
		 "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
			"claude"},
		{"{\"error\":null,\"choices\":[{\"message\":{\"content\":\"x\"}}]}", "x"},
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct chat_reply reply;
		struct error err = {0};

		chat_reply_read(
			&reply, &arena, padded(&arena, CASES[i].body), (struct secret){0}, false, &err);
		assert_string_equal(err.text, "");
		assert_true(str_is(reply.text, CASES[i].text));
	}
	arena_done(&arena);
}

static void test_reply_mistakes(void **state)
{
	static const struct {
		const char *body, *says;
	} CASES[] = {
		{"<html>Bad gateway</html>", "no JSON"},
		{"", "no JSON"},
		{"{\"choices\":[{\"message\":{\"content\":\"a", "no JSON"},
		{"[]", "no choices"},
		{"{}", "no choices"},
		{"{\"choices\":[]}", "no choices"},
		{"{\"choices\":[7]}", "content is missing"},
		{"{\"choices\":[{\"message\":{\"content\":null}}]}", "content is null"},
		{"{\"choices\":[{\"message\":{\"content\":7}}]}", "content is an integer"},
		{"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"image_url\"}]}}]}",
			"content is an array"},
		{"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I can't\"}}]}",
			"the model refused: 'I can't'"},
		{"{\"choices\":[{\"message\":{\"content\":\"{\\\"a\\\":\"},\"finish_reason\":"
		 "\"length\"}]}",
			"cut at its token limit"},
		{"{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"content_filter\"}]}",
			"content filter"},
		{"{\"error\":{\"message\":\"no credit\"}}", "'no credit'"},
		{"{\"error_code\":\"RESOURCE_EXHAUSTED\",\"message\":\"slow down\"}",
			"'slow down'"},
		{"{\"error\":{\"message\":\"your key sk-123 is bad\"}}", "your key *** is bad"},
	};
	struct arena arena;

	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("sk-123"));
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct chat_reply reply;
		struct error err = {0};

		assert_false(
			chat_reply_read(&reply, &arena, padded(&arena, CASES[i].body), key, false, &err));
		assert_says(&err, ERR_UPSTREAM, CASES[i].says);
	}
	arena_done(&arena);
}

/* A tree is ten times its text: only what was taken from it stays for as long as the row. */
static void replies_leave_their_text(void **state)
{
	struct arena body_arena, arena;
	struct buf body = {0};
	struct chat_reply reply;
	struct error err = {0};

	arena_init(&body_arena);
	arena_init(&arena);
	buf_add_text(&body, "{\"choices\":[{\"message\":{\"content\":\"k\\n\"}}],\"x\":[0");
	for (int i = 0; i < 100000; i++)
		buf_add_text(&body, ",0");
	buf_add_text(&body, "]}");
	assert_true(chat_reply_read(
		&reply, &arena, padded(&body_arena, buf_text(&body)), (struct secret){0}, false, &err));
	arena_done(&body_arena);
	assert_true(str_eq(reply.text, STR("k\n")));
	assert_true(arena_size(&arena) < 10000);
	arena_done(&arena);
	buf_done(&body);
}

/* What quotes a reply, and the text of an answer, is without the key that the endpoint was sent. */
static void test_keys_in_replies(void **state)
{
	static const char *const BODIES[] = {
		"{\"e\":{\"m\":\"sk\\/Ab12345\\\"6\"}}",
		"{\"errors\":{\"detail\":\"sk\\u002fAb12345\\u00226\"}}",
		"<p>sk/Ab12345&quot;6</p>",
		"GET /?key=sk%2FAb12345%226",
		"{\"Authorization\": \"Bearer sk/Ab12345\\\"6\", oops}",
		"{\"a\": sk/Ab12345\"6}",
		"Basic dXNlcjpzay9BYjEyMzQ1IjY=",
		"sk/Ab1234",
	};
	struct arena arena;
	struct chat_reply reply;
	struct error err = {0};

	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("sk/Ab12345\"6")),
			    word = secret_new(&arena, STR("EMPTY"));
	for (size_t i = 0; i < sizeof(BODIES) / sizeof(*BODIES); i++) {
		assert_false(chat_reply_read(&reply, &arena, padded(&arena, BODIES[i]), key, false, &err));
		assert_says(&err, ERR_UPSTREAM, "***");
		if (strstr(err.text, "Ab1") != NULL || strstr(err.text, "9BYjEy") != NULL)
			fail_msg("%s", err.text);
	}
	assert_true(chat_reply_read(&reply, &arena,
		padded(&arena, "{\"choices\":[{\"message\":{\"content\":"
			       "\"{\\\"k\\\":\\\"sk\\\\/Ab12345\\\\\\\"6\\\"}\"}}]}"),
		key, false, &err));
	assert_true(str_is(reply.text, "{\"k\":\"***\"}"));
	assert_true(chat_reply_read(&reply, &arena,
		padded(&arena, "{\"choices\":[{\"message\":{\"content\":\"an EMPTY box\"}}]}"),
		word, false, &err));
	assert_true(str_is(reply.text, "an EMPTY box"));
	arena_done(&arena);
}

/* The part of a body that is looked at may end inside a key. */
static void test_long_keys(void **state)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t before = 0; before < 64; before += 9) {
		char *text = arena_alloc(&arena, 2000);

		for (size_t i = 0; i < 2000; i++)
			text[i] = (char)('a' + i * i % 23);
		const struct secret key = secret_new(&arena, (struct str){text, 2000});
		const size_t len = (size_t)64 * 1024 + 500;
		char *body = arena_alloc(&arena, len);

		/* Blanks are trimmed: the excerpt begins where the key does. */
		memset(body, ' ', len);
		memcpy(body + len - 500 - before - 8, text, 500 + before + 8);
		const struct str excerpt = chat_excerpt(&arena, (struct str){body, len}, key);

		assert_null(memmem(excerpt.data, excerpt.len, text, 8));
		assert_null(memmem(
			chat_excerpt(&arena, (struct str){text, 1999}, key).data, 3, text, 3));
	}
	arena_done(&arena);
}

static void test_usage_and_cost(void **state)
{
	static const struct {
		const char *usage;
		uint64_t input, output, unreported;
		int64_t cost;
	} CASES[] = {
		{"{\"prompt_tokens\":1000000,\"completion_tokens\":1}", 1000000, 1, 0, 3000015},
		/* 1 × 3 + 0: 3 micro-dollars; 1 token of 0.5 rounds up, of 0.4 down: below */
		{"{\"input_tokens\":1,\"output_tokens\":0}", 1, 0, 0, 3},
		{"{\"prompt_tokens\":-1,\"completion_tokens\":1}", 0, 0, 1, 0},
		{"{\"prompt_tokens\":1}", 0, 0, 1, 0},
		{"{\"prompt_tokens\":1.5,\"completion_tokens\":1}", 0, 0, 1, 0},
		{"{\"prompt_tokens\":9223372036854775807,\"completion_tokens\":1}", 0, 0, 1, 0},
		{"null", 0, 0, 1, 0},
	};
	const struct model_spec model = {.has_price = true,
		.input_microusd_per_million = 3000000,
		.output_microusd_per_million = 15000000};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct batch_usage total = {0};
		struct usage usage;
		struct json value;

		assert_true(json_read(&arena, str_of(CASES[i].usage), &value, NULL));
		usage_read(&usage, &value);
		usage_count(&total, &usage, &model);
		assert_int_equal(total.input_tokens, CASES[i].input);
		assert_int_equal(total.output_tokens, CASES[i].output);
		assert_int_equal(total.calls_unreported, CASES[i].unreported);
		assert_int_equal(total.cost_microusd, CASES[i].cost);
		assert_int_equal(total.calls_unpriced, 0);
		usage_count(&total, &usage, &(struct model_spec){0});
		assert_int_equal(total.cost_microusd, CASES[i].cost);
		assert_int_equal(total.calls_unpriced, 1);
	}
	arena_done(&arena);

	const struct usage one = {.input_tokens = 1, .is_reported = true};
	assert_int_equal(usage_cost_microusd(
				 &one, &(struct model_spec){.input_microusd_per_million = 500000}),
		1);
	assert_int_equal(usage_cost_microusd(
				 &one, &(struct model_spec){.input_microusd_per_million = 499999}),
		0);
}

static void test_pauses(void **state)
{
	assert_int_equal(llm_pause_ms(1, -1, 250), 250);
	assert_int_equal(llm_pause_ms(1, -1, 251), 0);
	assert_int_equal(llm_pause_ms(2, -1, 500), 500);
	assert_int_equal(llm_pause_ms(3, -1, 1000), 1000);
	assert_int_equal(llm_pause_ms(9, -1, 8000), 8000);
	assert_int_equal(llm_pause_ms(60, -1, 8001), 0);
	assert_int_equal(llm_pause_ms(1, 0, 99), 0);
	assert_int_equal(llm_pause_ms(1, 1500, 99), 1500);
	assert_int_equal(llm_pause_ms(1, 86400000, 99), 30000);
}

static void test_answer(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, ENDPOINT_OK("\"hi\""), 0}};
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	bench.model.api_key = secret_new(&bench.arena, STR("sk-123"));
	bench.model.input_microusd_per_million = 3000000;
	const struct question *question = ask(&bench, 0);

	ANSWERS(question, "hi");
	assert_int_equal(question->usage.model_calls, 1);
	assert_int_equal(question->usage.input_tokens, 100);
	assert_int_equal(question->usage.output_tokens, 10);
	assert_int_equal(question->usage.cost_microusd, 300);
	assert_non_null(strstr(bench.endpoint.requests[0], "POST /v1/chat/completions HTTP/1.1"));
	assert_non_null(strstr(bench.endpoint.requests[0], "Authorization: Bearer sk-123\r\n"));
	assert_non_null(strstr(bench.endpoint.requests[0], "\"model\":\"upstream-1\""));
	bench_end(&bench);
}

static void test_query_in_base_url(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{400, NULL, "no", 0}};
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	bench.model.base_url = str_of(arena_printf(
		&bench.arena, "%s/deployments/x/?api-version=1&sig=2", bench.endpoint.url));
	const struct question *question = ask(&bench, 0);

	assert_non_null(strstr(bench.endpoint.requests[0],
		"POST /v1/deployments/x/chat/completions?api-version=1&sig=2 HTTP/1.1"));
	assert_null(strstr(bench.endpoint.requests[0], "Authorization"));
	assert_says(&question->err, ERR_UPSTREAM, "/v1/deployments/x/chat/completions, 1 attempt)");
	assert_null(strstr(question->err.text, "sig=2"));
	bench_end(&bench);
}

static void test_retried(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{500, NULL, "oops", 0}, {0, NULL, "", 0}, {200, NULL, ENDPOINT_OK("\"third\""), 0}};
	struct bench bench;

	bench_start(&bench, SCRIPT, 3);
	const struct question *question = ask(&bench, 0);

	ANSWERS(question, "third");
	assert_int_equal(question->usage.retries, 2);
	assert_int_equal(bench.endpoint.asked, 3);
	bench_end(&bench);
}

static void test_used_up(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{503, NULL, "{\"error\":{\"message\":\"key sk-123\\u0007 overloaded\"}}", 0}};
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	bench.model.api_key = secret_new(&bench.arena, STR("sk-123"));
	const struct question *question = ask(&bench, 0);

	assert_says(&question->err, ERR_UPSTREAM, "model 'advisor' (http://127.0.0.1:");
	assert_says(&question->err, ERR_UPSTREAM,
		"/v1/chat/completions, 3 attempts): status 503: 'key ***  overloaded'");
	assert_int_equal(bench.endpoint.asked, 3);
	bench_end(&bench);
}

static void test_not_retried(void **state)
{
	static const int STATUSES[] = {301, 400, 401, 403, 404, 422};

	for (size_t i = 0; i < sizeof(STATUSES) / sizeof(*STATUSES); i++) {
		const struct endpoint_answer script[] = {{STATUSES[i], NULL, "no", 0}};
		struct bench bench;

		bench_start(&bench, script, 1);
		const struct question *question = ask(&bench, 0);

		assert_says(&question->err, ERR_UPSTREAM, "1 attempt): status");
		assert_int_equal(bench.endpoint.asked, 1);
		bench_end(&bench);
	}
}

static void test_retry_after(void **state)
{
	static const struct endpoint_answer SOON[] = {
		{429, "Retry-After: 0\r\n", "slow", 0}, {200, NULL, ENDPOINT_OK("\"ok\""), 0}};
	static const struct endpoint_answer LATE[] = {
		{429, "Retry-After: Sat, 21 Nov 2026 22:46:57 GMT\r\n", "slow", 0}};
	struct bench bench;

	bench_start(&bench, SOON, 2);
	ANSWERS(ask(&bench, 5000), "ok");
	bench_end(&bench);

	/* 10 s from the seam's clock, with 5 s left: there is nothing to wait for. */
	bench_start(&bench, LATE, 1);
	const struct question *question = ask(&bench, 5000);

	assert_says(&question->err, ERR_RATE_LIMITED, "due in 10000 ms, after the row's deadline");
	assert_says(&question->err, ERR_RATE_LIMITED, "status 429: 'slow'");
	assert_int_equal(bench.endpoint.asked, 1);
	bench_end(&bench);
}

static void test_fallback(void **state)
{
	static const struct endpoint_answer BAD[] = {{500, NULL, "down", 0}};
	static const struct endpoint_answer GOOD[] = {{200, NULL, ENDPOINT_OK("\"small\""), 0}};
	struct bench bench, other;

	bench_start(&bench, BAD, 1);
	bench_start(&other, GOOD, 1);
	other.model.name = STR("small");
	bench.model.fallback_spec = &other.model;
	const struct question *question = ask(&bench, 0);

	ANSWERS(question, "small");
	assert_int_equal(bench.endpoint.asked, 3);
	assert_int_equal(other.endpoint.asked, 1);

	endpoint_stop(&other.endpoint);
	question = ask(&bench, 0);
	assert_says(&question->err, ERR_UNREACHABLE, "model 'advisor'");
	assert_says(&question->err, ERR_UNREACHABLE,
		"status 500: 'down'; then its fallback: model 'small'");
	endpoint_start(&other.endpoint, GOOD, 1);
	bench_end(&other);
	bench_end(&bench);
}

static void test_timeout(void **state)
{
	static const struct endpoint_answer SLOW[] = {{200, NULL, ENDPOINT_OK("\"late\""), 3000}};
	struct bench bench;

	bench_start(&bench, SLOW, 1);
	bench.model.timeout_ms = 50;
	bench.model.retries = 1;
	const struct question *question = ask(&bench, 0);

	assert_says(&question->err, ERR_DEADLINE, "2 attempts)");
	assert_says(&question->err, ERR_DEADLINE, "50 ms");
	bench_end(&bench);
}

static void test_slots(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, ENDPOINT_OK("\"ok\""), 10}};
	struct question *questions[40];
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	limit(&bench, 3);
	for (size_t i = 0; i < 40; i++)
		questions[i] = start(&bench, 0);
	loop_run(bench.loop);
	for (size_t i = 0; i < 40; i++)
		ANSWERS(questions[i], "ok");
	assert_int_equal(bench.endpoint.in_flight_max, 3);
	bench_end(&bench);
}

enum { SHARED_CALLS = 30 };

static void *ask_shared(void *data)
{
	struct bench *bench = data;
	struct question *questions[SHARED_CALLS];

	for (size_t i = 0; i < SHARED_CALLS; i++)
		questions[i] = start(bench, 0);
	for (size_t i = 0; i < SHARED_CALLS; i += 5)
		llm_cancel(&questions[i]->call);
	loop_run(bench->loop);
	for (size_t i = 0; i < SHARED_CALLS; i++)
		if (questions[i]->err.code != (i % 5 == 0 ? ERR_CANCELLED : ERR_NONE))
			return bench;
	return NULL;
}

/* The bound holds over loops, and who gives a slot back wakes who waits on another thread. */
static void test_slots_across_threads(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, ENDPOINT_OK("\"ok\""), 5}};
	struct bench benches[3];
	pthread_t threads[3];
	void *failed[3];

	for (size_t i = 0; i < 3; i++) {
		bench_start(&benches[i], SCRIPT, 1);
		benches[i].model.base_url = str_of(benches[0].endpoint.url);
	}
	limit(&benches[0], 2);
	benches[1].model.gate = benches[2].model.gate = benches[0].model.gate;
	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, ask_shared, &benches[i]);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], &failed[i]);
	for (size_t i = 0; i < 3; i++)
		assert_null(failed[i]);
	assert_int_equal(benches[0].endpoint.in_flight_max, 2);
	assert_int_equal(benches[0].endpoint.asked, 3 * SHARED_CALLS * 4 / 5);
	for (size_t i = 3; i-- > 0;)
		bench_end(&benches[i]);
}

/* Half are cancelled at once: before they began, waiting for a slot, and in flight. */
static void test_cancel(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, ENDPOINT_OK("\"ok\""), 20}};
	struct question *questions[20];
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	limit(&bench, 2);
	for (unsigned turns = 0; turns < 3; turns++) {
		for (size_t i = 0; i < 20; i++)
			questions[i] = start(&bench, 0);
		for (unsigned i = 0; i < turns; i++)
			event_base_loop(loop_base(bench.loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
		for (size_t i = 0; i < 20; i += 2)
			llm_cancel(&questions[i]->call);
		loop_run(bench.loop);
		for (size_t i = 0; i < 20; i++) {
			if (i % 2 == 0)
				assert_int_equal(questions[i]->err.code, ERR_CANCELLED);
			else
				ANSWERS(questions[i], "ok");
		}
	}
	assert_int_equal(bench.endpoint.in_flight_max, 2);
	bench_end(&bench);
}

static void cancel_question(void *data)
{
	llm_cancel(&((struct question *)data)->call);
}

static void test_cancel_in_pause(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{429, "Retry-After: 20\r\n", "slow", 0}};
	struct timer timer;
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	struct question *question = start(&bench, 0);
	timer_init(&timer, bench.loop, cancel_question, question);
	timer_start(&timer, 100);
	loop_run(bench.loop);
	assert_int_equal(question->err.code, ERR_CANCELLED);
	assert_int_equal(bench.endpoint.asked, 1);
	timer_stop(&timer);
	bench_end(&bench);
}

static void test_offline(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, ENDPOINT_OK("\"ok\""), 0}};
	struct bench bench;

	bench_start(&bench, SCRIPT, 1);
	struct fetcher *fetcher = bench.seam.fetcher;
	bench.seam.fetcher = NULL;
	const struct question *question = ask(&bench, 0);
	assert_says(&question->err, ERR_UNAVAILABLE, "outgoing calls are off");
	bench.model.provider = STR("recorded");
	question = ask(&bench, 0);
	assert_says(&question->err, ERR_NOT_FOUND, "model 'advisor': the bundle has no recordings");
	bench.seam.fetcher = fetcher;
	bench_end(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_reply_shapes),
		cmocka_unit_test(test_reply_mistakes),
		cmocka_unit_test(replies_leave_their_text),
		cmocka_unit_test(test_keys_in_replies),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_usage_and_cost),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_query_in_base_url),
		cmocka_unit_test(test_retried),
		cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_not_retried),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_slots_across_threads),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_in_pause),
		cmocka_unit_test(test_offline),
	};
	struct error err;

	if (!fetch_global_init(&err))
		return 1;
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetch_global_done();
	return failed;
}
