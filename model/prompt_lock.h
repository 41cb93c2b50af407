#pragma once
/*
 * Prompt lock: prompts that a registry keeps, as they were when the bundle was packed.
 *
 * A step may name prompts:/NAME@alias or prompts:/NAME/VERSION instead of a template of the bundle. A bundle that runs
 *asks no registry: packing takes the text, with the version that it is, into prompts.lock.json, and from there it is a
 *template like any other, known by what the step calls it:
 *
 *	{"prompts:/advice@champion":{"text":"Answer {{question}}","uri":"prompts:/advice/3"}}
 *
 * Canonical JSON, sorted: the same versions give the same bytes.
 */
#include "base/decode.h"

#define PROMPT_LOCK_NAME "prompts.lock.json"

struct prompt_pin {
	struct str reference; /* as the step has it */
	struct str uri;       /* prompts:/NAME/VERSION */
	struct str text;
};

static inline bool prompt_is_remote(struct str name)
{
	return str_starts(name, STR("prompts:/"));
}

/* What stands in the bundle's lock (struct prompt_pin); empty without one. Problems are named by the file. */
void prompt_lock_read(struct arena *arena, const char *dir, struct problems *problems, struct decode_list *ret);
/* The references of config.yaml that the lock does not have (struct str), each once. Empty where config.yaml has
 * mistakes: who loads the bundle tells them. */
void prompt_lock_missing(struct arena *arena, const char *dir, struct decode_list *ret);
/* The file, for all of these. */
void prompt_lock_write(struct buf *out, const struct prompt_pin *pins, size_t count);
