#pragma once
/*
 * Released: the endpoint of an environment, which a release brings to the new version: by an update, or where it
 * follows the environment's alias by waiting until it went along.
 */
#include "cli/deployment.h"

struct released {
	struct deployment deployment;
	const struct environment *environment;
	bool is_following; /* the endpoint has an entity that goes along with the alias */
};

/* Looks at the endpoint before anything is done: ERR_USAGE where there are none at the environment's server. */
bool released_open(struct released *released, struct remote *remote, const struct environment *environment,
	bool is_plan, struct error *err);
/* What it would do with that version, for people: "update slides-dev: + slides-4 slides/4, Small; …". */
bool released_plan(struct released *released, struct str version, const char **ret, struct error *err);
/* Does it. `*ret` tells what it came to. */
bool released_run(struct released *released, struct str version, const char **ret, struct error *err);
