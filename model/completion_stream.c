/*
 * A completion in pieces, as server-sent events with data alone: mlflow's client takes no other lines, and OpenAI's finds
 * the type of a response's event in its JSON.
 */
#include "model/completion.h"

#include "model/completion_json.h"

static void begin(struct buf *out)
{
	buf_add_text(out, "data: ");
}

static void end(struct buf *out)
{
	buf_add_text(out, "\n\n");
}

void completion_write_event(struct buf *out, struct str json)
{
	begin(out);
	buf_add_str(out, json);
	end(out);
}

/* Chat completions and completions */

static void begin_chunk(struct buf *out, const struct completion *completion)
{
	const bool is_chat = completion->kind == TASK_CHAT;

	begin(out);
	completion_json_head(out, completion, is_chat ? "chat.completion.chunk" : "text_completion");
	buf_add_text(out, is_chat ? ",\"choices\":[{\"index\":0,\"delta\":" : ",\"choices\":[{\"index\":0,\"text\":");
}

static void end_choice(struct buf *out, const struct completion *completion, struct str reason)
{
	buf_add_text(out, completion->kind == TASK_CHAT ? ",\"finish_reason\":" : ",\"logprobs\":null,\"finish_reason\":");
	if (reason.len > 0)
		json_write_string(out, reason);
	else
		buf_add_text(out, "null");
	buf_add_text(out, "}]");
}

static void end_chunk(struct buf *out, const struct completion *completion)
{
	/* Where it is asked for, all chunks have the member. */
	if (completion->wants_usage)
		buf_add_text(out, ",\"usage\":null");
	buf_add_char(out, '}');
	end(out);
}

static void write_delta(struct buf *out, const struct completion *completion, struct str text)
{
	begin_chunk(out, completion);
	if (completion->kind == TASK_CHAT)
		buf_add_text(out, "{\"content\":");
	json_write_string(out, text);
	if (completion->kind == TASK_CHAT)
		buf_add_char(out, '}');
	end_choice(out, completion, (struct str){0});
	end_chunk(out, completion);
}

static void write_role(struct buf *out, const struct completion *completion)
{
	if (completion->kind != TASK_CHAT)
		return;
	begin_chunk(out, completion);
	buf_add_text(out, "{\"role\":\"assistant\",\"content\":\"\"}");
	end_choice(out, completion, (struct str){0});
	end_chunk(out, completion);
}

/* In a chunk each call says which one of the message's it is. */
static void write_tool_calls(struct buf *out, const struct completion *completion, const struct json *calls)
{
	begin_chunk(out, completion);
	buf_add_text(out, "{\"tool_calls\":[");
	for (size_t i = 0; i < calls->size; i++) {
		const struct json *call = &calls->items[i];

		buf_printf(out, "%s{\"index\":%zu", i > 0 ? "," : "", i);
		for (size_t j = 0; json_type(call) == JSON_OBJECT && j < call->size; j++) {
			if (str_is(json_str(&call->members[j].key), "index"))
				continue;
			buf_add_char(out, ',');
			json_write_string(out, json_str(&call->members[j].key));
			buf_add_char(out, ':');
			json_write(out, &call->members[j].value);
		}
		buf_add_char(out, '}');
	}
	buf_add_text(out, "]}");
	end_choice(out, completion, (struct str){0});
	end_chunk(out, completion);
}

static void write_finish(struct buf *out, const struct completion *completion, const struct completion_answer *answer)
{
	begin_chunk(out, completion);
	buf_add_text(out, completion->kind == TASK_CHAT ? "{}" : "\"\"");
	end_choice(out, completion, answer->finish_reason);
	completion_json_extras(out, completion, &answer->row);
	end_chunk(out, completion);
}

static void write_usage(struct buf *out, const struct completion *completion, const struct batch_usage *usage)
{
	begin(out);
	completion_json_head(
		out, completion, completion->kind == TASK_CHAT ? "chat.completion.chunk" : "text_completion");
	buf_add_text(out, ",\"choices\":[],\"usage\":");
	completion_json_usage(out, completion, usage);
	buf_add_char(out, '}');
	end(out);
}

/* Responses: https://platform.openai.com/docs/api-reference/responses-streaming */

static void begin_typed(struct buf *out, struct completion *completion, const char *type)
{
	begin(out);
	buf_printf(out, "{\"type\":\"%s\",\"sequence_number\":%u", type, completion->sequence++);
}

static void end_typed(struct buf *out)
{
	buf_add_char(out, '}');
	end(out);
}

