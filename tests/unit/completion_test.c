/* Tasks of bundles, requests in OpenAI's shapes as rows, and rows as answers in them. */
#include "bundle_kit.h"

#include "model/chat.h"
#include "model/completion.h"
#include "model/usage.h"

#define MESSAGES_ "{\"type\":\"array\",\"name\":\"messages\",\"required\":true,\"items\":{\"type\":\"object\",\"properties\":{" \
		  "\"role\":{\"type\":\"string\",\"required\":true},\"content\":{\"type\":\"string\",\"required\":false}}}}"
#define TEXT_(name_)     "{\"type\":\"string\",\"name\":\"" name_ "\",\"required\":false}"
#define ANY_(name_)      "{\"type\":\"any\",\"name\":\"" name_ "\",\"required\":false}"
#define LIST_(name_)     "{\"type\":\"array\",\"name\":\"" name_ "\",\"required\":false,\"items\":{\"type\":\"any\"}}"

static void mlmodel(struct kit *kit, const char *task, const char *inputs, const char *outputs)
{
	const char *metadata = task != NULL ? arena_printf(&kit->arena, "metadata: {task: %s}\n", task) : "";

	kit_write(kit, "MLmodel",
		arena_printf(&kit->arena, KIT_FLAVOR "%ssignature: {inputs: '[%s]', outputs: '[%s]', params: null}\n", metadata,
			inputs, outputs));
}

static void agent(struct kit *kit, const char *steps)
{
	kit_write(kit, "config.yaml",
		arena_printf(&kit->arena, "models: {m: {base_url: 'http://h/v1', model: x}}\nsteps:\n%s", steps));
	if (!kit_load(kit))
		fail_msg("%s", kit_problem(kit, 0));
}

#define ONE_STEP "  - {name: answer, llm: {model: m, messages: messages}}\n"

static void test_the_task_decides_what_a_bundle_is(void **state)
{
	static const struct {
		const char *task, *inputs;
		enum task_kind kind;
		bool is_declared;
	} CASES[] = {
		{"llm/v1/chat", MESSAGES_, TASK_CHAT, true},
		{"agent/v1/chat", MESSAGES_, TASK_CHAT, true},
		{"agent/v2/chat", MESSAGES_, TASK_CHAT, true},
		{"llm/v1/completions", MESSAGES_, TASK_COMPLETIONS, true},
		{"agent/v1/responses", MESSAGES_, TASK_RESPONSES, true},
		{NULL, MESSAGES_, TASK_CHAT, false},
		{NULL, LIST_("input") "," ANY_("messages2"), TASK_RESPONSES, false},
		{NULL, TEXT_("prompt"), TASK_COMPLETIONS, false},
		{NULL, TEXT_("messages"), TASK_ROWS, false},
		{NULL, TEXT_("input"), TASK_ROWS, false},
		{NULL, TEXT_("question"), TASK_ROWS, false},
		{"llm/v1/embeddings", LIST_("input"), TASK_ROWS, false},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct kit kit;

		kit_init(&kit);
		mlmodel(&kit, CASES[i].task, CASES[i].inputs, TEXT_("answer"));
		agent(&kit, "  - {name: answer, llm: {model: m, messages: now}}\n");
		if (kit.bundle->task.kind != CASES[i].kind || kit.bundle->task.is_declared != CASES[i].is_declared)
			fail_msg("case %zu: kind %d", i, kit.bundle->task.kind);
		kit_done(&kit);
	}
}

