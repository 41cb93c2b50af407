#pragma once
/*
 * Registry: the embedded registry of a state folder: its database and its files.
 *
 *	STATE/registry/registry.db      rows (db.h)
 *	STATE/registry/blobs/ab/ab12…   artifacts' bytes by SHA-256 (artifacts.h); never changed
 *	STATE/registry/staging/…        uploads on their way
 *
 * Thread-safe. Several processes may share a state folder.
 */
#include "store/db.h"

struct registry {
	struct db_file *db;
	char *dir;
	int blobs_fd, staging_fd;
};

/* Makes what is missing (folders 0700). Removes what interrupted uploads left. ERR_USAGE where the folder may not be used or
 * is none. */
struct registry *registry_open(const char *state_dir, struct error *err);
void registry_close(struct registry *registry);
