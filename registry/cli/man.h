#pragma once
/*
 * Man: manual pages (man(7)) from the command and option tables: sluice(1) and one page a command, sluice-VERB(1).
 */
#include "cli/command.h"

/* command NULL: sluice(1) itself. */
void man_write(struct buf *out, const struct command *command);
/* "sluice-alias-set", "sluice". On the arena. */
const char *man_name(struct arena *arena, const struct command *command);