static void test_which_column_is_the_text(void **state)
{
	static const struct {
		const char *outputs;
		enum task_answer answer;
		const char *column;
		bool has_step;
	} CASES[] = {
		{TEXT_("answer"), TASK_TEXT, "answer", true},
		{"{\"type\":\"string\",\"required\":true}", TASK_TEXT, "", true},
		{TEXT_("answer") "," TEXT_("error") "," TEXT_("trace_url") ",{\"type\":\"long\",\"name\":\"tokens\"}", TASK_TEXT, "answer", true},
		{TEXT_("other") "," TEXT_("answer"), TASK_TEXT, "answer", true},
		{TEXT_("other") "," TEXT_("answer") "," TEXT_("content"), TASK_TEXT, "content", false},
		{TEXT_("other") "," TEXT_("more"), TASK_NO_TEXT, NULL, false},
		{"{\"type\":\"long\",\"name\":\"tokens\"}", TASK_NO_TEXT, NULL, false},
		{LIST_("choices") "," TEXT_("answer"), TASK_WHOLE, NULL, false},
		{LIST_("messages"), TASK_MESSAGES, "messages", false},
	};
	static const char STEPS[] = ONE_STEP "  - {name: other, llm: {model: m, messages: messages}}\n"
					     "  - {name: more, llm: {model: m, messages: messages}}\n"
					     "  - {name: content, llm: {model: m, messages: messages, output: {type: object}}}\n"
					     "  - {name: choices, llm: {model: m, messages: messages}}\n";

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const bool is_unnamed = strstr(CASES[i].outputs, "\"name\"") == NULL;
		struct kit kit;

		kit_init(&kit);
		mlmodel(&kit, "llm/v1/chat", MESSAGES_, CASES[i].outputs);
		agent(&kit, is_unnamed ? ONE_STEP : STEPS);
		const struct task *task = &kit.bundle->task;

		if (task->answer != CASES[i].answer || (task->step != TASK_NO_STEP) != CASES[i].has_step ||
			(CASES[i].column != NULL && !str_is(task->column, CASES[i].column)))
			fail_msg("case %zu: answer %d column '%.*s'", i, task->answer, STR_ARGS(task->column));
		kit_done(&kit);
	}
}

static void test_packing_tells_what_no_chat_can_answer(void **state)
{
	struct kit kit;

	kit_init(&kit);
	kit_folder(&kit, "prompts");
	kit_write(&kit, "prompts/p.txt", "{{question}}");
	mlmodel(&kit, "llm/v1/chat", TEXT_("question"), TEXT_("one") "," TEXT_("two"));
	agent(&kit, "  - {name: one, llm: {model: m, prompt: p}}\n  - {name: two, llm: {model: m, prompt: p}}\n");
	bundle_check(kit.bundle, &kit.problems);
	kit_expect(&kit, "MLmodel: metadata.task: 'llm/v1/chat' asks by 'messages', but the signature has no such input column",
		"MLmodel: metadata.task: 'llm/v1/chat' answers a text, but none of its output columns…", NULL);
	kit_done(&kit);
}

/* Requests */

struct request {
	struct kit kit;
	struct completion completion;
	struct input input;
	struct json row;
	struct error err;
};

static bool ask(struct request *request, enum task_kind kind, const char *body)
{
	struct json tree;

	assert_true(json_read(&request->kit.arena, str_of(body), &tree, &request->err));
	if (!completion_read(&request->kit.arena, request->kit.bundle, kind, &tree, strlen(body), &request->completion,
		    &request->input, &request->err))
		return false;
	assert_int_equal(input_row_count(&request->input), 1);
	request->row = input_row(&request->kit.arena, &request->input, 0);
	return true;
}

static void setup(struct request *request, const char *task, const char *inputs, const char *outputs)
{
	memset(request, 0, sizeof(*request));
	kit_init(&request->kit);
	mlmodel(&request->kit, task, inputs, outputs);
	agent(&request->kit, ONE_STEP "  - {name: finish_reason, llm: {model: m, messages: messages}}\n");
}

static void row_is(const struct request *request, const char *expected)
{
	struct buf text = {0};

	json_write(&text, &request->row);
	assert_string_equal(buf_text(&text), expected);
	buf_done(&text);
}

static void refused(struct request *request, enum task_kind kind, const char *body, const char *param, const char *part)
{
	assert_false(ask(request, kind, body));
	if (strstr(request->err.text, part) == NULL)
		fail_msg("no '%s' in '%s'", part, request->err.text);
	if (param == NULL)
		assert_null(request->completion.param);
	else
		assert_string_equal(request->completion.param, param);
}

