#pragma once
/*
 * Scope: which names a row has at one moment of a run, and what lies below each: what config_link.c
 * checks prompts, arguments, conditions and outputs against. Grows in the order in which a run
 * goes; lives on an arena.
 *
 * Where inputs are not declared, or have no names, a request may bring any name: then only paths
 * into steps and built-in values are checked.
 */
#include "model/config.h"
#include "model/signature.h"

enum scope_origin { SCOPE_INPUT, SCOPE_PARAM, SCOPE_DEFAULT, SCOPE_STEP, SCOPE_BUILTIN };
enum scope_shape { SCOPE_ANY, SCOPE_SCALAR, SCOPE_LIST, SCOPE_SIGNATURE, SCOPE_SCHEMA };

struct scope_name {
	struct str name;
	enum scope_origin origin;
	enum scope_shape shape;
	const struct sig_node *node;
	const struct schema *schema;
	const struct json *schema_tree; /* the same as written, for messages */
	bool is_later;                  /* a step that has not run yet */
};

struct scope {
	struct arena *arena;
	struct scope_name *names;
	size_t count, cap;
	bool is_open;
};

/* Starts with built-in values, inputs, params and defaults. */
void scope_init(struct scope *scope, struct arena *arena, const struct signature *signature,
	const struct json *defaults);
void scope_add(struct scope *scope, struct scope_name name);
/* NULL where there is none. */
const struct scope_name *scope_find(const struct scope *scope, struct str name);
/* A step has run: its value can be read from now on. */
void scope_step_ran(struct scope *scope, const struct step_spec *step);
/* False with what is wrong about the path, on the scope's arena. */
bool scope_knows(const struct scope *scope, struct str path, const char **ret_why);
/* "input column", "step", …: for messages. */
const char *scope_origin_name(enum scope_origin origin);
