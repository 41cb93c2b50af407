/*
 * Step kind "llm": asks a language model; its value is the text, or the JSON that fits the step's
 * schema.
 *
 * ask_model → on_answer → { run_step_done | ask_repair → on_answer }
 */
#include "model/prompt.h"
#include "model/run_builtin.h"
#include "model/schema.h"
#include "model/step.h"

struct llm_state {
	struct chat chat;
	struct llm_call call;
	int64_t repairs; /* asked so far */
};

static struct next ask_model(void *self);
static struct next on_answer(void *self);

/* A template reads the row alone: what it names of the built-in values is there while it is
 * rendered. */
static void add_builtins(struct run *run, const struct template *template)
{
	size_t count;
	const struct template_variable *variables = template_variables(template, &count);

	for (size_t i = 0; i < count; i++) {
		const struct json *value = json_at(&run->row, variables[i].path) == NULL
						   ? run_builtin(run, variables[i].path)
						   : NULL;

		if (value != NULL)
			json_set(&run->arena, &run->row, variables[i].path, *value);
	}
}

static struct str render(struct run *run, const struct template *template)
{
	const size_t size = run->row.size;
	struct buf text = {0};

	add_builtins(run, template);
	template_render(&text, template, &run->row);
	run->row.size = size & JSON_FIELD_MAX;

	const struct str copy = {arena_memdup(&run->arena, text.data, text.len), text.len};

	buf_done(&text);
	return copy;
}

static void on_call_done(void *data, const struct error *err)
{
	struct run *run = data;

	if (err != NULL)
		run->flow.err = *err;
	flow_resume(&run->flow);
}

static struct next ask(struct run *run)
{
	const struct step_spec *step = run_step(run);
	struct llm_state *state = run->step_state;
	const bool is_text = run->step == run->context->tap_step && step->llm.schema == NULL;
	const struct llm_question question = {
		.model = step->llm.model_spec,
		.chat = &state->chat,
		.schema = step->llm.schema,
		.step = step->name,
		.takes_cut = is_text && run->context->tells_cut,
		.tap = is_text ? run->context->tap : NULL,
	};

	error_clear(&run->flow.err);
	llm_start(&state->call, &run->arena, &run->llm, &question, on_call_done, run);
	return next_wait(on_answer);
}

static struct json read_sampling(struct run *run, const struct json *paths)
{
	struct json sampling = json_object();

	for (size_t i = 0; json_type(paths) == JSON_OBJECT && i < paths->size; i++) {
		const struct json *value = run_value(run, json_str(&paths->members[i].value));

		if (value != NULL)
			json_set(&run->arena, &sampling, json_str(&paths->members[i].key), *value);
	}
	return sampling;
}

static struct next ask_model(void *self)
{
	struct run *run = self;
	const struct llm_step *llm = &run_step(run)->llm;
	struct llm_state *state = arena_alloc(&run->arena, sizeof(*state));

	run->step_state = state;
	state->repairs = 0;
	chat_init(&state->chat, &run->arena);
	state->chat.sampling = read_sampling(run, &llm->sampling);
	if (llm->system_template != NULL)
		chat_add(&state->chat, CHAT_SYSTEM, render(run, llm->system_template));
	if (llm->messages.len > 0 &&
		!chat_add_conversation(&state->chat, run_value(run, llm->messages), &run->flow.err))
		return next_fail(&run->flow, "step '%.*s': '%.*s'", STR_ARGS(run_step(run)->name),
			STR_ARGS(llm->messages));
	if (llm->prompt_template != NULL)
		chat_add(&state->chat, CHAT_USER, render(run, llm->prompt_template));
	return ask(run);
}

/* Models like to wrap JSON in a Markdown fence: ```json … ```. */
static struct str unfence(struct str text)
{
	static const struct str FENCE = {"```", 3};

	text = str_trim_space(text);
	if (text.len < 2 * FENCE.len || !str_starts(text, FENCE) || !str_ends(text, FENCE))
		return text;
	text.data += FENCE.len;
	text.len -= 2 * FENCE.len;
	for (; text.len > 0 && *text.data >= 'a' && *text.data <= 'z'; text.len--)
		text.data++;
	return text;
}

static bool read_structured(struct run *run, const struct schema *schema, struct str text,
	struct json *ret, struct error *err)
{
	if (!json_read(&run->arena, unfence(text), ret, err))
		return error_wrap(err, "the answer is no JSON");
	return schema_check(schema, ret, err);
}

/* The model sees its answer and what is wrong with it. */
static struct next ask_repair(struct run *run, const struct error *violations)
{
	struct llm_state *state = run->step_state;
	const char *request = arena_printf(&run->arena,
		"Your answer does not fit the required JSON schema: %s\n"
		"Answer again with the corrected JSON only.",
		violations->text);

	state->repairs++;
	chat_add(&state->chat, CHAT_ASSISTANT, state->call.answer.text);
	chat_add(&state->chat, CHAT_USER, str_of(request));
	return ask(run);
}

static struct next on_answer(void *self)
{
	struct run *run = self;
	const struct step_spec *step = run_step(run);
	const struct llm_state *state = run->step_state;
	const struct str text = state->call.answer.text;
	struct json value = json_string(text);

	if (run->flow.err.code != ERR_NONE)
		return next_fail(&run->flow, "step '%.*s'", STR_ARGS(step->name));
	run->is_cut |= state->call.answer.is_cut;
	if (step->llm.schema == NULL ||
		read_structured(run, step->llm.schema, text, &value, &run->flow.err))
		return run_step_done(run, value);
	if (state->repairs < step->llm.repairs)
		return ask_repair(run, &run->flow.err);
	const bool is_fallback = state->call.first.code != ERR_NONE;
	error_wrap(&run->flow.err, "%s%s '%.*s' missed the answer's schema in %lld answer%s",
		is_fallback ? state->call.first.text : "",
		is_fallback ? "; then its fallback" : "model", STR_ARGS(state->call.model->name),
		(long long)state->repairs + 1, state->repairs == 0 ? "" : "s");
	return next_fail(&run->flow, "step '%.*s'", STR_ARGS(step->name));
}

static void cancel(struct run *run)
{
	struct llm_state *state = run->step_state;

	llm_cancel(&state->call);
}

static void tell(const struct run *run, char *ret, size_t size)
{
	const struct llm_state *state = run->step_state;

	llm_tell(&state->call, ret, size);
}

const struct step_kind STEP_KIND_LLM = {
	.name = "llm",
	.start = ask_model,
	.cancel = cancel,
	.tell = tell,
};
