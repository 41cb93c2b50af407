#pragma once
/*
 * Task: what kind of endpoint a bundle is, and which of its values is the text that such an endpoint answers.
 *
 * MLmodel's `metadata.task` decides, as MLflow and Databricks write it; without one a named input column does: `messages`
 * is a chat, `prompt` (a string) completions, `input` (an array or any) responses. All else are rows.
 *
 * The text is, of the answer's columns: `choices` (responses: `output`), which is the whole answer in the protocol's own
 * shape; else `messages`, of which the last one counts; else the only column of text beside `error` and built-in values;
 * else the first of content, answer, response, text, output_text, output, completion that is one. docs/streaming.md tells
 * the rules to users.
 */
#include "base/arena.h"
#include "base/str.h"

struct bundle;
struct problems;

enum task_kind { TASK_ROWS, TASK_CHAT, TASK_COMPLETIONS, TASK_RESPONSES, TASK_KIND_COUNT };
enum task_answer {
	TASK_NO_TEXT,  /* `problem` says why */
	TASK_TEXT,     /* a column, or the bare value */
	TASK_MESSAGES, /* the content of a column's last message */
	TASK_WHOLE,    /* the row itself is the answer */
};

struct task {
	enum task_kind kind;
	struct str name;  /* MLmodel's; empty: none */
	bool is_declared; /* by it, or by an answer in the protocol's own shape: not by a column's name alone */
	enum task_answer answer;
	struct str column;     /* of the text; data is NULL where the answer is the bare value */
	const char *problem;   /* of TASK_NO_TEXT */
	struct str error;      /* the column that carries a row's error; empty: none */
	size_t step;           /* the language model's step that the text is, TASK_NO_STEP: none or not word by word */
};
#define TASK_NO_STEP SIZE_MAX

/* On `arena`, which must live as long as the task. The bundle's config is linked. */
void task_find(struct arena *arena, const struct bundle *bundle, struct task *ret);
/* What packing tells: a bundle that says it is a chat and cannot answer one. */
void task_check(const struct bundle *bundle, struct problems *problems);
/* The member of a request, and of a row, that asks: "messages", "prompt", "input"; NULL of rows. */
const char *task_question(enum task_kind kind);
/* "a chat (task 'agent/v1/chat')", "rows (no task)": for messages. */
const char *task_tell(struct arena *arena, const struct task *task);