#define ASK "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void test_a_chat_request_is_a_row(void **state)
{
	struct request request;

	setup(&request, "llm/v1/chat", MESSAGES_ ",{\"type\":\"double\",\"name\":\"temperature\",\"required\":false}",
		TEXT_("answer"));
	assert_true(ask(&request, TASK_CHAT, "{\"model\":\"e\"," ASK ",\"temperature\":0.5,\"stream\":true,"
					     "\"stream_options\":{\"include_usage\":true},\"user\":\"u\",\"metadata\":{\"a\":\"b\"},"
					     "\"store\":false,\"n\":1,\"tools\":[],\"stop\":null,\"response_format\":{\"type\":\"text\"}}"));
	row_is(&request, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.5}");
	assert_true(str_is(request.completion.model, "e"));
	assert_true(request.completion.is_stream && request.completion.wants_usage);
	assert_true(ask(&request, TASK_CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
					     "{\"type\":\"text\",\"text\":\"b\"}]}]}"));
	row_is(&request, "{\"messages\":[{\"role\":\"user\",\"content\":\"ab\"}]}");
	assert_false(request.completion.is_stream);
	kit_done(&request.kit);
}

static void test_what_a_chat_refuses(void **state)
{
	struct request request;

	setup(&request, "llm/v1/chat", MESSAGES_ "," TEXT_("tone"), TEXT_("answer"));
	refused(&request, TASK_CHAT, "{" ASK ",\"max_tokens\":5}", "max_tokens", "(declared are messages, tone)");
	refused(&request, TASK_CHAT, "{" ASK ",\"n\":2}", "n", "but for 1");
	refused(&request, TASK_CHAT, "{" ASK ",\"store\":true}", "store", "but for false");
	refused(&request, TASK_CHAT, "{" ASK ",\"tools\":[{}]}", "tools", "an empty list");
	refused(&request, TASK_CHAT, "{" ASK ",\"response_format\":{\"type\":\"json_object\"}}", "response_format", "text");
	refused(&request, TASK_CHAT, "{" ASK ",\"stream_options\":{\"x\":true}}", "stream_options", "include_usage");
	refused(&request, TASK_CHAT, "{" ASK ",\"stream\":\"yes\"}", "stream", "expected a boolean");
	refused(&request, TASK_CHAT, "{\"messages\":[]}", "messages", "an empty list");
	refused(&request, TASK_CHAT, "{\"messages\":\"hi\"}", "messages", "a string");
	refused(&request, TASK_CHAT, "{\"prompt\":\"hi\"}", "messages", "is missing");
	refused(&request, TASK_CHAT, "[]", NULL, "is a JSON object");
	refused(&request, TASK_CHAT, "{\"messages\":[{\"content\":\"hi\"}]}", NULL, "role");
	refused(&request, TASK_COMPLETIONS, "{\"prompt\":\"hi\"}", NULL, "serves a chat");
	kit_done(&request.kit);
}

static void test_the_other_shapes(void **state)
{
	struct request request;

	memset(&request, 0, sizeof(request));
	kit_init(&request.kit);
	mlmodel(&request.kit, "llm/v1/completions", TEXT_("prompt"), TEXT_("answer"));
	agent(&request.kit, "  - {name: answer, llm: {model: m, messages: prompt}}\n");
	assert_true(ask(&request, TASK_COMPLETIONS, "{\"prompt\":[\"hi\"],\"best_of\":1,\"echo\":false}"));
	row_is(&request, "{\"prompt\":\"hi\"}");
	refused(&request, TASK_COMPLETIONS, "{\"prompt\":[\"a\",\"b\"]}", "prompt", "one text");
	mlmodel(&request.kit, "agent/v1/responses", LIST_("input"), TEXT_("answer"));
	agent(&request.kit, "  - {name: answer, llm: {model: m, messages: input}}\n");
	assert_true(ask(&request, TASK_RESPONSES, "{\"input\":\"hi\",\"instructions\":\"be kind\"}"));
	row_is(&request, "{\"input\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\",\"content\":\"hi\"}]}");
	refused(&request, TASK_RESPONSES, "{\"input\":\"hi\",\"previous_response_id\":\"r\"}", "previous_response_id",
		"not supported");
	refused(&request, TASK_RESPONSES, "{\"input\":\"hi\",\"background\":true}", "background", "but for false");
	kit_done(&request.kit);
}

