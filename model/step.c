#include "model/step.h"

#include "model/sql.h"

#include <stdio.h>

static const struct step_kind *const KINDS[STEP_TYPE_COUNT] = {
	[STEP_LLM] = &STEP_KIND_LLM,
	[STEP_TOOL] = &STEP_KIND_TOOL,
};

const struct step_kind *step_kind(enum step_type type)
{
	return KINDS[type];
}

/* Where tools[index].sql.statement stands. */
static unsigned statement_line(const struct json *tree, size_t index)
{
	char path[64];

	snprintf(path, sizeof(path), "tools.%zu.sql.statement", index);

	const struct json *statement = json_at(tree, str_of(path));

	return statement != NULL ? (unsigned)statement->at : 0;
}

static void end_gate(void *gate)
{
	gate_free(gate);
}

/*
 * Everybody may wait: a call that would wait too long ends by its row's deadline. While an old
 * version of a bundle drains beside its successor the two together may have twice as many calls in
 * flight.
 */
static struct gate *gate_of(struct arena *arena, const struct model_spec *model)
{
	if (model->concurrency == 0)
		return NULL;

	struct gate *gate = gate_new(&(struct gate_limits){.slots = (unsigned)model->concurrency});

	arena_on_end(arena, end_gate, gate);
	return gate;
}

void steps_prepare(struct arena *arena, struct problems *problems, const char *dir,
	const struct json *tree, struct config *config)
{
	struct model_spec *models = config->models.items;
	struct tool_spec *tools = config->tools.items;
	struct error err;

	for (size_t i = 0; i < config->models.count; i++)
		models[i].gate = gate_of(arena, &models[i]);
	for (size_t i = 0; i < config->tools.count; i++) {
		if (!tools[i].has_sql)
			continue;
		tools[i].sql_compiled = sql_new(arena, dir, &tools[i], &err);
		if (tools[i].sql_compiled == NULL)
			problems_add(problems, "config.yaml", statement_line(tree, i),
				arena_printf(problems->arena, "tools[%zu].sql.statement", i), "%s",
				err.text);
	}
}
