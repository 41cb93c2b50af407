#pragma once
/* Steps: the kinds of steps that a run knows; one file a kind, each ending in its `struct
 * step_kind`. */
#include "model/run.h"

struct step_kind {
	const char *name;
	flow_step *start; /* self is the run; ends in run_step_done() or next_fail() */
	void (*cancel)(struct run *run); /* of what is in flight */
	/* Writes what the run waits for, as "an answer of model 'm' (attempt 2)": for a run that is
	 * late. */
	void (*tell)(const struct run *run, char *ret, size_t size);
};
extern const struct step_kind STEP_KIND_LLM, STEP_KIND_TOOL;

const struct step_kind *step_kind(enum step_type type);

/* Makes what steps need beside the decoded config: gates of models, compiled SQL. Once, when a
 * bundle is loaded, after config_link(). Mistakes in SQL become problems in config.yaml, at their
 * lines in `tree`, the file as read. `dir` is the bundle's folder. */
void steps_prepare(struct arena *arena, struct problems *problems, const char *dir,
	const struct json *tree, struct config *config);
