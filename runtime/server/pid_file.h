#pragma once
/* Pid file: the number of the process that serves, for scripts that send it signals. */
#include "base/error.h"

/* Replaces the file in one step; `path` NULL: does nothing. */
bool pid_file_write(const char *path, struct error *err);
/* Removes it where it still names this process: a successor's is left. */
void pid_file_remove(const char *path);
