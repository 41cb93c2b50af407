/* Reading what a chat-completions endpoint answers, in the shapes that compatible ones use. */
#include "model/chat.h"

struct str chat_part_text(const struct json *part)
{
	if (json_type(part) == JSON_STRING)
		return json_str(part);
	if (json_type(part) != JSON_OBJECT)
		return (struct str){0};

	const struct json *type = json_get(part, STR("type"));
	const struct json *text = json_get(part, STR("text"));

	if (type != NULL && !str_eq(json_str(type), STR("text")) &&
		!str_eq(json_str(type), STR("output_text")))
		return (struct str){0};
	return json_str(text);
}

static struct str join_parts(struct arena *arena, const struct json *parts)
{
	size_t len = 0;

	for (size_t i = 0; i < parts->size; i++)
		len += chat_part_text(&parts->items[i]).len;

	char *text = arena_alloc(arena, len + 1);
	size_t at = 0;

	for (size_t i = 0; i < parts->size; i++) {
		const struct str part = chat_part_text(&parts->items[i]);

		if (part.len > 0)
			memcpy(text + at, part.data, part.len);
		at += part.len;
	}
	return (struct str){text, len};
}

static struct str content_text(struct arena *arena, const struct json *content)
{
	if (json_type(content) == JSON_ARRAY)
		return join_parts(arena, content);
	return chat_part_text(content);
}

/* OpenAI: {"error":{"message":…}}; Databricks: {"error_code":…,"message":…}; others: {"error":"…"},
 * {"detail":"…"}. */
static struct str error_text(const struct json *reply)
{
	static const char *const PATHS[] = {"error.message", "message", "error", "detail"};

	for (size_t i = 0; i < sizeof(PATHS) / sizeof(*PATHS); i++) {
		const struct str text = json_str(json_at(reply, str_of(PATHS[i])));

		if (text.len > 0)
			return text;
	}
	return (struct str){0};
}

static bool check_no_error(
	struct arena *arena, const struct json *reply, struct secret secret, struct error *err)
{
	const struct json *error = json_get(reply, STR("error"));
	const bool has_error = error != NULL && json_type(error) != JSON_NULL;

	if (!has_error && json_get(reply, STR("error_code")) == NULL)
		return true;

	const struct str text = chat_excerpt(arena, error_text(reply), secret);

	return error_set(err, ERR_UPSTREAM,
		"the endpoint answered an error with status 200: '%.*s'", STR_ARGS(text));
}

/* An answer that was cut is never half an answer to the caller. */
static bool check_finish(struct chat_reply *ret, const struct json *reason, bool takes_cut, struct error *err)
{
	const struct str text = json_str(reason);

	ret->is_cut = str_eq(text, STR("length")) || str_eq(text, STR("max_tokens"));
	if (ret->is_cut && !takes_cut)
		return error_set(err, ERR_UPSTREAM,
			"the answer was cut at its token limit (finish_reason '%.*s'): raise max_tokens",
			STR_ARGS(text));
	if (str_eq(text, STR("content_filter")))
		return error_set(err, ERR_UPSTREAM,
			"the endpoint's content filter stopped the answer (finish_reason 'content_filter')");
	return true;
}

static bool read_message(struct chat_reply *ret, struct arena *arena, const struct json *holder,
	const struct json *content, struct secret secret, struct error *err)
{
	const struct str refusal = json_str(json_get(holder, STR("refusal")));

	ret->text = content_text(arena, content);
	if (secret_is_strong(secret))
		ret->text = secret_redact(arena, ret->text, secret);
	if (ret->text.len > 0)
		return true;
	if (refusal.len > 0) {
		const struct str text = chat_excerpt(arena, refusal, secret);

		return error_set(err, ERR_UPSTREAM, "the model refused: '%.*s'", STR_ARGS(text));
	}
	/* An empty text is an answer; none at all is not. */
	if (json_type(content) == JSON_STRING)
		return true;
	return error_set(err, ERR_UPSTREAM, "the reply's message has no text: its content is %s",
		content != NULL ? json_type_name(content) : "missing");
}

