#pragma once
/*
 * Prepared: what a command line names as a bundle, ready to be logged: checked, with its prompts pinned, as an archive
 * and as the files in it. A folder is packed (.tar.gz), so that a folder and its archive are logged alike; an archive
 * stays the bytes that it is.
 */
#include "cli/opened.h"
#include "cli/remote.h"

struct prepared {
	struct opened opened; /* of the archive */
	const char *name;     /* "slides" of "slides/" and "slides.tar.gz" */
	const char *archive;
	const char *archive_name; /* "bundle.tar.zst" */
};

/* Mistakes are printed as `sluice validate` does, and leave an error without text. */
bool prepared_read(struct remote *remote, const char *path, struct prepared *ret, struct error *err);
