#pragma once
/* SCOPE/KEY on a command line. */
#include "base/error.h"
#include "base/str.h"

struct secret_name {
	struct str scope, key; /* key "": the scope alone */
};

/* ERR_USAGE; without `needs_key` a SCOPE is enough. */
bool secret_name_read(const char *text, bool needs_key, struct secret_name *ret, struct error *err);
