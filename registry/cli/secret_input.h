#pragma once
/* A secret as somebody hands it to the tool: a file, standard input, or typed at a terminal that does not show it; never an
 * argument, which every user of the machine can read. */
#include "base/secret.h"
#include "cli/console.h"

/* `file` NULL: standard input, of which one line end at the end is not meant. */
bool secret_input(struct console *console, struct arena *arena, const char *file, struct secret *ret,
	struct error *err);
