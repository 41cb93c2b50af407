#include "model/step.h"

#include "model/sql.h"

static const struct step_kind *const KINDS[STEP_TYPE_COUNT] = {
	[STEP_LLM] = &STEP_KIND_LLM,
	[STEP_TOOL] = &STEP_KIND_TOOL,
};

const struct step_kind *step_kind(enum step_type type)
{
	return KINDS[type];
}

static void prepare_model(struct arena *arena, struct model_spec *model)
{
	model->gate = llm_gate_new(arena, (unsigned)model->concurrency);
}

static void prepare_tool(
	struct arena *arena, struct problems *problems, const char *dir, struct tool_spec *tool)
{
	struct error err;

	if (!tool->has_sql)
		return;
	tool->sql_compiled = sql_new(arena, dir, tool, &err);
	if (tool->sql_compiled == NULL)
		problems_add(problems, "config.yaml", 0,
			arena_printf(problems->arena, "tools.%.*s.sql", STR_ARGS(tool->name)), "%s",
			err.text);
}

void steps_prepare(
	struct arena *arena, struct problems *problems, const char *dir, struct config *config)
{
	struct model_spec *models = config->models.items;
	struct tool_spec *tools = config->tools.items;

	for (size_t i = 0; i < config->models.count; i++)
		prepare_model(arena, &models[i]);
	for (size_t i = 0; i < config->tools.count; i++)
		prepare_tool(arena, problems, dir, &tools[i]);
}
