#pragma once
/*
 * Registered: a new version of a model, from what was logged or from what a registry has already.
 */
#include "cli/logged.h"
#include "cli/source.h"

struct registering {
	struct str name, description;
	struct client_tags tags; /* beside the digest */
	struct str alias;        /* "": none is set */
};

/* The model is made where it is not there yet. */
bool registered_from_logged(struct remote *remote, const struct logged *logged, const struct registering *registering,
	struct client_version *ret, struct error *err);
/* Of kinds RUN, LOGGED and VERSION. Unity Catalog, which keeps the files itself, gets them downloaded and uploaded. */
bool registered_from_source(struct remote *remote, const struct source *source, const struct registering *registering,
	struct client_version *ret, struct error *err);
