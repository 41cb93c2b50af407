#pragma once
/*
 * Chat: a conversation with a language model in the OpenAI chat-completions protocol: messages, the
 * request body that asks for the next one, and the reply. The shapes that compatible endpoints
 * answer are listed at chat_reply_read().
 */
#include "model/usage.h"

struct schema;

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLE_COUNT };

struct chat_message {
	enum chat_role role;
	struct str text;
};

struct chat {
	struct arena *arena;
	struct json sampling; /* parameter → value, of a request: set by whoever makes the chat; JSON_ABSENT: none */
	struct chat_message *messages;
	unsigned count, cap;
};

void chat_init(struct chat *chat, struct arena *arena);
/* `text` must outlive the chat. */
void chat_add(struct chat *chat, enum chat_role role, struct str text);
const char *chat_role_name(enum chat_role role);
/* Adds a conversation as requests have it: a list of {"role":…,"content":…}. Roles: system or developer, user,
 * assistant. Content: text, or parts of text (text, input_text, output_text). System messages at the beginning become
 * one with the chat's own, behind an empty line: most endpoints take one only. `name` and `id` are not sent. False where
 * something is neither (images, tool calls, other roles): ERR_INVALID_PARAMETER names the message. */
bool chat_add_conversation(struct chat *chat, const struct json *messages, struct error *err);
/* The text of a list whose parts are all text; false where `content` is anything else. */
bool chat_parts_text(struct arena *arena, const struct json *content, struct str *ret);

/* What a part of a reply's content says, or an empty str: lists hold reasoning, images and tool calls beside text. */
struct str chat_part_text(const struct json *part);

/* Appends the request body. `schema` asks for structured output under the name `step`; NULL: text.
 * `is_streamed` asks for events, with the usage at their end. */
void chat_write_request(struct buf *out, const struct chat *chat, const struct model_spec *model,
	const struct schema *schema, struct str step, bool is_streamed);
/* The sampling parameters of a request by name: what the chat says, else what the model has; those that neither does are
 * left out. For the body and for recordings. */
struct json chat_sampling(struct arena *arena, const struct chat *chat, const struct model_spec *model);
/* Whether there is such a parameter. */
bool chat_is_sampling(struct str name);

struct chat_reply {
	struct str text;
	bool is_cut;        /* at its token limit */
	struct usage usage; /* also set where reading failed, if the reply had one */
};

/*
 * Reads a reply's body. The message's `content` is text, or a list of parts: text,
 * {"type":"text","text":…},
 * {"type":"output_text","text":…}; parts of other types (reasoning, thinking) are skipped.
 * Databricks: `content` at the top level, as Anthropic's messages API answers, is read the same
 * way, as is a choice's plain `text`.
 *
 * ERR_UPSTREAM: no JSON, an error object inside a 200, no choices, a refusal, no text, an answer
 * cut at its token limit (finish_reason length), unless `takes_cut`, or by a content filter. Messages quote the reply
 * without `secret`, and the text is without it, too, where it is strong: what is made of the text
 * (values, violations of a schema, the next prompt) needs no care then.
 */
bool chat_reply_read(struct chat_reply *ret, struct arena *arena, struct str body,
	struct secret secret, bool takes_cut, struct error *err);

/* What an upstream's body says, for a message: its error text where it is a known shape, else its
 * beginning; one line of valid UTF-8, at most CHAT_EXCERPT_MAX bytes, without `secret`. */
enum { CHAT_EXCERPT_MAX = 200 };
struct str chat_excerpt(struct arena *arena, struct str body, struct secret secret);
