#pragma once
/* Tags and the name of a run; its name is a tag, too. Private to registry/rest. */
#include "rest/rest.h"

#define REST_RUN_NAME_TAG "mlflow.runName"

/* As it is, over what is there. */
bool rest_run_tag_put(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err);
/* A tag as clients set it: the tag of the name renames, unless it is empty. */
bool rest_run_tag_set(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err);
bool rest_run_rename(struct rest_call *call, struct str run_id, struct str name, struct error *err);
/* `path` is "" or "tags[0].". The value is cut where it is too long. */
bool rest_run_tag_check(const char *path, struct str key, struct str *value, struct error *err);
