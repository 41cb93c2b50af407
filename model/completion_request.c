/* What a request asks becomes one row of the LLM form; everything else in it is the bundle's, harmless or refused. */
#include "model/completion.h"

#include "model/bundle.h"
#include "model/chat.h"

enum { NAME_SHOWN_MAX = 200 };

/* Values that change nothing */

static bool is_anything(const struct json *value)
{
	return true;
}

static bool is_false(const struct json *value)
{
	return json_type(value) == JSON_BOOL && !value->boolean;
}

static bool is_bool(const struct json *value)
{
	return json_type(value) == JSON_BOOL;
}

static bool is_one(const struct json *value)
{
	return json_type(value) == JSON_INTEGER && value->integer == 1;
}

static bool is_empty(const struct json *value)
{
	const enum json_type type = json_type(value);

	return (type == JSON_ARRAY || type == JSON_OBJECT) && value->size == 0;
}

static bool is_no_choice(const struct json *value)
{
	return str_is(json_str(value), "none") || str_is(json_str(value), "auto");
}

static bool is_text_format(const struct json *value)
{
	return json_type(value) == JSON_OBJECT && value->size == 1 && str_is(json_str(json_get(value, STR("type"))), "text");
}

static bool is_text_only(const struct json *value)
{
	return json_type(value) == JSON_ARRAY && value->size == 1 && str_is(json_str(&value->items[0]), "text");
}

static bool is_plain_text(const struct json *value)
{
	return json_type(value) == JSON_OBJECT && value->size == 1 && is_text_format(json_get(value, STR("format")));
}

static bool is_stream_options(const struct json *value)
{
	for (size_t i = 0; json_type(value) == JSON_OBJECT && i < value->size; i++) {
		const struct str key = json_str(&value->members[i].key);

		if (!is_bool(&value->members[i].value) ||
			(!str_is(key, "include_usage") && !str_is(key, "include_obfuscation")))
			return false;
	}
	return json_type(value) == JSON_OBJECT;
}

static bool is_tier(const struct json *value)
{
	return str_is(json_str(value), "auto") || str_is(json_str(value), "default");
}

static bool is_disabled(const struct json *value)
{
	return str_is(json_str(value), "disabled");
}

/* A null says nothing, whatever the member. */
static const struct {
	const char *name;
	bool (*is_harmless)(const struct json *value);
	const char *taken; /* what would be */
} HARMLESS[] = {
	{"model", is_anything, NULL},
	{"stream", is_bool, "a boolean"},
	{"stream_options", is_stream_options, "{\"include_usage\": true or false}"},
	{"user", is_anything, NULL},
	{"safety_identifier", is_anything, NULL},
	{"prompt_cache_key", is_anything, NULL},
	{"metadata", is_anything, NULL},
	{"client_request_id", is_anything, NULL},
	{"usage_context", is_anything, NULL},
	{"store", is_false, "false"},
	{"background", is_false, "false"},
	{"n", is_one, "1"},
	{"best_of", is_one, "1"},
	{"echo", is_false, "false"},
	{"logprobs", is_false, "false"},
	{"tools", is_empty, "an empty list"},
	{"tool_choice", is_no_choice, "\"none\" or \"auto\""},
	{"parallel_tool_calls", is_bool, "a boolean"},
	{"response_format", is_text_format, "{\"type\": \"text\"}"},
	{"text", is_plain_text, "{\"format\": {\"type\": \"text\"}}"},
	{"modalities", is_text_only, "[\"text\"]"},
	{"include", is_empty, "an empty list"},
	{"service_tier", is_tier, "\"auto\" or \"default\""},
	{"truncation", is_disabled, "\"disabled\""},
};
enum { HARMLESS_COUNT = sizeof(HARMLESS) / sizeof(*HARMLESS) };

/* What the bundle takes */

static bool has_column(const struct sig_schema *inputs, struct str name)
{
	for (size_t i = 0; inputs->is_declared && inputs->is_named && i < inputs->count; i++)
		if (str_eq(inputs->columns[i].name, name))
			return true;
	return false;
}

static bool is_bundles(const struct bundle *bundle, struct str name)
{
	return has_column(&bundle->signature.inputs, name) || signature_param(&bundle->signature, name) != NULL ||
	       json_get(&bundle->config.defaults, name) != NULL;
}

bool completion_is_asked(const struct bundle *bundle, const struct json *tree)
{
	const char *question = task_question(bundle->task.kind);

	return question != NULL && json_get(tree, str_of(question)) != NULL;
}

