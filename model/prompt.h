#pragma once
/*
 * Prompts: templates by name, from prompts/NAME.txt or prompts.yaml (name → template), and those that packing took from a
 * registry (prompt_lock.h).
 *
 * {{path}} takes the row's value at a dotted path: text as it is, everything else as JSON (MLflow's
 * prompt syntax; blanks inside the braces are ignored). There is nothing else: no conditions, no
 * loops. An unknown name is a mistake when the bundle is loaded, a null renders as nothing.
 */
#include "base/decode.h"

struct prompts;
struct template;

/* Reads `path` (a folder of .txt files or a .yaml file; relative to dir; NULL: there are none).
 * Problems are named by file and line. Never NULL. A file's last newline is no part of its
 * template. */
const struct prompts *prompts_load(
	struct arena *arena, struct problems *problems, const char *dir, const char *path);
const struct template *prompts_get(const struct prompts *prompts, struct str name);
/* The folder, with a "/" behind it, or the file that they were read from; NULL: none. */
const char *prompts_place(const struct prompts *prompts);
size_t prompts_count(const struct prompts *prompts);
const struct template *prompts_at(const struct prompts *prompts, size_t index);
struct str template_name(const struct template *template);
/* The paths it reads, with the file and line where each stands. */
struct template_variable {
	struct str path;
	const char *file;
	unsigned line;
};
const struct template_variable *template_variables(
	const struct template *template, size_t *ret_count);
/* `row` is an object. */
void template_render(struct buf *out, const struct template *template, const struct json *row);