/* Answers */

static int64_t fake_now(void *data)
{
	return 1795301207123456;
}

static uint64_t fake_random(void *data)
{
	return 0x0123456789ABCDEF;
}

static const struct seam SEAM = {.now_us = fake_now, .random = fake_random};
static const struct batch_usage USAGE = {.input_tokens = 5, .output_tokens = 2, .model_calls = 1};

static void answers(struct request *request, const char *row, const char *whole, const char *stream)
{
	struct completion_answer answer;
	struct buf out = {0};
	struct json tree;

	assert_true(json_read(&request->kit.arena, str_of(row), &tree, &request->err));
	completion_begin(&request->completion, &SEAM, STR("m"));
	if (!completion_answer_read(&request->kit.arena, &request->completion, &tree, &answer, &request->err))
		fail_msg("%s", request->err.text);
	completion_write(&out, &request->completion, &answer, &USAGE);
	assert_string_equal(buf_text(&out), whole);
	out.len = 0;
	completion_write_head(&out, &request->completion);
	if (answer.text.len > 0)
		completion_write_text(&out, &request->completion, answer.text);
	completion_write_end(&out, &request->completion, &answer, &USAGE);
	assert_string_equal(buf_text(&out), stream);
	buf_done(&out);
}

#define UID       "0123456789abcdef01234567"
#define CHUNK     "data: {\"id\":\"chatcmpl-" UID "\",\"object\":\"chat.completion.chunk\",\"created\":1795301207,\"model\":\"m\","
#define DELTA(d_) CHUNK "\"choices\":[{\"index\":0,\"delta\":" d_ ",\"finish_reason\":null}],\"usage\":null}\n\n"
#define USED      "{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens\":2," \
	     "\"completion_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":7}"

