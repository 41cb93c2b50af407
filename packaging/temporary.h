#pragma once
/*
 * Temporary: a folder below TMPDIR or /tmp that goes with the arena. Its maker holds a lock on it (flock, which ends with
 * the process however it ends), so that whoever makes the next one removes those that a signal or a crash left.
 */
#include "base/arena.h"
#include "base/error.h"

/* *ret_fd, where not NULL, is the folder opened; it is closed with the arena. */
bool temporary_folder(struct arena *arena, const char **ret_path, int *ret_fd, struct error *err);
