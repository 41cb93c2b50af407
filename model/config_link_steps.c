/* Steps, in the order in which a run goes: what each refers to, and what it can read when its turn
 * comes. */
#include "model/config_link.h"

#include "model/chat.h"
#include "model/prompt.h"
#include "model/prompt_lock.h"
#include "model/schema.h"

static void declare_step(
	struct linker *linker, const struct json *tree, const struct step_spec *step)
{
	const struct scope_name *taken = scope_find(&linker->scope, step->name);

	if (!linker_check_name(linker, tree, step->name))
		return;
	if (taken == NULL) {
		scope_add(&linker->scope,
			(struct scope_name){
				.name = step->name, .origin = SCOPE_STEP, .is_later = true});
		return;
	}
	decode_problem(linker->decoder, linker_member(tree, "name"),
		taken->origin == SCOPE_STEP ? "name: a second %s '%.*s'"
					    : "name: taken by the %s '%.*s'",
		scope_origin_name(taken->origin), STR_ARGS(step->name));
}

static void check_variables(
	struct linker *linker, const struct template *template, const struct step_spec *step)
{
	size_t count = 0;
	const struct template_variable *variables = template_variables(template, &count);
	const char *why = NULL;

	for (size_t i = 0; i < count && linker->decoder->problems->count < PROBLEMS_MAX; i++)
		if (!scope_knows(&linker->scope, variables[i].path, &why))
			problems_add(linker->decoder->problems,
				arena_strdup(linker->decoder->problems->arena, variables[i].file),
				variables[i].line,
				arena_printf(linker->decoder->arena, "{{%.*s}}",
					STR_ARGS(variables[i].path)),
				"%s, in step '%.*s'", why, STR_ARGS(step->name));
}

static const char *list_prompts(struct linker *linker, const char *const *names)
{
	enum { LISTED_MAX = 8 };
	struct buf list = {0};

	for (size_t i = 0; names[i] != NULL && i <= LISTED_MAX; i++)
		buf_printf(&list, "%s%s", i == 0 ? "; prompts here: " : ", ",
			i == LISTED_MAX ? "…" : names[i]);
	const char *text = linker_text(linker, buf_str(&list));
	buf_done(&list);
	return text;
}

/* Where it was looked for, and what is there. */
static void tell_unknown_prompt(struct linker *linker, const struct json *where, struct str name)
{
	static const struct str txt = {".txt", 4};
	const char *place = prompts_place(linker->prompts);
	const size_t count = prompts_count(linker->prompts);
	const char **names = arena_array(linker->decoder->arena, count + 1, sizeof(*names));
	const struct str stem = {name.data, str_ends(name, txt) ? name.len - txt.len : name.len};
	struct buf text = {0};

	for (size_t i = 0; i < count; i++)
		names[i] = linker_text(linker, template_name(prompts_at(linker->prompts, i)));
	names[count] = NULL;
	const char *nearest = decode_nearest(name, names);

	buf_printf(&text, "unknown prompt '%.*s'", STR_ARGS(name));
	if (stem.len < name.len && prompts_get(linker->prompts, stem) != NULL)
		buf_printf(&text, ": write '%.*s', without .txt", STR_ARGS(stem));
	else if (nearest != NULL)
		buf_printf(&text, ", did you mean '%s'?", nearest);
	else if (place == NULL)
		buf_printf(&text, ": no prompts/%.*s.txt, and no prompts at all", STR_ARGS(stem));
	else if (str_ends(str_of(place), STR("/")))
		buf_printf(&text, ": no %s%.*s.txt%s", place, STR_ARGS(stem),
			list_prompts(linker, names));
	else
		buf_printf(&text, ": not in %s%s", place, list_prompts(linker, names));
	decode_problem(linker->decoder, where, "%s", buf_text(&text));
	buf_done(&text);
}

static const struct template *link_template(struct linker *linker, const struct json *tree,
	const char *key, struct str name, const struct step_spec *step)
{
	const struct template *template = prompts_get(linker->prompts, name);

	if (template != NULL) {
		check_variables(linker, template, step);
		return template;
	}
	decode_enter(linker->decoder, key);
	if (prompt_is_remote(name))
		decode_problem(linker->decoder, linker_member(tree, key),
			"'%.*s' is kept by a registry, and not pinned yet: 'sluice pack' takes its text into the bundle",
			STR_ARGS(name));
	else
		tell_unknown_prompt(linker, linker_member(tree, key), name);
	decode_leave(linker->decoder);
	return NULL;
}

static void check_sampling(struct linker *linker, const struct json *sampling)
{
	decode_enter(linker->decoder, "sampling");
	for (size_t i = 0; json_type(sampling) == JSON_OBJECT && i < sampling->size; i++) {
		const struct json_member *member = &sampling->members[i];
		const struct str name = json_str(&member->key);

		decode_enter(linker->decoder, linker_text(linker, name));
		if (!chat_is_sampling(name))
			decode_problem(linker->decoder, &member->key,
				"unknown parameter '%.*s' (temperature, top_p, max_tokens, seed, stop)", STR_ARGS(name));
		else if (json_type(&member->value) != JSON_STRING)
			decode_problem(linker->decoder, &member->value, "expected a dotted path, got %s",
				json_type_name(&member->value));
		else
			linker_check_path(linker, &member->value, json_str(&member->value));
		decode_leave(linker->decoder);
	}
	decode_leave(linker->decoder);
}