static bool read_choice(struct chat_reply *ret, struct arena *arena, const struct json *choice,
	struct secret secret, bool takes_cut, struct error *err)
{
	const struct json *message = json_get(choice, STR("message"));
	const struct json *content = json_get(message, STR("content"));

	if (!check_finish(ret, json_get(choice, STR("finish_reason")), takes_cut, err))
		return false;
	if (message == NULL)
		content = json_get(choice, STR("text"));
	return read_message(ret, arena, message, content, secret, err);
}

/* What is wrong with JSON is told by quoting it. */
static bool fail_no_json(
	struct arena *arena, struct str body, struct secret secret, struct error *err)
{
	const struct str excerpt = chat_excerpt(arena, body, secret);
	struct json tree;
	struct error why;

	if (json_read(arena, secret_redact(arena, body, secret), &tree, &why))
		error_set(&why, ERR_UPSTREAM, "the API key in it is no valid text");
	return error_set(err, ERR_UPSTREAM, "the reply is no JSON (%s): '%.*s'", why.text,
		STR_ARGS(excerpt));
}

static bool read_reply(struct chat_reply *ret, struct arena *arena, struct str body,
	struct secret secret, bool takes_cut, struct error *err)
{
	struct json reply;

	if (!json_read_padded(arena, body, &reply, NULL))
		return fail_no_json(arena, body, secret, err);
	usage_read(&ret->usage, json_get(&reply, STR("usage")));
	if (!check_no_error(arena, &reply, secret, err))
		return false;

	const struct json *choices = json_get(&reply, STR("choices"));

	if (json_type(choices) == JSON_ARRAY && choices->size > 0)
		return read_choice(ret, arena, &choices->items[0], secret, takes_cut, err);
	if (choices == NULL && json_get(&reply, STR("content")) != NULL)
		return check_finish(ret, json_get(&reply, STR("stop_reason")), takes_cut, err) &&
		       read_message(
			       ret, arena, &reply, json_get(&reply, STR("content")), secret, err);

	const struct str excerpt = chat_excerpt(arena, body, secret);

	return error_set(err, ERR_UPSTREAM, "the reply has no choices: '%.*s'", STR_ARGS(excerpt));
}

/* The tree of a reply can be ten times its text, and a row may read several: only what was taken
 * stays. */
bool chat_reply_read(struct chat_reply *ret, struct arena *arena, struct str body,
	struct secret secret, bool takes_cut, struct error *err)
{
	struct arena tree;

	*ret = (struct chat_reply){0};
	arena_init(&tree);
	const bool is_read = read_reply(ret, &tree, body, secret, takes_cut, err);
	ret->text.data = arena_memdup(arena, ret->text.data, ret->text.len);
	arena_done(&tree);
	return is_read;
}

/* Control characters would break the log's lines and a terminal; what is not UTF-8 would break the
 * answer's JSON. */
static struct str one_line(struct arena *arena, struct str text)
{
	char *line = arena_memdup(arena, text.data, text.len);
	const bool is_utf8 = str_is_utf8(text);

	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c == 0x7F)
			line[i] = ' ';
		else if (c >= 0x80 && !is_utf8)
			line[i] = '?';
	}
	return str_trim((struct str){line, text.len});
}

struct str chat_excerpt(struct arena *arena, struct str body, struct secret secret)
{
	enum { LOOK_MAX = 64 * 1024 };
	struct json tree;
	struct str text = body;

	if (body.len <= LOOK_MAX && json_read(arena, body, &tree, &(struct error){0})) {
		const struct str said = error_text(&tree);

		if (said.len > 0)
			text = said;
	}
	/* Redacted before it is cut: half a secret is a secret, too. */
	text.len = text.len > LOOK_MAX ? LOOK_MAX : text.len;
	text = secret_redact(arena, text, secret);
	text = str_clip(text, CHAT_EXCERPT_MAX);
	return one_line(arena, text);
}
