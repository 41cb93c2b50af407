/* Conversations that a request brings, as messages of a chat. */
#include "model/chat.h"

enum { PART_TYPE_SHOWN = 40 };

static bool is_text_part(const struct json *part)
{
	static const char *const TYPES[] = {"text", "input_text", "output_text"};
	const struct str type = json_str(json_get(part, STR("type")));

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++)
		if (str_is(type, TYPES[i]))
			return json_type(json_get(part, STR("text"))) == JSON_STRING;
	return false;
}

bool chat_parts_text(struct arena *arena, const struct json *content, struct str *ret)
{
	size_t len = 0;

	if (json_type(content) != JSON_ARRAY)
		return false;
	for (size_t i = 0; i < content->size; i++) {
		if (!is_text_part(&content->items[i]))
			return false;
		len += json_str(json_get(&content->items[i], STR("text"))).len;
	}

	char *text = arena_alloc(arena, len + 1), *at = text;

	for (size_t i = 0; i < content->size; i++) {
		const struct str part = json_str(json_get(&content->items[i], STR("text")));

		if (part.len > 0)
			at = (char *)mempcpy(at, part.data, part.len);
	}
	*ret = (struct str){text, len};
	return true;
}

static bool read_role(const struct json *message, size_t index, enum chat_role *ret, struct error *err)
{
	const struct json *role = json_get(message, STR("role"));
	const struct str name = json_str(role);

	for (enum chat_role i = 0; i < CHAT_ROLE_COUNT; i++) {
		if (!str_is(name, chat_role_name(i)))
			continue;
		*ret = i;
		return true;
	}
	if (str_is(name, "developer")) {
		*ret = CHAT_SYSTEM;
		return true;
	}
	if (name.len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "message %zu: 'role' is missing", index);
	return error_set(err, ERR_INVALID_PARAMETER,
		"message %zu: role '%.*s' is not supported (system, user or assistant)", index,
		STR_ARGS(str_clip(name, PART_TYPE_SHOWN)));
}

static bool fail_part(const struct json *content, size_t index, struct error *err)
{
	for (size_t i = 0; i < content->size; i++) {
		const struct str type = json_str(json_get(&content->items[i], STR("type")));

		if (!is_text_part(&content->items[i]))
			return error_set(err, ERR_INVALID_PARAMETER,
				"message %zu: a part of type '%.*s' is not supported, only text is", index,
				STR_ARGS(str_clip(type, PART_TYPE_SHOWN)));
	}
	return true;
}

static bool read_content(struct arena *arena, const struct json *message, size_t index, struct str *ret, struct error *err)
{
	static const char *const UNSUPPORTED[] = {"tool_calls", "function_call", "audio", "attachments"};
	const struct json *content = json_get(message, STR("content"));

	for (size_t i = 0; i < sizeof(UNSUPPORTED) / sizeof(*UNSUPPORTED); i++) {
		const struct json *value = json_get(message, str_of(UNSUPPORTED[i]));
		const bool is_list = json_type(value) == JSON_ARRAY || json_type(value) == JSON_OBJECT;

		if (value != NULL && json_type(value) != JSON_NULL && !(is_list && value->size == 0))
			return error_set(
				err, ERR_INVALID_PARAMETER, "message %zu: '%s' is not supported", index, UNSUPPORTED[i]);
	}
	if (json_type(content) == JSON_STRING) {
		*ret = json_str(content);
		return true;
	}
	if (chat_parts_text(arena, content, ret))
		return true;
	if (json_type(content) == JSON_ARRAY)
		return fail_part(content, index, err);
	return error_set(err, ERR_INVALID_PARAMETER, "message %zu: 'content': expected text or a list of parts, got %s",
		index, content != NULL ? json_type_name(content) : "nothing");
}

static bool is_item(const struct json *message)
{
	const struct json *type = json_get(message, STR("type"));

	return type == NULL || json_type(type) == JSON_NULL || str_is(json_str(type), "message");
}

/* Once, when all are there: a request may hold as many as it has room for. */
static void join_systems(struct chat *chat)
{
	unsigned count = 0;
	struct buf text = {0};

	while (count < chat->count && chat->messages[count].role == CHAT_SYSTEM)
		count++;
	if (count < 2)
		return;
	for (unsigned i = 0; i < count; i++) {
		buf_add_text(&text, i > 0 ? "\n\n" : "");
		buf_add_str(&text, chat->messages[i].text);
	}
	chat->messages[0].text = (struct str){arena_memdup(chat->arena, text.data, text.len), text.len};
	buf_done(&text);
	memmove(chat->messages + 1, chat->messages + count, (chat->count - count) * sizeof(*chat->messages));
	chat->count -= count - 1;
}

static bool add_message(struct chat *chat, const struct json *message, size_t index, struct error *err)
{
	enum chat_role role = CHAT_USER;
	struct str text = {0};

	if (json_type(message) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "message %zu: expected an object, got %s", index,
			json_type_name(message));
	if (!is_item(message))
		return error_set(err, ERR_INVALID_PARAMETER, "message %zu: an item of type '%.*s' is not supported", index,
			STR_ARGS(str_clip(json_str(json_get(message, STR("type"))), PART_TYPE_SHOWN)));
	if (!read_role(message, index, &role, err) || !read_content(chat->arena, message, index, &text, err))
		return false;
	chat_add(chat, role, text);
	return true;
}

bool chat_add_conversation(struct chat *chat, const struct json *messages, struct error *err)
{
	if (json_type(messages) == JSON_STRING) {
		chat_add(chat, CHAT_USER, json_str(messages));
		return true;
	}
	if (json_type(messages) != JSON_ARRAY || messages->size == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "expected a list of messages, at least one, got %s",
			json_type(messages) == JSON_ARRAY ? "an empty list"
			: messages != NULL                ? json_type_name(messages)
							  : "nothing");
	for (size_t i = 0; i < messages->size; i++)
		if (!add_message(chat, &messages->items[i], i, err))
			return false;
	join_systems(chat);
	return true;
}