static void link_llm(struct linker *linker, const struct json *tree, struct step_spec *step)
{
	struct decoder *decoder = linker->decoder;
	struct llm_step *llm = &step->llm;

	if (json_type(tree) != JSON_OBJECT)
		return;
	decode_enter(decoder, "llm");
	llm->model_spec = config_model(linker->config, llm->model);
	if (llm->model_spec == NULL && llm->model.len > 0)
		linker_unknown(linker, tree, "model", "model", llm->model, &linker->config->models,
			sizeof(struct model_spec));
	if (llm->prompt.len > 0)
		llm->prompt_template = link_template(linker, tree, "prompt", llm->prompt, step);
	if (llm->system.len > 0)
		llm->system_template = link_template(linker, tree, "system", llm->system, step);
	check_sampling(linker, &llm->sampling);
	if (llm->messages.len > 0) {
		decode_enter(decoder, "messages");
		linker_check_path(linker, linker_member(tree, "messages"), llm->messages);
		decode_leave(decoder);
	}
	if (json_type(&llm->output) == JSON_OBJECT) {
		decode_enter(decoder, "output");
		llm->schema = schema_compile(decoder, &llm->output);
		decode_leave(decoder);
	}
	decode_leave(decoder);
}

static void check_argument(
	struct linker *linker, const struct tool_spec *tool, const struct json_member *argument)
{
	const struct str name = json_str(&argument->key);

	decode_enter(linker->decoder, linker_text(linker, name));
	if (tool->parameters_schema != NULL && !schema_knows(tool->parameters_schema, name))
		decode_problem(linker->decoder, &argument->key,
			"tool '%.*s' has no parameter '%.*s'", STR_ARGS(tool->name),
			STR_ARGS(name));
	if (json_type(&argument->value) == JSON_STRING)
		linker_check_path(linker, &argument->value, json_str(&argument->value));
	else
		decode_problem(linker->decoder, &argument->value, "expected a dotted path, got %s",
			json_type_name(&argument->value));
	decode_leave(linker->decoder);
}

/* What is required and not named takes the row's value of its own name: that must be there. */
static void check_required(
	struct linker *linker, const struct json *tree, const struct tool_step *step)
{
	const struct json *required = json_get(&step->spec->parameters, STR("required"));
	const char *why = NULL;

	for (size_t i = 0; json_type(required) == JSON_ARRAY && i < required->size; i++) {
		const struct str name = json_str(&required->items[i]);

		if (json_get(&step->arguments, name) == NULL &&
			!scope_knows(&linker->scope, name, &why))
			decode_problem(linker->decoder, tree,
				"required parameter '%.*s' of tool '%.*s': %s", STR_ARGS(name),
				STR_ARGS(step->spec->name), why);
	}
}

static void link_tool_step(struct linker *linker, const struct json *tree, struct tool_step *step)
{
	struct decoder *decoder = linker->decoder;
	const struct json *arguments = &step->arguments;

	if (step->tool.len == 0)
		return;
	step->spec = linker_tool(linker->config, step->tool);
	if (step->spec == NULL) {
		const bool is_object = json_type(linker_member(tree, "tool")) == JSON_OBJECT;

		if (is_object)
			decode_enter(decoder, "tool");
		linker_unknown(linker, is_object ? linker_member(tree, "tool") : tree,
			is_object ? "name" : "tool", "tool", step->tool, &linker->config->tools,
			sizeof(struct tool_spec));
		if (is_object)
			decode_leave(decoder);
		return;
	}
	decode_enter(decoder, "tool");
	if (step->spec->parameters_schema != NULL)
		check_required(linker, linker_member(tree, "tool"), step);
	decode_enter(decoder, "arguments");
	for (size_t i = 0; json_type(arguments) == JSON_OBJECT && i < arguments->size; i++)
		check_argument(linker, step->spec, &arguments->members[i]);
	decode_leave(decoder);
	decode_leave(decoder);
}

static void check_when(struct linker *linker, const struct step_spec *step)
{
	decode_enter(linker->decoder, "when");
	for (size_t i = 0; json_type(&step->when) == JSON_OBJECT && i < step->when.size; i++)
		linker_check_path(
			linker, &step->when.members[i].key, json_str(&step->when.members[i].key));
	decode_leave(linker->decoder);
}

void link_steps(struct linker *linker)
{
	struct step_spec *steps = linker->config->steps.items;
	const size_t count = linker->config->steps.count;

	for (size_t i = 0; i < count; i++) {
		linker_enter(linker, "steps", i);
		declare_step(linker, linker_element(linker, "steps", i), &steps[i]);
		linker_leave(linker);
	}
	for (size_t i = 0; i < count; i++) {
		const struct json *tree = linker_element(linker, "steps", i);

		linker_enter(linker, "steps", i);
		check_when(linker, &steps[i]);
		if (json_get(tree, STR("tool")) != NULL && steps[i].type == STEP_TOOL)
			link_tool_step(linker, tree, &steps[i].tool);
		else if (json_get(tree, STR("llm")) != NULL && steps[i].type == STEP_LLM)
			link_llm(linker, json_get(tree, STR("llm")), &steps[i]);
		linker_leave(linker);
		scope_step_ran(&linker->scope, &steps[i]);
	}
}
