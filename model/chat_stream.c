/* bytes → { events → on_event → text, reason, usage … [DONE] | a whole body } → chat_stream_end → the body of a reply */
#include "model/chat_stream.h"

#include "model/chat.h"

enum { EVENT_MAX = 1 << 20 };

static bool on_event(void *data, struct str text, struct error *err);

void chat_stream_init(struct chat_stream *stream, struct secret secret, size_t size_max,
	void (*on_text)(void *data, struct str text), void *data)
{
	*stream = (struct chat_stream){.secret = secret, .size_max = size_max, .on_text = on_text, .data = data};
	arena_init(&stream->arena);
	sse_init(&stream->sse, EVENT_MAX);
}

void chat_stream_done(struct chat_stream *stream)
{
	arena_done(&stream->arena);
	sse_done(&stream->sse);
	buf_done(&stream->whole);
	buf_done(&stream->text);
	buf_done(&stream->reason);
	buf_done(&stream->usage);
	buf_done(&stream->refusal);
}

static bool fail_long(const struct chat_stream *stream, struct error *err)
{
	return error_set(err, ERR_UPSTREAM, "the reply is longer than %zu bytes", stream->size_max);
}

/* Blanks say neither that it is a body, nor that it is a stream. */
static void begin(struct chat_stream *stream, struct str *bytes)
{
	while (bytes->len > 0 && strchr(" \t\r\n", *bytes->data) != NULL && *bytes->data != '\0') {
		bytes->data++;
		bytes->len--;
	}
	stream->is_begun = bytes->len > 0;
	stream->is_whole = bytes->len > 0 && *bytes->data == '{';
}

bool chat_stream_feed(struct chat_stream *stream, struct str bytes, struct error *err)
{
	if (!stream->is_begun)
		begin(stream, &bytes);
	if (!stream->is_whole) {
		if (sse_feed(&stream->sse, bytes, on_event, stream, err))
			return true;
		err->code = ERR_UPSTREAM;
		return false;
	}
	if (bytes.len > stream->size_max - stream->whole.len)
		return fail_long(stream, err);
	buf_add_str(&stream->whole, bytes);
	return true;
}

/* The text */

/* Bytes at the end that are the beginning of the secret: what comes next may complete it. */
static size_t secret_tail(const struct chat_stream *stream, struct str text)
{
	const struct str secret = secret_reveal(stream->secret);
	size_t len = secret.len > 0 ? secret.len - 1 : 0;

	if (!secret_is_strong(stream->secret))
		return 0;
	for (len = len < text.len ? len : text.len; len > 0; len--)
		if (memcmp(text.data + text.len - len, secret.data, len) == 0)
			return len;
	return 0;
}

static void hand_out(struct chat_stream *stream, bool is_last)
{
	struct str text = {NULL, stream->text.len - stream->handed};

	if (text.len == 0)
		return;
	text.data = stream->text.data + stream->handed;
	if (!is_last)
		text.len -= secret_tail(stream, text);
	stream->handed += text.len;
	if (secret_is_strong(stream->secret))
		text = secret_redact(&stream->arena, text, stream->secret);
	if (text.len > 0)
		stream->on_text(stream->data, text);
}

static bool add_text(struct chat_stream *stream, struct str text, struct error *err)
{
	if (text.len == 0)
		return true;
	if (text.len > stream->size_max - stream->text.len)
		return fail_long(stream, err);
	buf_add_str(&stream->text, text);
	hand_out(stream, false);
	return true;
}

static bool add_content(struct chat_stream *stream, const struct json *content, struct error *err)
{
	stream->has_content |= json_type(content) == JSON_STRING || json_type(content) == JSON_ARRAY;
	if (json_type(content) == JSON_STRING)
		return add_text(stream, json_str(content), err);
	for (size_t i = 0; json_type(content) == JSON_ARRAY && i < content->size; i++)
		if (!add_text(stream, chat_part_text(&content->items[i]), err))
			return false;
	return true;
}

/* Events */

static void keep(struct buf *buf, const struct json *value)
{
	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return;
	buf->len = 0;
	json_write(buf, value);
}