static void test_a_chat_answer(void **state)
{
	struct request request;

	setup(&request, "llm/v1/chat", MESSAGES_, TEXT_("answer") "," TEXT_("error"));
	assert_true(ask(&request, TASK_CHAT, "{" ASK ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"));
	answers(&request, "{\"answer\":\"a\\\"b\",\"error\":null}",
		"{\"id\":\"chatcmpl-" UID "\",\"object\":\"chat.completion\",\"created\":1795301207,\"model\":\"m\",\"choices\":"
		"[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\\\"b\"},\"logprobs\":null,\"finish_reason\":"
		"\"stop\"}],\"usage\":" USED "}",
		DELTA("{\"role\":\"assistant\",\"content\":\"\"}") DELTA("{\"content\":\"a\\\"b\"}") CHUNK
		"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n" CHUNK
		"\"choices\":[],\"usage\":" USED "}\n\ndata: [DONE]\n\n");
	kit_done(&request.kit);
}

static void test_usage_that_is_not_known_is_none(void **state)
{
	const struct batch_usage part = {.input_tokens = 5, .model_calls = 2, .calls_unreported = 1};
	struct request request;
	struct completion_answer answer;
	struct json row = json_object();
	struct buf out = {0};

	setup(&request, "llm/v1/chat", MESSAGES_, TEXT_("answer"));
	assert_true(ask(&request, TASK_CHAT, "{" ASK "}"));
	completion_begin(&request.completion, &SEAM, STR("m"));
	json_set(&request.kit.arena, &row, STR("answer"), json_string(STR("a")));
	assert_true(completion_answer_read(&request.kit.arena, &request.completion, &row, &answer, &request.err));
	completion_write(&out, &request.completion, &answer, &part);
	assert_non_null(strstr(buf_text(&out), "\"usage\":null"));
	buf_done(&out);
	row = json_object();
	json_set(&request.kit.arena, &row, STR("answer"), json_null());
	assert_false(completion_answer_read(&request.kit.arena, &request.completion, &row, &answer, &request.err));
	assert_non_null(strstr(request.err.text, "'answer' is null"));
	kit_done(&request.kit);
}

static void test_columns_beside_the_text_are_custom_outputs(void **state)
{
	struct request request;
	struct completion_answer answer;
	struct json row;
	struct buf out = {0};

	setup(&request, "llm/v1/chat", MESSAGES_, TEXT_("answer") ",{\"type\":\"long\",\"name\":\"tokens\"},{\"type\":\"double\",\"name\":\"cost\"}," TEXT_("error"));
	assert_true(ask(&request, TASK_CHAT, "{" ASK "}"));
	completion_begin(&request.completion, &SEAM, STR("m"));
	assert_true(json_read(&request.kit.arena, STR("{\"answer\":{\"x\":1},\"tokens\":7,\"cost\":null,\"error\":null}"), &row,
		&request.err));
	assert_true(completion_answer_read(&request.kit.arena, &request.completion, &row, &answer, &request.err));
	assert_true(str_is(answer.text, "{\"x\":1}"));
	completion_write(&out, &request.completion, &answer, &USAGE);
	assert_non_null(strstr(buf_text(&out), ",\"custom_outputs\":{\"tokens\":7}}"));
	buf_done(&out);
	kit_done(&request.kit);
}

static void test_an_answer_in_the_own_shape_passes_through(void **state)
{
	struct request request;

	memset(&request, 0, sizeof(request));
	kit_init(&request.kit);
	mlmodel(&request.kit, "agent/v1/chat", MESSAGES_, LIST_("choices") "," ANY_("usage"));
	agent(&request.kit, "  - {name: choices, llm: {model: m, messages: messages}}\n  - {name: usage, llm: {model: m, messages: messages}}\n");
	assert_true(ask(&request, TASK_CHAT, "{" ASK ",\"stream_options\":{\"include_usage\":true}}"));
	answers(&request,
		"{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\"}]},"
		"\"finish_reason\":\"tool_calls\"}],\"usage\":null}",
		"{\"id\":\"chatcmpl-" UID "\",\"object\":\"chat.completion\",\"created\":1795301207,\"model\":\"m\",\"choices\":"
		"[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\"}]},"
		"\"finish_reason\":\"tool_calls\"}],\"usage\":" USED "}",
		DELTA("{\"role\":\"assistant\",\"content\":\"\"}") DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}") CHUNK
		"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n\n" CHUNK
		"\"choices\":[],\"usage\":" USED "}\n\ndata: [DONE]\n\n");
	kit_done(&request.kit);
}

static void test_an_agents_own_shape(void **state)
{
	struct request request;

	setup(&request, "agent/v2/chat", MESSAGES_, LIST_("messages") "," TEXT_("finish_reason"));
	assert_true(ask(&request, TASK_CHAT, "{" ASK "}"));
	request.completion.is_agents = true;
	answers(&request, "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"id\":\"1\"},{\"role\":\"assistant\"}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"id\":\"1\"},{\"role\":\"assistant\"}]}",
		"data: {\"delta\":{\"role\":\"assistant\",\"content\":\"a\",\"id\":\"1\"}}\n\n"
		"data: {\"delta\":{\"role\":\"assistant\"}}\n\ndata: [DONE]\n\n");
	kit_done(&request.kit);
}

/* Conversations */

static bool converse(struct arena *arena, const char *system, const char *messages, struct chat *chat, struct error *err)
{
	struct json tree;

	assert_true(json_read(arena, str_of(messages), &tree, err));
	chat_init(chat, arena);
	if (system != NULL)
		chat_add(chat, CHAT_SYSTEM, str_of(system));
	return chat_add_conversation(chat, &tree, err);
}

static void test_a_conversation_is_added(void **state)
{
	struct arena arena;
	struct chat chat;
	struct error err;

	arena_init(&arena);
	assert_true(converse(&arena, "one",
		"[{\"role\":\"developer\",\"content\":\"two\"},{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},"
		"{\"type\":\"text\",\"text\":\"b\"}],\"name\":\"n\",\"tool_calls\":null},{\"role\":\"assistant\",\"content\":\"c\"},"
		"{\"role\":\"system\",\"content\":\"late\"}]",
		&chat, &err));
	assert_int_equal(chat.count, 4);
	assert_true(str_is(chat.messages[0].text, "one\n\ntwo"));
	assert_true(str_is(chat.messages[1].text, "ab") && chat.messages[1].role == CHAT_USER);
	assert_true(chat.messages[2].role == CHAT_ASSISTANT && chat.messages[3].role == CHAT_SYSTEM);
	assert_true(converse(&arena, "one", "[{\"role\":\"system\",\"content\":\"two\"},{\"role\":\"system\",\"content\":\"three\"}]",
		&chat, &err));
	assert_int_equal(chat.count, 1);
	assert_true(str_is(chat.messages[0].text, "one\n\ntwo\n\nthree"));
	assert_true(converse(&arena, NULL, "\"hi\"", &chat, &err));
	assert_true(chat.count == 1 && chat.messages[0].role == CHAT_USER);
	arena_done(&arena);
}

/* As many as a request has room for: memory stays in proportion. */
static void test_many_system_messages(void **state)
{
	static const char ONE[] = "{\"role\":\"system\",\"content\":\"a\"}";
	enum { COUNT = 100000 };
	struct buf text = {0};
	struct arena arena;
	struct chat chat;
	struct error err;

	arena_init(&arena);
	for (unsigned i = 0; i < COUNT; i++)
		buf_printf(&text, "%c%s", i == 0 ? '[' : ',', ONE);
	buf_add_char(&text, ']');
	assert_true(converse(&arena, NULL, buf_text(&text), &chat, &err));
	assert_int_equal(chat.count, 1);
	assert_int_equal(chat.messages[0].text.len, COUNT + 2 * (COUNT - 1));
	assert_true(arena_size(&arena) < 20 * text.len);
	buf_done(&text);
	arena_done(&arena);
}

static void test_what_is_no_conversation(void **state)
{
	static const char *const CASES[][2] = {
		{"[]", "an empty list"},
		{"5", "an integer"},
		{"[5]", "message 0: expected an object"},
		{"[{\"content\":\"a\"}]", "message 0: 'role' is missing"},
		{"[{\"role\":\"tool\",\"content\":\"a\"}]", "message 0: role 'tool' is not supported"},
		{"[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\"}]", "message 1: 'content': expected text"},
		{"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", "a part of type 'image_url' is not supported"},
		{"[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{}]}]", "'tool_calls' is not supported"},
		{"[{\"type\":\"function_call\",\"name\":\"f\"}]", "an item of type 'function_call' is not supported"},
	};
	struct arena arena;
	struct chat chat;
	struct error err;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		assert_false(converse(&arena, NULL, CASES[i][0], &chat, &err));
		assert_int_equal(err.code, ERR_INVALID_PARAMETER);
		if (strstr(err.text, CASES[i][1]) == NULL)
			fail_msg("no '%s' in '%s'", CASES[i][1], err.text);
	}
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_task_decides_what_a_bundle_is),
		cmocka_unit_test(test_which_column_is_the_text),
		cmocka_unit_test(test_packing_tells_what_no_chat_can_answer),
		cmocka_unit_test(test_a_chat_request_is_a_row),
		cmocka_unit_test(test_what_a_chat_refuses),
		cmocka_unit_test(test_the_other_shapes),
		cmocka_unit_test(test_a_chat_answer),
		cmocka_unit_test(test_usage_that_is_not_known_is_none),
		cmocka_unit_test(test_columns_beside_the_text_are_custom_outputs),
		cmocka_unit_test(test_an_answer_in_the_own_shape_passes_through),
		cmocka_unit_test(test_an_agents_own_shape),
		cmocka_unit_test(test_a_conversation_is_added),
		cmocka_unit_test(test_many_system_messages),
		cmocka_unit_test(test_what_is_no_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
