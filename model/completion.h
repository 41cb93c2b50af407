#pragma once
/*
 * Completion: a request in the shape of OpenAI's chat completions, completions or responses as a row of a bundle, and
 * that row's answer in the same shape, whole or in pieces. docs/streaming.md tells the rules.
 *
 * Nothing of a request is silently ignored: a member is the bundle's (an input column, a param, a default), or harmless
 * (what clients send along, and values that say nothing), or refused by name.
 */
#include "model/input.h"
#include "model/task.h"

struct batch_usage;
struct seam;

struct completion {
	enum task_kind kind;
	const struct task *task;
	struct str model;       /* as answers name it */
	char uid[25];           /* of the answer, with its protocol's prefix */
	int64_t created_s;
	struct json metadata;   /* of a response, which repeats it */
	unsigned sequence;      /* of a response's events */
	bool is_agents;         /* ChatAgent's own shape: the row, or its messages one by one; set behind completion_read() */
	bool is_stream;
	bool wants_usage;       /* a chunk of its own at the stream's end */
	const char *param;      /* what an error of completion_read() is about; NULL: the request */
};

/* Whether a request is for rows or for this bundle's kind of completion, by its members. */
bool completion_is_asked(const struct bundle *bundle, const struct json *tree);
/* `tree` of `size` bytes of JSON is taken over, and becomes *ret_input, one row. ERR_INVALID_PARAMETER, ERR_BAD_REQUEST. */
bool completion_read(struct arena *arena, const struct bundle *bundle, enum task_kind kind, struct json *take_tree,
	size_t size, struct completion *ret, struct input *ret_input, struct error *err);
/* Gives the answer its identity: before anything is written. */
void completion_begin(struct completion *completion, const struct seam *seam, struct str model);

/* What a row's answer says. `text` is data NULL where there is none: the message has calls of tools instead. */
struct completion_answer {
	struct str text;
	struct str finish_reason;
	struct json row;                /* as the batch answers it */
	const struct json *tool_calls;  /* of a whole answer's message, NULL: none */
};
bool completion_answer_read(struct arena *arena, const struct completion *completion, const struct json *row,
	struct completion_answer *ret, struct error *err);

/* Appends the whole answer. */
void completion_write(struct buf *out, const struct completion *completion, const struct completion_answer *answer,
	const struct batch_usage *usage);

/* The same as a stream: each appends one or more events, `data: …` with an empty line behind it. */
void completion_write_head(struct buf *out, struct completion *completion);
void completion_write_text(struct buf *out, struct completion *completion, struct str text);
/* What is left to say when all of the text was written, and [DONE]. */
void completion_write_end(struct buf *out, struct completion *completion, const struct completion_answer *answer,
	const struct batch_usage *usage);
/* Any JSON, on one line, as an event. */
void completion_write_event(struct buf *out, struct str json);
