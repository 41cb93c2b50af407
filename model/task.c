#include "model/task.h"

#include "model/bundle.h"
#include "model/run_builtin.h"
#include "model/run_output.h"

static const struct {
	const char *question, *whole, *title, *path;
} KINDS[TASK_KIND_COUNT] = {
	[TASK_ROWS] = {NULL, NULL, "rows", "…/invocations"},
	[TASK_CHAT] = {"messages", "choices", "a chat", "…/chat/completions"},
	[TASK_COMPLETIONS] = {"prompt", "choices", "completions", "…/completions"},
	[TASK_RESPONSES] = {"input", "output", "responses", "…/responses"},
};

/* mlflow/pyfunc/model.py (ChatModel, ChatAgent, ResponsesAgent), mlflow/openai and mlflow/transformers (llm/v1/…). */
static const struct {
	const char *name;
	enum task_kind kind;
} NAMES[] = {
	{"llm/v1/chat", TASK_CHAT},
	{"agent/v1/chat", TASK_CHAT},
	{"agent/v2/chat", TASK_CHAT},
	{"llm/v1/completions", TASK_COMPLETIONS},
	{"agent/v1/responses", TASK_RESPONSES},
};

const char *task_question(enum task_kind kind)
{
	return KINDS[kind].question;
}

const char *task_tell(struct arena *arena, const struct task *task)
{
	if (task->name.len > 0)
		return arena_printf(arena, "%s (MLmodel's metadata.task is '%.*s'): ask %s", KINDS[task->kind].title,
			STR_ARGS(task->name), KINDS[task->kind].path);
	return arena_printf(arena, "%s (MLmodel names no metadata.task): ask %s", KINDS[task->kind].title,
		KINDS[task->kind].path);
}

static bool find_by_name(struct task *task)
{
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		if (!str_is(task->name, NAMES[i].name))
			continue;
		task->kind = NAMES[i].kind;
		task->is_declared = true;
		return true;
	}
	/* Embeddings, classification: their inputs may be called `input` or `prompt` all the same. */
	return task->name.len > 0;
}

static enum task_kind kind_of_column(const struct sig_property *column)
{
	const enum sig_type type = column->node.type;
	const bool is_list = type == SIG_ARRAY || type == SIG_ANY;

	if (str_is(column->name, "messages") && is_list)
		return TASK_CHAT;
	if (str_is(column->name, "input") && is_list)
		return TASK_RESPONSES;
	return str_is(column->name, "prompt") && type == SIG_STRING ? TASK_COMPLETIONS : TASK_ROWS;
}

static void find_by_columns(const struct sig_schema *inputs, struct task *task)
{
	const bool is_named = inputs->is_declared && inputs->is_named && !inputs->is_tensor;

	for (size_t i = 0; is_named && i < inputs->count && task->kind == TASK_ROWS; i++)
		task->kind = kind_of_column(&inputs->columns[i]);
}

/* What the answer's columns are; a built-in value is no text of the model's. */
struct columns {
	const struct run_column *items;
	size_t count;
};

static bool is_text(const struct run_column *column)
{
	const bool can_hold = column->node == NULL || column->node->type == SIG_STRING || column->node->type == SIG_ANY;

	return can_hold && !column->is_error && !run_is_builtin(column->path);
}

static const struct run_column *find_column(const struct columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->count; i++)
		if (str_is(columns->items[i].name, name))
			return &columns->items[i];
	return NULL;
}

static const struct run_column *find_text(const struct columns *columns)
{
	static const char *const NAMES_OF_TEXT[] = {
		"content", "answer", "response", "text", "output_text", "output", "completion"};
	const struct run_column *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < columns->count; i++) {
		if (!is_text(&columns->items[i]))
			continue;
		found = &columns->items[i];
		count++;
	}
	if (count == 1)
		return found;
	for (size_t i = 0; i < sizeof(NAMES_OF_TEXT) / sizeof(*NAMES_OF_TEXT); i++) {
		found = find_column(columns, NAMES_OF_TEXT[i]);
		if (found != NULL && is_text(found))
			return found;
	}
	return NULL;
}

/* Only a step whose value is the model's text as it comes: no schema that could send it back. */
static size_t find_step(const struct config *config, struct str path)
{
	const struct step_spec *steps = config->steps.items;

	for (size_t i = 0; i < config->steps.count; i++)
		if (str_eq(steps[i].name, path))
			return steps[i].type == STEP_LLM && steps[i].llm.schema == NULL ? i : TASK_NO_STEP;
	return TASK_NO_STEP;
}

static void find_answer(const struct bundle *bundle, const struct columns *columns, bool is_bare, struct task *task)
{
	const struct run_column *column = find_column(columns, KINDS[task->kind].whole);

	if (bundle->config.steps.count == 0) {
		task->problem = "the bundle has no steps: it answers its inputs";
		return;
	}
	if (column != NULL && (column->node == NULL || !sig_type_is_scalar(column->node->type))) {
		task->answer = TASK_WHOLE;
		task->is_declared = true;
		return;
	}
	column = find_column(columns, "messages");
	if (column != NULL && !is_bare) {
		task->answer = TASK_MESSAGES;
		task->column = column->name;
		return;
	}
	column = find_text(columns);
	if (column == NULL) {
		task->problem = "none of its output columns is the answer's text: let there be one string column, or one "
				"named content";
		return;
	}
	task->answer = TASK_TEXT;
	task->column = is_bare ? (struct str){0} : column->name;
	task->step = find_step(&bundle->config, column->path);
}

void task_find(struct arena *arena, const struct bundle *bundle, struct task *ret)
{
	struct columns columns = {0};
	struct task task = {.step = TASK_NO_STEP};
	bool is_bare = false;

	task.name = json_str(json_at(&bundle->mlmodel, STR("metadata.task")));
	if (!find_by_name(&task))
		find_by_columns(&bundle->signature.inputs, &task);
	if (task.kind != TASK_ROWS) {
		columns.items = run_columns(arena, bundle, &columns.count, &is_bare);
		for (size_t i = 0; i < columns.count; i++)
			if (columns.items[i].is_error)
				task.error = columns.items[i].name;
		find_answer(bundle, &columns, is_bare, &task);
	}
	*ret = task;
}

static bool has_question(const struct sig_schema *inputs, const char *name)
{
	for (size_t i = 0; inputs->is_named && i < inputs->count; i++)
		if (str_is(inputs->columns[i].name, name))
			return true;
	return !inputs->is_declared;
}

void task_check(const struct bundle *bundle, struct problems *problems)
{
	const struct task *task = &bundle->task;
	const char *question = task_question(task->kind);

	if (!task->is_declared || bundle->config.steps.count == 0)
		return;
	if (!has_question(&bundle->signature.inputs, question))
		problems_add(problems, "MLmodel", 0, "metadata.task",
			"'%.*s' asks by '%s', but the signature has no such input column", STR_ARGS(task->name), question);
	if (task->answer == TASK_NO_TEXT)
		problems_add(problems, "MLmodel", 0, "metadata.task", "'%.*s' answers a text, but %s", STR_ARGS(task->name),
			task->problem);
}
