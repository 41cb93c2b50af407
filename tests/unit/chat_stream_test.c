/* Streamed replies: what they become, at every place where the bytes may be cut, and what is wrong with them. */
#include "model/chat_stream.h"

#include "model/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DELTA(text_) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text_ "\"},\"finish_reason\":null}]}\n\n"
#define STOP         "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n"
#define DONE         "data: [DONE]\n\n"

struct scene {
	struct arena arena;
	struct chat_stream stream;
	struct buf handed;
	struct error err;
	struct chat_reply reply;
};

static void on_text(void *data, struct str text)
{
	assert_true(text.len > 0);
	buf_add_str(data, text);
	buf_add_char(data, '|');
}

/* In pieces of `size` bytes, the first one of `first`. */
static bool read_stream(struct scene *scene, const char *bytes, size_t first, size_t size)
{
	struct str rest = str_of(bytes), body;
	size_t len = first;

	memset(scene, 0, sizeof(*scene));
	arena_init(&scene->arena);
	const struct secret key = secret_new(&scene->arena, STR("sk-secret-0123"));

	chat_stream_init(&scene->stream, key, 200, on_text, &scene->handed);
	while (rest.len > 0) {
		len = len < rest.len ? len : rest.len;
		if (!chat_stream_feed(&scene->stream, (struct str){rest.data, len}, &scene->err))
			return false;
		rest.data += len;
		rest.len -= len;
		len = size;
	}
	return chat_stream_end(&scene->stream, &scene->arena, &body, &scene->err) &&
	       chat_reply_read(&scene->reply, &scene->arena, body, key, false, &scene->err);
}

static void scene_done(struct scene *scene)
{
	chat_stream_done(&scene->stream);
	buf_done(&scene->handed);
	arena_done(&scene->arena);
}

static void reads(const char *bytes, const char *text, const char *handed)
{
	for (size_t cut = 1; cut <= strlen(bytes); cut++) {
		struct scene scene;

		if (!read_stream(&scene, bytes, cut, 1000))
			fail_msg("cut at %zu: %s", cut, scene.err.text);
		assert_true(str_is(scene.reply.text, text));
		assert_string_equal(buf_text(&scene.handed), handed);
		scene_done(&scene);
	}
}

static void fails(const char *bytes, const char *part, const char *handed)
{
	for (size_t size = 1; size < 100; size += 7) {
		struct scene scene;

		assert_false(read_stream(&scene, bytes, size, size));
		assert_int_equal(scene.err.code, ERR_UPSTREAM);
		if (strstr(scene.err.text, part) == NULL)
			fail_msg("no '%s' in '%s'", part, scene.err.text);
		assert_null(strstr(scene.err.text, "sk-secret"));
		assert_string_equal(buf_text(&scene.handed), handed);
		scene_done(&scene);
	}
}

static void test_text_comes_as_it_was_said(void **state)
{
	reads(DELTA("") DELTA("Hel") DELTA("lo ") DELTA("\\u00e4") STOP USAGE DONE, "Hello \xC3\xA4", "Hel|lo |\xC3\xA4|");
	reads(DELTA("") STOP DONE, "", "");
	reads(": ping\r\n\r\nevent: x\r\n" DELTA("a") STOP DONE, "a", "a|");
	reads("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"reasoning\",\"text\":\"r\"},"
	      "{\"type\":\"text\",\"text\":\"t\"}]}}]}\n\n" DONE,
		"t", "t|");
	/* An endpoint that does not stream. */
	reads(" \r\n{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}", "whole", "");
}

static void test_usage_is_read(void **state)
{
	struct scene scene;

	assert_true(read_stream(&scene, DELTA("a") STOP USAGE DONE, 1000, 1000));
	assert_true(scene.reply.usage.is_reported);
	assert_int_equal(scene.reply.usage.input_tokens, 7);
	assert_int_equal(scene.reply.usage.output_tokens, 3);
	scene_done(&scene);
	assert_true(read_stream(&scene, DELTA("a") STOP DONE, 1000, 1000));
	assert_false(scene.reply.usage.is_reported);
	scene_done(&scene);
}

static void test_what_is_cut_is_no_answer(void **state)
{
	fails("", "no [DONE] came", "");
	fails(DELTA("a"), "no [DONE] came", "a|");
	fails(DELTA("a") STOP USAGE, "no [DONE] came", "a|");
	fails(DELTA("a") STOP "data: [DONE]", "inside of an event", "a|");
	fails(DELTA("a") "data: {\"choi", "inside of an event", "a|");
	fails(DONE, "no choices", "");
	fails(USAGE DONE, "no choices", "");
	fails(STOP DONE, "has no text", "");
	fails("data: {\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[{}]},\"finish_reason\":\"tool_calls\"}]}\n\n" DONE,
		"has no text", "");
	fails(DELTA("a") "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n" DONE, "token limit", "a|");
	fails("{\"choices\":[{\"mess", "no JSON", "");
}

static void test_what_is_no_reply(void **state)
{
	fails("data: <html>\n\n", "is no JSON object: '<html>'", "");
	fails("data: []\n\n", "is no JSON object", "");
	fails("data: {\"a\":1}\n\n", "has no choices", "");
	fails(DELTA("a") "data: {\"error\":{\"message\":\"overloaded, sk-secret-0123\"}}\n\n", "overloaded, ***", "a|");
	fails("data: {\"error_code\":\"X\",\"message\":\"m\"}\n\n", "broke off with an error: 'm'", "");
	fails("data: {\"choices\":[{\"delta\":{\"refusal\":\"I must not\"}}]}\n\n" DONE, "refused: 'I must not'", "");
	fails(DELTA("a") DONE DELTA("b"), "after [DONE]", "a|");
	fails("data: {\"choices\":[{\"delta\":{\"content\":\"\xC3\"}}]}\n\n", "is no JSON object", "");
	fails(DELTA("0123456789012345678901234567890123456789012345678901234567890123456789")
			DELTA("0123456789012345678901234567890123456789012345678901234567890123456789")
				DELTA("01234567890123456789012345678901234567890123456789012345678901"),
		"longer than 200 bytes",
		"0123456789012345678901234567890123456789012345678901234567890123456789|"
		"0123456789012345678901234567890123456789012345678901234567890123456789|");
}

static void test_a_key_is_hidden_however_it_is_cut(void **state)
{
	reads(DELTA("key sk-secret-0123 end") DONE, "key *** end", "key *** end|");
	reads(DELTA("key s") DELTA("k-secret") DELTA("-0123 end") DONE, "key *** end", "key |*** end|");
	/* What began like it was none. */
	reads(DELTA("as") DELTA("k me") DONE, "ask me", "a|sk me|");
	reads(DELTA("this") DONE, "this", "thi|s|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_comes_as_it_was_said),
		cmocka_unit_test(test_usage_is_read),
		cmocka_unit_test(test_what_is_cut_is_no_answer),
		cmocka_unit_test(test_what_is_no_reply),
		cmocka_unit_test(test_a_key_is_hidden_however_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
