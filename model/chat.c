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

/* What a model has of its own; a stop is for requests alone. */
static struct json own_sampling(const struct model_spec *model, struct str name)
{
	const struct json none = {0};

	if (str_is(name, "temperature"))
		return model->temperature >= 0 ? json_double(model->temperature) : none;
	if (str_is(name, "top_p"))
		return model->top_p >= 0 ? json_double(model->top_p) : none;
	if (str_is(name, "max_tokens"))
		return model->max_tokens > 0 ? json_integer(model->max_tokens) : none;
	if (str_is(name, "seed"))
		return model->seed >= 0 ? json_integer(model->seed) : none;
	return none;
}

static const char *const SAMPLING[] = {"temperature", "top_p", "max_tokens", "seed", "stop"};
enum { SAMPLING_COUNT = sizeof(SAMPLING) / sizeof(*SAMPLING) };

bool chat_is_sampling(struct str name)
{
	for (size_t i = 0; i < SAMPLING_COUNT; i++)
		if (str_is(name, SAMPLING[i]))
			return true;
	return false;
}

struct json chat_sampling(struct arena *arena, const struct chat *chat, const struct model_spec *model)
{
	struct json sampling = json_object();

	for (size_t i = 0; i < SAMPLING_COUNT; i++) {
		const struct str name = str_of(SAMPLING[i]);
		const struct json *said = json_get(&chat->sampling, name);
		const bool is_said = json_type(said) != JSON_ABSENT && json_type(said) != JSON_NULL;
		const struct json value = is_said ? *said : own_sampling(model, name);

		if (json_type(&value) != JSON_ABSENT)
			json_set(arena, &sampling, name, value);
	}
	return sampling;
}

static void write_members(struct buf *out, const struct json *object)
{
	for (size_t i = 0; json_type(object) == JSON_OBJECT && i < object->size; i++) {
		buf_add_char(out, ',');
		json_write_string(out, json_str(&object->members[i].key));
		buf_add_char(out, ':');
		json_write(out, &object->members[i].value);
	}
}

static bool has_type(const struct json *schema, const char *name)
{
	const struct json *type = json_get(schema, STR("type"));

	for (size_t i = 0; json_type(type) == JSON_ARRAY && i < type->size; i++)
		if (str_is(json_str(&type->items[i]), name))
			return true;
	return str_is(json_str(type), name);
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

enum below { BELOW_NOTHING, BELOW_SCHEMA, BELOW_LIST, BELOW_MAP };

/* What OpenAI takes for `strict`, and refuses a request over otherwise
 * (platform.openai.com/docs/guides/structured-outputs, "Supported schemas"). */
static const struct {
	const char *name;
	enum below below; /* what schemas its value holds */
} STRICT_KEYWORDS[] = {
	{"type", BELOW_NOTHING},
	{"enum", BELOW_NOTHING},
	{"const", BELOW_NOTHING},
	{"title", BELOW_NOTHING},
	{"description", BELOW_NOTHING},
	{"format", BELOW_NOTHING},
	{"required", BELOW_NOTHING},
	{"additionalProperties", BELOW_NOTHING},
	{"minimum", BELOW_NOTHING},
	{"maximum", BELOW_NOTHING},
	{"exclusiveMinimum", BELOW_NOTHING},
	{"exclusiveMaximum", BELOW_NOTHING},
	{"multipleOf", BELOW_NOTHING},
	{"minItems", BELOW_NOTHING},
	{"maxItems", BELOW_NOTHING},
	{"$ref", BELOW_NOTHING},
	{"items", BELOW_SCHEMA},
	{"anyOf", BELOW_LIST},
	{"properties", BELOW_MAP},
	{"$defs", BELOW_MAP},
};

static bool is_strict(const struct json *schema, unsigned depth);

static bool is_strict_member(const struct json_member *member, unsigned depth)
{
	const size_t count = sizeof(STRICT_KEYWORDS) / sizeof(*STRICT_KEYWORDS);
	const struct json *value = &member->value;
	size_t at = 0;

	while (at < count && !str_is(json_str(&member->key), STRICT_KEYWORDS[at].name))
		at++;
	if (at == count)
		return false;
	if (STRICT_KEYWORDS[at].below == BELOW_SCHEMA)
		return is_strict(value, depth + 1);
	if (STRICT_KEYWORDS[at].below == BELOW_LIST && json_type(value) == JSON_ARRAY)
		for (size_t i = 0; i < value->size; i++)
			if (!is_strict(&value->items[i], depth + 1))
				return false;
	if (STRICT_KEYWORDS[at].below == BELOW_MAP && json_type(value) == JSON_OBJECT)
		for (size_t i = 0; i < value->size; i++)
			if (!is_strict(&value->members[i].value, depth + 1))
				return false;
	return true;
}

static bool is_strict(const struct json *schema, unsigned depth)
{
	if (json_type(schema) != JSON_OBJECT || depth > STRICT_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < schema->size; i++)
		if (!is_strict_member(&schema->members[i], depth))
			return false;
	return !has_type(schema, "object") || is_closed_object(schema);
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
	buf_add_text(out, has_type(tree, "object") && is_strict(tree, 0) ? "\",\"strict\":true"
									 : "\",\"strict\":false");
	buf_add_str(out, STR(",\"schema\":"));
	json_write(out, tree);
	buf_add_str(out, STR("}}"));
}

void chat_write_request(struct buf *out, const struct chat *chat, const struct model_spec *model,
	const struct schema *schema, struct str step, bool is_streamed)
{
	const struct json sampling = chat_sampling(chat->arena, chat, model);
	size_t text = 0;

	for (unsigned i = 0; i < chat->count; i++)
		text += chat->messages[i].text.len;
	buf_reserve(out, text + text / 8 + 512);

	buf_add_str(out, STR("{\"model\":"));
	json_write_string(out, model->model);
	buf_add_char(out, ',');
	write_messages(out, chat);
	write_members(out, &sampling);
	if (schema != NULL)
		write_response_format(out, schema, step);
	if (is_streamed)
		buf_add_str(out, STR(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
	write_members(out, &model->extra);
	buf_add_char(out, '}');
}