static bool fail_event(struct chat_stream *stream, const char *what, struct str text, struct error *err)
{
	const struct str excerpt = chat_excerpt(&stream->arena, text, stream->secret);

	return error_set(err, ERR_UPSTREAM, "%s: '%.*s'", what, STR_ARGS(excerpt));
}

static bool read_choice(struct chat_stream *stream, const struct json *choice, struct error *err)
{
	const struct json *delta = json_get(choice, STR("delta"));
	const struct json *refusal = json_get(delta, STR("refusal"));

	stream->has_choice = true;
	keep(&stream->reason, json_get(choice, STR("finish_reason")));
	if (json_str(refusal).len > 0 && stream->refusal.len < CHAT_EXCERPT_MAX)
		buf_add_str(&stream->refusal, json_str(refusal));
	return add_content(stream, json_get(delta, STR("content")), err);
}

static bool read_event(struct chat_stream *stream, struct str text, struct error *err)
{
	const struct json *choices, *error;
	struct json event;

	if (!json_read(&stream->arena, text, &event, NULL) || json_type(&event) != JSON_OBJECT)
		return fail_event(stream, "an event of the reply is no JSON object", text, err);
	error = json_get(&event, STR("error"));
	if ((error != NULL && json_type(error) != JSON_NULL) || json_get(&event, STR("error_code")) != NULL)
		return fail_event(stream, "the endpoint broke off with an error", text, err);
	keep(&stream->usage, json_get(&event, STR("usage")));
	choices = json_get(&event, STR("choices"));
	if (json_type(choices) == JSON_NULL || (json_type(choices) == JSON_ARRAY && choices->size == 0))
		return true; /* usage, or a filter's verdict */
	if (json_type(choices) != JSON_ARRAY)
		return fail_event(stream, "an event of the reply has no choices", text, err);
	return read_choice(stream, &choices->items[0], err);
}

static bool on_event(void *data, struct str text, struct error *err)
{
	struct chat_stream *stream = data;

	if (stream->is_over)
		return error_set(err, ERR_UPSTREAM, "the reply goes on after [DONE]");
	if (str_is(str_trim_space(text), "[DONE]")) {
		stream->is_over = true;
		hand_out(stream, true);
		return true;
	}
	const bool is_read = read_event(stream, text, err);

	arena_clear(&stream->arena);
	return is_read;
}

/* The end */

static void write_body(struct buf *out, const struct chat_stream *stream)
{
	buf_add_text(out, "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",");
	if (stream->refusal.len > 0) {
		buf_add_text(out, "\"refusal\":");
		json_write_string(out, buf_str(&stream->refusal));
		buf_add_char(out, ',');
	}
	buf_add_text(out, "\"content\":");
	if (stream->text.len > 0 || (stream->has_content && stream->refusal.len == 0))
		json_write_string(out, buf_str(&stream->text));
	else
		buf_add_text(out, "null");
	buf_add_text(out, "},\"finish_reason\":");
	buf_add_str(out, stream->reason.len > 0 ? buf_str(&stream->reason) : STR("null"));
	buf_add_text(out, "}]");
	if (stream->usage.len > 0) {
		buf_add_text(out, ",\"usage\":");
		buf_add_str(out, buf_str(&stream->usage));
	}
	buf_add_char(out, '}');
}

static struct str padded(struct arena *arena, struct str text)
{
	char *copy = arena_alloc(arena, text.len + JSON_PADDING);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	memset(copy + text.len, 0, JSON_PADDING);
	return (struct str){copy, text.len};
}

bool chat_stream_end(struct chat_stream *stream, struct arena *arena, struct str *ret_body, struct error *err)
{
	struct buf body = {0};

	if (stream->is_whole) {
		*ret_body = padded(arena, buf_str(&stream->whole));
		return true;
	}
	if (!stream->is_over)
		return error_set(err, ERR_UPSTREAM, "the reply ended early: no [DONE] came%s",
			sse_is_inside(&stream->sse) ? ", and it ended inside of an event" : "");
	if (!stream->has_choice)
		return error_set(err, ERR_UPSTREAM, "the reply has no choices");
	write_body(&body, stream);
	*ret_body = padded(arena, buf_str(&body));
	buf_done(&body);
	return true;
}
