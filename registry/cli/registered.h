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

/* Of a bundle of this machine, which is logged first. Unity Catalog keeps the files itself: there a run is made only where
 * an experiment is named. */
bool registered_from_local(struct remote *remote, const struct prepared *prepared, const struct logging *logging,
	const struct registering *registering, struct client_version *ret, struct error *err);
bool registered_from_logged(struct remote *remote, const struct logged *logged, const struct registering *registering,
	struct client_version *ret, struct error *err);
/* Of kinds RUN, LOGGED and VERSION. Unity Catalog, which keeps the files itself, gets them downloaded and uploaded. */
bool registered_from_source(struct remote *remote, const struct source *source, const struct registering *registering,
	struct client_version *ret, struct error *err);
