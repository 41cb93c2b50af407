#pragma once
/*
 * Completion: scripts for bash and zsh, made from the command and option tables. Words are completed, and values where
 * a table names them; everything else is a file's name. No script calls `sluice`.
 */
#include "base/str.h"

void completion_write_bash(struct buf *out);
void completion_write_zsh(struct buf *out);
