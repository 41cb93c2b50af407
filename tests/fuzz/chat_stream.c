/* Any bytes an endpoint may stream, cut anywhere, either fail with an error that does not tell the key, or end as a body
 * that reads as a reply; what was handed out is its text. */
#include "model/chat.h"
#include "model/chat_stream.h"

#include <stdlib.h>

enum { REPLY_SIZE_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void on_text(void *data, struct str text)
{
	must(text.len > 0 && str_is_utf8(text));
	buf_add_str(data, text);
}

static bool feed_all(struct chat_stream *stream, struct str bytes, size_t piece, struct error *err)
{
	while (bytes.len > 0) {
		const size_t len = piece < bytes.len ? piece : bytes.len;

		if (!chat_stream_feed(stream, (struct str){bytes.data, len}, err))
			return false;
		bytes.data += len;
		bytes.len -= len;
	}
	return true;
}

static void check_body(struct arena *arena, const struct chat_stream *stream, struct str body, struct secret key,
	const struct buf *handed)
{
	struct chat_reply reply;
	struct error err = {0};

	if (!chat_reply_read(&reply, arena, body, key, false, &err)) {
		must(err.code == ERR_UPSTREAM);
		return;
	}
	must(str_is_utf8(reply.text));
	must(stream->is_whole || str_eq(reply.text, buf_str(handed)) ||
		memmem(handed->data, handed->len, "***", 3) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct chat_stream stream;
	struct buf handed = {0};
	struct error err = {0};
	struct str body;

	if (size == 0)
		return 0;
	arena_init(&arena);
	const struct secret key = secret_new(&arena, STR("sk-canary"));

	chat_stream_init(&stream, key, REPLY_SIZE_MAX, on_text, &handed);
	if (feed_all(&stream, (struct str){(const char *)data + 1, size - 1}, 1 + data[0], &err) &&
		chat_stream_end(&stream, &arena, &body, &err)) {
		check_body(&arena, &stream, body, key, &handed);
	} else {
		must(err.code == ERR_UPSTREAM);
		must(strstr(err.text, "sk-canary") == NULL && str_is_utf8(str_of(err.text)));
	}
	must(handed.len == 0 || memmem(handed.data, handed.len, "sk-canary", 9) == NULL);
	chat_stream_done(&stream);
	buf_done(&handed);
	arena_done(&arena);
	return 0;
}
