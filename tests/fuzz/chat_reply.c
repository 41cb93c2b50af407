/* Any bytes an endpoint may answer either fail with an error of one line that does not tell the
 * key, or give text. */
#include "model/chat.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_line(struct str line)
{
	must(str_is_utf8(line));
	for (size_t i = 0; i < line.len; i++)
		must((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7F);
	must(memmem(line.data, line.len, "sk-1", 4) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chat_reply reply;
	struct arena arena;
	struct error err = {0};

	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("sk-1"));
	char *text = arena_zalloc(&arena, size + JSON_PADDING);
	const struct str body = {text, size};

	if (size > 0)
		memcpy(text, data, size);
	if (chat_reply_read(&reply, &arena, body, key, false, &err)) {
		must(str_is_utf8(reply.text));
	} else {
		must(err.code == ERR_UPSTREAM);
		must(str_is_utf8(str_of(err.text)));
	}
	must(reply.usage.is_reported ||
		(reply.usage.input_tokens == 0 && reply.usage.output_tokens == 0));

	const struct str excerpt = chat_excerpt(&arena, body, key);

	must(excerpt.len <= CHAT_EXCERPT_MAX);
	check_line(excerpt);
	arena_done(&arena);
	return 0;
}