static void list_taken(struct buf *out, const struct bundle *bundle, const char *question)
{
	const struct sig_schema *inputs = &bundle->signature.inputs;

	buf_add_text(out, question);
	for (size_t i = 0; inputs->is_declared && inputs->is_named && i < inputs->count; i++)
		if (!str_is(inputs->columns[i].name, question))
			buf_printf(out, ", %.*s", STR_ARGS(inputs->columns[i].name));
	for (size_t i = 0; i < bundle->signature.param_count; i++)
		buf_printf(out, ", %.*s", STR_ARGS(bundle->signature.params[i].name));
}

static bool refuse(struct arena *arena, const struct bundle *bundle, struct str name, struct completion *ret,
	struct error *err)
{
	struct buf taken = {0};

	for (size_t i = 0; i < HARMLESS_COUNT; i++) {
		if (!str_is(name, HARMLESS[i].name))
			continue;
		return error_set(err, ERR_INVALID_PARAMETER,
			"'%s' is not supported by this endpoint but for %s: its signature declares no such param",
			HARMLESS[i].name, HARMLESS[i].taken);
	}
	list_taken(&taken, bundle, task_question(ret->kind));
	error_set(err, ERR_INVALID_PARAMETER,
		"'%.*s' is not supported by this endpoint: its signature declares no such param (declared are %.*s)",
		STR_ARGS(name), STR_ARGS(buf_str(&taken)));
	buf_done(&taken);
	return false;
}

static bool is_harmless(struct str name, const struct json *value)
{
	if (json_type(value) == JSON_NULL)
		return true;
	for (size_t i = 0; i < HARMLESS_COUNT; i++)
		if (str_is(name, HARMLESS[i].name))
			return HARMLESS[i].is_harmless(value);
	return false;
}

/* The question */

/* Parts of text become text: what most bundles declare, and what a template can show. */
static void join_contents(struct arena *arena, struct json *messages)
{
	for (size_t i = 0; i < messages->size; i++) {
		struct json *message = &messages->items[i];
		struct str text;

		for (size_t j = 0; json_type(message) == JSON_OBJECT && j < message->size; j++)
			if (str_is(json_str(&message->members[j].key), "content") &&
				chat_parts_text(arena, &message->members[j].value, &text))
				message->members[j].value = json_string(text);
	}
}

static struct json message_of(struct arena *arena, const char *role, struct json content)
{
	struct json message = json_object();

	json_set(arena, &message, STR("role"), json_string(str_of(role)));
	json_set(arena, &message, STR("content"), content);
	return message;
}

/* Of the Responses API: a text is the user's message, `instructions` are the system's. */
static void add_instructions(struct arena *arena, const struct bundle *bundle, const struct json *tree, struct json *input)
{
	const struct json *instructions = json_get(tree, STR("instructions"));
	struct json messages = json_array();

	if (json_type(instructions) != JSON_STRING || is_bundles(bundle, STR("instructions")))
		return;
	json_append(arena, &messages, message_of(arena, "system", *instructions));
	for (size_t i = 0; i < input->size; i++)
		json_append(arena, &messages, input->items[i]);
	*input = messages;
}

static bool is_text_column(const struct bundle *bundle, struct str name)
{
	const struct sig_schema *inputs = &bundle->signature.inputs;

	for (size_t i = 0; inputs->is_declared && inputs->is_named && i < inputs->count; i++)
		if (str_eq(inputs->columns[i].name, name))
			return inputs->columns[i].node.type == SIG_STRING;
	return false;
}

static bool read_conversation(struct arena *arena, const struct bundle *bundle, const struct json *tree,
	enum task_kind kind, struct json *question, struct error *err)
{
	const char *name = task_question(kind);

	if (kind == TASK_RESPONSES && json_type(question) == JSON_STRING && !is_text_column(bundle, str_of(name))) {
		struct json messages = json_array();

		json_append(arena, &messages, message_of(arena, "user", *question));
		*question = messages;
	}
	if (json_type(question) == JSON_STRING && kind == TASK_RESPONSES)
		return true;
	if (json_type(question) != JSON_ARRAY || question->size == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "'%s': expected a list of messages, at least one, got %s%s", name,
			json_type(question) == JSON_ARRAY ? "an empty list" : json_type_name(question),
			kind == TASK_CHAT ? "; a request that works: {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}" : "");
	join_contents(arena, question);
	if (kind == TASK_RESPONSES)
		add_instructions(arena, bundle, tree, question);
	return true;
}

