#pragma once
/*
 * Linker: what the parts of config_link() share. One file a noun: models and tools in
 * config_link.c, steps in config_link_steps.c, the signature's columns (defaults and outputs) in
 * config_link_columns.c.
 */
#include "model/config_scope.h"

struct linker {
	struct decoder *decoder; /* stands at config.yaml's root between the parts */
	const struct json *tree;
	const struct prompts *prompts;
	const struct signature *signature;
	struct config *config;
	struct scope scope; /* from the defaults on */
};

void link_defaults(struct linker *linker);
void link_steps(struct linker *linker);
void link_outputs(struct linker *linker);

/* Where problems stand: a member, else its object; an element of a list at the root. */
const struct json *linker_member(const struct json *object, const char *name);
const struct json *linker_element(const struct linker *linker, const char *list, size_t index);
void linker_enter(struct linker *linker, const char *list, size_t index);
void linker_leave(struct linker *linker);
const char *linker_text(struct linker *linker, struct str text);

/* "unknown WHAT 'NAME', did you mean …?" at the member `key` of `object`. `size` is that of an item
 * whose name is first. */
void linker_unknown(struct linker *linker, const struct json *object, const char *key,
	const char *what, struct str name, const struct decode_list *list, size_t size);
/* Is it a name for a step or a tool? False after decode_problem; an empty one was told before. */
bool linker_check_name(struct linker *linker, const struct json *tree, struct str name);
/* A problem where the row has nothing at `path` now. */
void linker_check_path(struct linker *linker, const struct json *where, struct str path);
const struct tool_spec *linker_tool(const struct config *config, struct str name);
