/* Messages and the request body. What comes back is read in chat_reply.c. */
#include "model/chat.h"

#include "model/config.h"
#include "model/schema.h"

static const char *const ROLE_NAMES[CHAT_ROLE_COUNT] = {"system", "user", "assistant"};

enum { SCHEMA_NAME_MAX = 64, STRICT_DEPTH_MAX = 32 };

const char *chat_role_name(enum chat_role role)
{
	return ROLE_NAMES[role];
}

void chat_init(struct chat *chat, struct arena *arena)
{
	*chat = (struct chat){.arena = arena};
}

void chat_add(struct chat *chat, enum chat_role role, struct str text)
{
	if (chat->count == chat->cap) {
		const unsigned cap = chat->cap > 0 ? 2 * chat->cap : 4;
		struct chat_message *more = arena_array(chat->arena, cap, sizeof(*more));

		if (chat->count > 0)
			memcpy(more, chat->messages, chat->count * sizeof(*more));
		chat->messages = more;
		chat->cap = cap;
	}
	chat->messages[chat->count++] = (struct chat_message){.role = role, .text = text};
}

static void write_messages(struct buf *out, const struct chat *chat)
{
	buf_add_str(out, STR("\"messages\":["));
	for (unsigned i = 0; i < chat->count; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_str(out, STR("{\"role\":\""));
		buf_add_text(out, chat_role_name(chat->messages[i].role));
		buf_add_str(out, STR("\",\"content\":"));
		json_write_string(out, chat->messages[i].text);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void write_sampling(struct buf *out, const struct model_spec *model)
{
	if (model->temperature >= 0) {
		buf_add_str(out, STR(",\"temperature\":"));
		json_write_double(out, model->temperature);
	}
	if (model->top_p >= 0) {
		buf_add_str(out, STR(",\"top_p\":"));
		json_write_double(out, model->top_p);
	}
	if (model->max_tokens > 0) {
		buf_add_str(out, STR(",\"max_tokens\":"));
		json_write_integer(out, model->max_tokens);
	}
	if (model->seed >= 0) {
		buf_add_str(out, STR(",\"seed\":"));
		json_write_integer(out, model->seed);
	}
}

static bool is_closed_object(const struct json *schema)
{
	const struct json *properties = json_get(schema, STR("properties"));
	const struct json *required = json_get(schema, STR("required"));
	const struct json *more = json_get(schema, STR("additionalProperties"));
	const size_t property_count = json_type(properties) == JSON_OBJECT ? properties->size : 0;
	const size_t required_count = json_type(required) == JSON_ARRAY ? required->size : 0;

	return json_type(more) == JSON_BOOL && !more->boolean && property_count == required_count;
}

/* OpenAI refuses `strict` for a schema whose objects are open or have optional properties
 * (platform.openai.com/docs/guides/structured-outputs, "Supported schemas"). */
static bool schema_is_strict(const struct json *schema, unsigned depth)
{
	if (depth > STRICT_DEPTH_MAX)
		return false;
	if (json_type(schema) == JSON_ARRAY) {
		for (size_t i = 0; i < schema->size; i++)
			if (!schema_is_strict(&schema->items[i], depth + 1))
				return false;
		return true;
	}
	if (json_type(schema) != JSON_OBJECT)
		return true;

	const struct json *type = json_get(schema, STR("type"));

	if (json_type(type) == JSON_STRING && str_eq(json_str(type), STR("object")) &&
		!is_closed_object(schema))
		return false;
	for (size_t i = 0; i < schema->size; i++)
		if (!schema_is_strict(&schema->members[i].value, depth + 1))
			return false;
	return true;
}

/* The protocol allows a-z, A-Z, 0-9, _ and -, up to 64. */
static void write_schema_name(struct buf *out, struct str step)
{
	for (size_t i = 0; i < step.len && i < SCHEMA_NAME_MAX; i++) {
		const char c = step.data[i];
		const bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				     (c >= '0' && c <= '9') || c == '_' || c == '-';

		buf_add_char(out, is_fine ? c : '_');
	}
	if (step.len == 0)
		buf_add_str(out, STR("answer"));
}

static void write_response_format(struct buf *out, const struct schema *schema, struct str step)
{
	const struct json *tree = schema_tree(schema);

	buf_add_str(out,
		STR(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\""));
	write_schema_name(out, step);
	buf_add_text(out, schema_is_strict(tree, 0) ? "\",\"strict\":true" : "\",\"strict\":false");
	buf_add_str(out, STR(",\"schema\":"));
	json_write(out, tree);
	buf_add_str(out, STR("}}"));
}

void chat_write_request(struct buf *out, const struct chat *chat, const struct model_spec *model,
	const struct schema *schema, struct str step)
{
	size_t text = 0;

	for (unsigned i = 0; i < chat->count; i++)
		text += chat->messages[i].text.len;
	buf_reserve(out, text + text / 8 + 512);

	buf_add_str(out, STR("{\"model\":"));
	json_write_string(out, model->model);
	buf_add_char(out, ',');
	write_messages(out, chat);
	write_sampling(out, model);
	if (schema != NULL)
		write_response_format(out, schema, step);
	for (size_t i = 0; json_type(&model->extra) == JSON_OBJECT && i < model->extra.size; i++) {
		const struct json_member *member = &model->extra.members[i];

		buf_add_char(out, ',');
		json_write_string(out, json_str(&member->key));
		buf_add_char(out, ':');
		json_write(out, &member->value);
	}
	buf_add_char(out, '}');
}
