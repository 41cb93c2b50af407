#pragma once
/* A folder of artifacts as part of an answer. Private to registry/rest. */
#include "rest/rest.h"

/* Sets root_uri and files of call->out: what is in `path` (data NULL: the root) below `root_uri`, one level, with paths
 * relative to `root_uri`. */
bool rest_artifact_list(struct rest_call *call, struct str root_uri, struct str path, struct error *err);