/* OpenAI takes a list of prompts and answers a choice each: here a request is one row. */
static bool read_prompt(struct json *question, struct error *err)
{
	if (json_type(question) == JSON_ARRAY && question->size == 1 && json_type(&question->items[0]) == JSON_STRING)
		*question = question->items[0];
	return json_type(question) == JSON_STRING ||
	       error_set(err, ERR_INVALID_PARAMETER, "'prompt': expected one text, got %s", json_type_name(question));
}

static bool read_question(struct arena *arena, const struct bundle *bundle, const struct json *tree, enum task_kind kind,
	struct json *ret, struct error *err)
{
	const struct json *given = json_get(tree, str_of(task_question(kind)));

	if (given == NULL)
		return error_set(err, ERR_INVALID_PARAMETER, "'%s' is missing", task_question(kind));
	*ret = *given;
	return kind == TASK_COMPLETIONS ? read_prompt(ret, err) : read_conversation(arena, bundle, tree, kind, ret, err);
}

/* The request */

static void read_options(const struct json *tree, struct completion *ret)
{
	const struct json *stream = json_get(tree, STR("stream"));
	const struct json *usage = json_at(tree, STR("stream_options.include_usage"));
	const struct json *metadata = json_get(tree, STR("metadata"));

	ret->model = json_str(json_get(tree, STR("model")));
	ret->is_stream = json_type(stream) == JSON_BOOL && stream->boolean;
	ret->wants_usage = json_type(usage) == JSON_BOOL && usage->boolean;
	ret->metadata = metadata != NULL ? *metadata : json_null();
}

static bool check_stream(const struct json *tree, struct completion *ret, struct error *err)
{
	const struct json *stream = json_get(tree, STR("stream"));

	if (stream == NULL || json_type(stream) == JSON_NULL || json_type(stream) == JSON_BOOL)
		return true;
	ret->param = "stream";
	return error_set(err, ERR_INVALID_PARAMETER, "'stream': expected a boolean, got %s", json_type_name(stream));
}

static bool is_question(const struct completion *completion, struct str name)
{
	return str_is(name, task_question(completion->kind)) ||
	       (completion->kind == TASK_RESPONSES && str_is(name, "instructions"));
}

/* Params may be given where MLflow's form has them, too. */
static bool take_members(struct arena *arena, const struct bundle *bundle, const struct json *tree, struct json *row,
	struct completion *ret, struct error *err)
{
	for (size_t i = 0; i < tree->size; i++) {
		const struct json_member *member = &tree->members[i];
		const struct str name = json_str(&member->key);

		if (is_bundles(bundle, name)) {
			if (!str_is(name, task_question(ret->kind)))
				json_set(arena, row, name, member->value);
		} else if (!is_question(ret, name) && !is_harmless(name, &member->value)) {
			const struct str shown = str_clip(name, NAME_SHOWN_MAX);

			ret->param = arena_memdup(arena, shown.data, shown.len);
			return refuse(arena, bundle, shown, ret, err);
		}
	}
	return true;
}

static bool check_task(struct arena *arena, const struct bundle *bundle, enum task_kind kind, struct error *err)
{
	const struct task *task = &bundle->task;

	if (task->kind != kind)
		return error_set(err, ERR_INVALID_PARAMETER, "the bundle '%s' serves %s", bundle->name, task_tell(arena, task));
	return task->answer != TASK_NO_TEXT ||
	       error_set(err, ERR_INVALID_PARAMETER, "'%s' cannot answer a completion: %s", bundle->name, task->problem);
}

bool completion_read(struct arena *arena, const struct bundle *bundle, enum task_kind kind, struct json *take_tree,
	size_t size, struct completion *ret, struct input *ret_input, struct error *err)
{
	struct json row = json_object(), question;

	*ret = (struct completion){.kind = kind, .task = &bundle->task};
	if (json_type(take_tree) != JSON_OBJECT)
		return error_set(err, ERR_BAD_REQUEST, "a request is a JSON object, got %s", json_type_name(take_tree));
	if (!check_task(arena, bundle, kind, err) || !check_stream(take_tree, ret, err))
		return false;
	if (!read_question(arena, bundle, take_tree, kind, &question, err)) {
		ret->param = task_question(kind);
		return false;
	}
	json_set(arena, &row, str_of(task_question(kind)), question);
	if (!take_members(arena, bundle, take_tree, &row, ret, err))
		return false;
	read_options(take_tree, ret);
	return input_take_tree(arena, &bundle->signature, &row, size, ret_input, err);
}
