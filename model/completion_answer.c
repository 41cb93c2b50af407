/* A row's answer as a whole completion. In pieces: completion_stream.c. */
#include "model/completion.h"

#include "model/batch.h"
#include "model/completion_json.h"
#include "model/seam.h"

#include <stdio.h>

void completion_begin(struct completion *completion, const struct seam *seam, struct str model)
{
	const unsigned long long a = seam->random(seam->data), b = seam->random(seam->data);

	snprintf(completion->uid, sizeof(completion->uid), "%016llx%08llx", a, b >> 32);
	completion->created_s = seam->now_us(seam->data) / 1000000;
	completion->model = model;
}

/* Reading a row */

static const struct json *last_item(const struct json *list)
{
	return json_type(list) == JSON_ARRAY && list->size > 0 ? &list->items[list->size - 1] : NULL;
}

static struct str as_text(struct arena *arena, const struct json *value)
{
	struct buf text = {0};
	struct str copy;

	if (json_type(value) == JSON_STRING)
		return json_str(value);
	json_write(&text, value);
	copy = (struct str){arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static const struct json *find_message(const struct completion *completion, const struct json *row)
{
	const struct task *task = completion->task;

	if (task->answer == TASK_MESSAGES)
		return last_item(json_get(row, task->column));
	if (completion->kind == TASK_RESPONSES)
		return last_item(json_get(row, STR("output")));
	return json_at(row, STR("choices.0.message"));
}

static bool read_message(struct arena *arena, const struct completion *completion, const struct json *row,
	struct completion_answer *ret, struct error *err)
{
	const struct json *message = find_message(completion, row);
	const struct json *content = json_get(message, STR("content"));

	ret->tool_calls = json_get(message, STR("tool_calls"));
	if (json_type(ret->tool_calls) != JSON_ARRAY || ret->tool_calls->size == 0)
		ret->tool_calls = NULL;
	if (completion->kind == TASK_COMPLETIONS)
		content = json_at(row, STR("choices.0.text"));
	if (chat_parts_text(arena, content, &ret->text))
		return true;
	ret->text = json_str(content);
	if (json_type(row) != JSON_OBJECT)
		return error_set(err, ERR_BAD_REQUEST, "the answer is %s, no row", json_type_name(row));
	if (json_type(content) == JSON_STRING || ret->tool_calls != NULL || completion->task->answer == TASK_WHOLE)
		return true;
	return error_set(err, ERR_BAD_REQUEST, "the answer has no message with text");
}

bool completion_answer_read(struct arena *arena, const struct completion *completion, const struct json *row,
	struct completion_answer *ret, struct error *err)
{
	const struct task *task = completion->task;
	const struct json *text = task->column.data != NULL ? json_get(row, task->column) : row;
	const struct str reason = json_str(json_at(row, STR("choices.0.finish_reason")));
	const struct str own_reason = json_str(json_get(row, STR("finish_reason")));

	*ret = (struct completion_answer){.finish_reason = reason.len > 0 ? reason : own_reason, .row = *row};
	if (ret->finish_reason.len == 0)
		ret->finish_reason = STR("stop");
	if (completion->is_agents)
		return true;
	if (task->answer != TASK_TEXT)
		return read_message(arena, completion, row, ret, err);
	if (text == NULL || json_type(text) == JSON_NULL)
		return error_set(err, ERR_BAD_REQUEST, "the row has no answer: its column '%.*s' is null",
			STR_ARGS(task->column));
	ret->text = as_text(arena, text);
	return true;
}

/* Writing */

void completion_json_usage(struct buf *out, const struct completion *completion, const struct batch_usage *usage)
{
	const bool is_response = completion->kind == TASK_RESPONSES;
	const long long input = (long long)usage->input_tokens, output = (long long)usage->output_tokens;

	/* A part would read as all of it. */
	if (usage->calls_unreported > 0) {
		buf_add_text(out, "null");
		return;
	}
	buf_printf(out, is_response ? "{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},"
				      "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%lld},"
				      "\"total_tokens\":%lld}"
				    : "{\"prompt_tokens\":%lld,\"prompt_tokens_details\":{\"cached_tokens\":%lld},"
				      "\"completion_tokens\":%lld,\"completion_tokens_details\":{\"reasoning_tokens\":%lld},"
				      "\"total_tokens\":%lld}",
		input, (long long)usage->cached_tokens, output, (long long)usage->reasoning_tokens, input + output);
}

static bool is_extra(const struct completion *completion, const struct json_member *member)
{
	const struct str name = json_str(&member->key);

	return !str_eq(name, completion->task->column) && !str_eq(name, completion->task->error) &&
	       json_type(&member->value) != JSON_NULL;
}

void completion_json_extras(struct buf *out, const struct completion *completion, const struct json *row)
{
	size_t count = 0;

	if (completion->task->answer != TASK_TEXT || completion->task->column.data == NULL)
		return;
	for (size_t i = 0; i < row->size; i++) {
		if (!is_extra(completion, &row->members[i]))
			continue;
		buf_add_text(out, count++ == 0 ? ",\"custom_outputs\":{" : ",");
		json_write_string(out, json_str(&row->members[i].key));
		buf_add_char(out, ':');
		json_write(out, &row->members[i].value);
	}
	if (count > 0)
		buf_add_char(out, '}');
}

void completion_json_head(struct buf *out, const struct completion *completion, const char *object)
{
	static const char *const PREFIXES[TASK_KIND_COUNT] = {"", "chatcmpl-", "cmpl-", "resp_"};

	buf_printf(out, "{\"id\":\"%s%s\",\"object\":\"%s\",\"%s\":%lld,\"model\":", PREFIXES[completion->kind],
		completion->uid, object,
		completion->kind == TASK_RESPONSES ? "created_at" : "created", (long long)completion->created_s);
	json_write_string(out, completion->model);
}

void completion_json_item(struct buf *out, const struct completion *completion, struct str text, bool is_done)
{
	buf_printf(out, "{\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"%s\",\"content\":[",
		completion->uid, is_done ? "completed" : "in_progress");
	if (is_done) {
		buf_add_text(out, "{\"type\":\"output_text\",\"text\":");
		json_write_string(out, text);
		buf_add_text(out, ",\"annotations\":[]}");
	}
	buf_add_text(out, "]}");
}

void completion_json_response(struct buf *out, const struct completion *completion,
	const struct completion_answer *answer, const struct batch_usage *usage)
{
	const struct json *own = answer != NULL && completion->task->answer == TASK_WHOLE
					 ? json_get(&answer->row, STR("output"))
					 : NULL;

	completion_json_head(out, completion, "response");
	buf_printf(out, ",\"status\":\"%s\",\"error\":null,\"incomplete_details\":null,\"instructions\":null,\"metadata\":",
		answer != NULL ? "completed" : "in_progress");
	json_write(out, &completion->metadata);
	buf_add_text(out, ",\"parallel_tool_calls\":false,\"temperature\":null,\"tool_choice\":\"auto\",\"tools\":[],"
			  "\"top_p\":null,\"output\":");
	if (own != NULL) {
		json_write(out, own);
	} else {
		buf_add_char(out, '[');
		if (answer != NULL)
			completion_json_item(out, completion, answer->text, true);
		buf_add_char(out, ']');
	}
	if (answer != NULL)
		completion_json_extras(out, completion, &answer->row);
	buf_add_text(out, ",\"usage\":");
	if (usage != NULL)
		completion_json_usage(out, completion, usage);
	else
		buf_add_text(out, "null");
	buf_add_char(out, '}');
}

/* A whole answer of the bundle's own: only what is missing is added. */
static void write_own(struct buf *out, const struct completion *completion, const struct json *row,
	const struct batch_usage *usage)
{
	static const char *const OURS[] = {"id", "object", "created", "model", "usage"};
	const bool has_usage = json_type(json_get(row, STR("usage"))) == JSON_OBJECT;

	completion_json_head(out, completion, completion->kind == TASK_CHAT ? "chat.completion" : "text_completion");
	for (size_t i = 0; i < row->size; i++) {
		const struct str name = json_str(&row->members[i].key);
		bool is_ours = false;

		for (size_t j = 0; j < sizeof(OURS) / sizeof(*OURS); j++)
			is_ours |= str_is(name, OURS[j]);
		if (is_ours && !(has_usage && str_is(name, "usage")))
			continue;
		buf_add_char(out, ',');
		json_write_string(out, name);
		buf_add_char(out, ':');
		json_write(out, &row->members[i].value);
	}
	if (!has_usage) {
		buf_add_text(out, ",\"usage\":");
		completion_json_usage(out, completion, usage);
	}
	buf_add_char(out, '}');
}

void completion_write(struct buf *out, const struct completion *completion, const struct completion_answer *answer,
	const struct batch_usage *usage)
{
	const bool is_chat = completion->kind == TASK_CHAT;

	if (completion->is_agents) {
		json_write(out, &answer->row);
		return;
	}
	if (completion->kind == TASK_RESPONSES) {
		completion_json_response(out, completion, answer, usage);
		return;
	}
	if (completion->task->answer == TASK_WHOLE) {
		write_own(out, completion, &answer->row, usage);
		return;
	}
	completion_json_head(out, completion, is_chat ? "chat.completion" : "text_completion");
	buf_add_text(out, is_chat ? ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
				  : ",\"choices\":[{\"index\":0,\"text\":");
	if (answer->text.data != NULL)
		json_write_string(out, answer->text);
	else
		buf_add_text(out, "null");
	if (answer->tool_calls != NULL) {
		buf_add_text(out, ",\"tool_calls\":");
		json_write(out, answer->tool_calls);
	}
	buf_add_text(out, is_chat ? "},\"logprobs\":null,\"finish_reason\":" : ",\"logprobs\":null,\"finish_reason\":");
	json_write_string(out, answer->finish_reason);
	buf_add_text(out, "}],\"usage\":");
	completion_json_usage(out, completion, usage);
	completion_json_extras(out, completion, &answer->row);
	buf_add_char(out, '}');
}
