#pragma once
/*
 * Profile: one section of ~/.databrickscfg, an INI file as Python's configparser reads it: "[name]", "key = value" or
 * "key: value", comments from '#' or ';' at a line's beginning. Sections inherit nothing, [DEFAULT] neither (as
 * Databricks' clients). Private to client/.
 */
#include "base/error.h"
#include "base/secret.h"

struct profile {
	struct str host, client_id;
	struct secret token, client_secret;
	bool is_found; /* the file has that section */
};

/* A file that is not there has no profiles. ERR_USAGE where it cannot be read or is malformed: "path:12: …", without
 * what stands there. */
bool profile_read(struct arena *arena, const char *path, struct str name, struct profile *ret, struct error *err);
/* The same of a file's text; `path` is what messages call it. */
bool profile_parse(struct arena *arena, const char *path, struct str text, struct str name, struct profile *ret,
	struct error *err);
