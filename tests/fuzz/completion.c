/*
 * Any JSON as a completion's request either fails with a message that is fit to send, or is one row, whose conversation a
 * chat takes or refuses; the same JSON as an answer's row is written as JSON, whole and in pieces.
 *
 * The first byte chooses the task and the signature.
 */
#include "model/bundle.h"
#include "model/chat.h"
#include "model/completion.h"
#include "model/signature_decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const INPUTS[] = {
	NULL,
	"[{\"type\":\"array\",\"name\":\"messages\",\"items\":{\"type\":\"object\",\"properties\":{\"role\":{\"type\":\"string\"},"
	"\"content\":{\"type\":\"string\",\"required\":false}}}},{\"type\":\"double\",\"name\":\"temperature\",\"required\":false}]",
	"[{\"type\":\"any\",\"name\":\"input\"},{\"type\":\"any\",\"name\":\"prompt\",\"required\":false}]",
	"[{\"type\":\"string\",\"name\":\"prompt\"}]",
};
enum { INPUT_COUNT = sizeof(INPUTS) / sizeof(INPUTS[0]) };

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void decode(struct arena *arena, const char *inputs, struct signature *ret)
{
	struct json value = json_object();
	struct problems problems;
	struct decoder decoder;
	struct error err;

	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "MLmodel");
	if (inputs != NULL)
		json_set(arena, &value, STR("inputs"), json_string(str_of(inputs)));
	signature_decode(&decoder, &value, ret);
	decoder_done(&decoder);
	must(problems_check(&problems, &err));
}

static void check_error(const struct error *err)
{
	must(err->code == ERR_BAD_REQUEST || err->code == ERR_INVALID_PARAMETER || err->code == ERR_TOO_LARGE);
	must(err->text[0] != '\0' && str_is_utf8(str_of(err->text)));
}

static void check_events(struct arena *arena, struct str events)
{
	static const struct str DATA = {"data: ", 6};

	while (events.len > 0) {
		const char *end = memmem(events.data, events.len, "\n\n", 2);
		struct json json;
		struct error err;

		must(end != NULL && str_starts(events, DATA));

		const struct str text = {events.data + DATA.len, (size_t)(end - events.data) - DATA.len};

		must(memchr(text.data, '\n', text.len) == NULL);
		must(str_is(text, "[DONE]") || json_read(arena, text, &json, &err));
		events.len -= (size_t)(end + 2 - events.data);
		events.data = end + 2;
	}
}

static void check_answer(struct arena *arena, struct completion *completion, const struct json *row)
{
	const struct batch_usage usage = {.input_tokens = 1};
	struct completion_answer answer;
	struct buf out = {0};
	struct error err;
	struct json json;

	if (!completion_answer_read(arena, completion, row, &answer, &err)) {
		check_error(&err);
		return;
	}
	completion_write(&out, completion, &answer, &usage);
	must(json_read(arena, buf_str(&out), &json, &err));
	out.len = 0;
	completion_write_head(&out, completion);
	completion_write_text(&out, completion, answer.text);
	completion_write_end(&out, completion, &answer, &usage);
	check_events(arena, buf_str(&out));
	buf_done(&out);
}

static void check_row(struct arena *arena, struct completion *completion, const struct input *input)
{
	const struct json row = input_row(arena, input, 0);
	struct error err = {0};
	struct chat chat;

	must(input_row_count(input) == 1 && json_type(&row) == JSON_OBJECT);
	chat_init(&chat, arena);
	if (!chat_add_conversation(&chat, json_get(&row, str_of(task_question(completion->kind))), &err))
		check_error(&err);
	else
		must(chat.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle bundle = {.name = "b"};
	struct completion completion;
	struct arena arena;
	struct input input;
	struct json tree, row;
	struct error err = {0};

	if (size == 0)
		return 0;
	arena_init(&arena);
	decode(&arena, INPUTS[data[0] % INPUT_COUNT], &bundle.signature);
	bundle.task = (struct task){
		.kind = 1 + data[0] / INPUT_COUNT % 3,
		.answer = 1 + data[0] / 16 % 3,
		.column = STR("messages"),
	};
	const struct str body = {(const char *)data + 1, size - 1};

	if (json_read(&arena, body, &tree, &err)) {
		row = json_copy(&arena, &tree);
		if (completion_read(&arena, &bundle, bundle.task.kind, &tree, body.len, &completion, &input, &err))
			check_row(&arena, &completion, &input);
		else
			check_error(&err);
		completion.model = STR("m");
		check_answer(&arena, &completion, &row);
	}
	arena_done(&arena);
	return 0;
}