static void write_response(struct buf *out, struct completion *completion, const char *type,
	const struct completion_answer *answer, const struct batch_usage *usage)
{
	begin_typed(out, completion, type);
	buf_add_text(out, ",\"response\":");
	completion_json_response(out, completion, answer, usage);
	end_typed(out);
}

static void write_item(struct buf *out, struct completion *completion, const char *type, struct str text, bool is_done)
{
	begin_typed(out, completion, type);
	buf_add_text(out, ",\"output_index\":0,\"item\":");
	completion_json_item(out, completion, text, is_done);
	end_typed(out);
}

static void begin_part(struct buf *out, struct completion *completion, const char *type)
{
	begin_typed(out, completion, type);
	buf_printf(out, ",\"item_id\":\"msg_%s\",\"output_index\":0,\"content_index\":0", completion->uid);
}

static void write_part(struct buf *out, struct completion *completion, const char *type, struct str text)
{
	begin_part(out, completion, type);
	buf_add_text(out, ",\"part\":{\"type\":\"output_text\",\"text\":");
	json_write_string(out, text);
	buf_add_text(out, ",\"annotations\":[]}");
	end_typed(out);
}

static void write_text(struct buf *out, struct completion *completion, const char *type, const char *member,
	struct str text)
{
	begin_part(out, completion, type);
	buf_printf(out, ",\"logprobs\":[],\"%s\":", member);
	json_write_string(out, text);
	end_typed(out);
}

static void write_response_head(struct buf *out, struct completion *completion)
{
	write_response(out, completion, "response.created", NULL, NULL);
	if (completion->task->answer == TASK_WHOLE)
		return;
	write_item(out, completion, "response.output_item.added", (struct str){0}, false);
	write_part(out, completion, "response.content_part.added", STR(""));
}

/* Items of the bundle's own come one by one, whole. */
static void write_own_items(struct buf *out, struct completion *completion, const struct json *items)
{
	for (size_t i = 0; json_type(items) == JSON_ARRAY && i < items->size; i++) {
		static const char *const TYPES[] = {"response.output_item.added", "response.output_item.done"};

		for (size_t j = 0; j < 2; j++) {
			begin_typed(out, completion, TYPES[j]);
			buf_printf(out, ",\"output_index\":%zu,\"item\":", i);
			json_write(out, &items->items[i]);
			end_typed(out);
		}
	}
}

static void write_response_end(struct buf *out, struct completion *completion, const struct completion_answer *answer,
	const struct batch_usage *usage)
{
	if (completion->task->answer == TASK_WHOLE) {
		write_own_items(out, completion, json_get(&answer->row, STR("output")));
	} else {
		write_text(out, completion, "response.output_text.done", "text", answer->text);
		write_part(out, completion, "response.content_part.done", answer->text);
		write_item(out, completion, "response.output_item.done", answer->text, true);
	}
	write_response(out, completion, "response.completed", answer, usage);
}

/* mlflow.types.agent.ChatAgentChunk */
static void write_agents_messages(struct buf *out, const struct completion *completion,
	const struct completion_answer *answer)
{
	const struct json *messages = json_get(&answer->row, completion->task->column);

	for (size_t i = 0; json_type(messages) == JSON_ARRAY && i < messages->size; i++) {
		begin(out);
		buf_add_text(out, "{\"delta\":");
		json_write(out, &messages->items[i]);
		buf_add_char(out, '}');
		end(out);
	}
}

void completion_write_head(struct buf *out, struct completion *completion)
{
	if (completion->is_agents)
		return;
	if (completion->kind == TASK_RESPONSES)
		write_response_head(out, completion);
	else
		write_role(out, completion);
}

void completion_write_text(struct buf *out, struct completion *completion, struct str text)
{
	if (completion->kind == TASK_RESPONSES)
		write_text(out, completion, "response.output_text.delta", "delta", text);
	else
		write_delta(out, completion, text);
}

void completion_write_end(struct buf *out, struct completion *completion, const struct completion_answer *answer,
	const struct batch_usage *usage)
{
	if (completion->is_agents) {
		write_agents_messages(out, completion, answer);
	} else if (completion->kind == TASK_RESPONSES) {
		write_response_end(out, completion, answer, usage);
	} else {
		if (answer->tool_calls != NULL)
			write_tool_calls(out, completion, answer->tool_calls);
		write_finish(out, completion, answer);
		if (completion->wants_usage)
			write_usage(out, completion, usage);
	}
	completion_write_event(out, STR("[DONE]"));
}
