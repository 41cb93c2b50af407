#pragma once
/*
 * Opened: the bundle that a command line names, a folder or an archive, loaded and looked over.
 */
#include "cli/console.h"
#include "model/bundle.h"
#include "packaging/package.h"

struct opened {
	struct package package;
	struct bundle *bundle; /* NULL where it has mistakes */
	struct problems problems;
};

struct opened_options {
	const char
		*state_dir; /* where archives are kept; NULL: a folder that goes with the arena */
	const char *secret_dir;
	bool is_offline; /* unresolved ${env:…} and ${secret:…} are no mistakes */
	bool is_checked; /* bundle_check, too */
	bool is_source;  /* a folder that will be packed: its manifest.json may be of an older state
			  */
};

/* False where there is no such bundle or it cannot be read at all; mistakes inside are in
 * `problems`, and then `bundle` is NULL. The bundle is released when the arena ends. */
bool opened_read(struct arena *arena, const char *path, const struct opened_options *options,
	struct opened *ret, struct error *err);
/* Prints the mistakes and how many are in `path`, and sets an error without text; true where there are none. */
bool opened_report(struct console *console, struct arena *arena, const char *path,
	const struct opened *opened, struct error *err);
