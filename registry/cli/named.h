#pragma once
/*
 * Named: the version that somebody wants to serve: MODEL/3, MODEL@alias or MODEL/latest. What is not there is told in
 * one line with what is: the nearest model, the newest version, the aliases.
 */
#include "cli/remote.h"
#include "client/models.h"

struct named {
	struct client_version version;
	struct str alias; /* that it was named by; "": none */
};
/* ERR_USAGE where the words name no version. */
bool named_find(struct remote *remote, const char *what, struct named *ret, struct error *err);
