#pragma once
/* JSON that whole completions and streamed ones share. Internal to completion. */
#include "model/chat.h"
#include "model/completion.h"

/* {"id":…,"object":…,"created":…,"model":…, left open. */
void completion_json_head(struct buf *out, const struct completion *completion, const char *object);
/* The value of `usage`: null where a call did not say what it used. */
void completion_json_usage(struct buf *out, const struct completion *completion, const struct batch_usage *usage);
/* ,"custom_outputs":{…}: columns beside the text that are not null; nothing where there is none. */
void completion_json_extras(struct buf *out, const struct completion *completion, const struct json *row);
/* A response's message; without its text while it is not done. */
void completion_json_item(struct buf *out, const struct completion *completion, struct str text, bool is_done);
/* A response; `answer` and `usage` NULL while it is in progress. */
void completion_json_response(struct buf *out, const struct completion *completion,
	const struct completion_answer *answer, const struct batch_usage *usage);
