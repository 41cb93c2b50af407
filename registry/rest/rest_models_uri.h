#pragma once
/*
 * models:/ URIs, as sources of model versions. Private to registry/rest.
 *
 *	models:/m-1234          a logged model
 *	models:/name/3          a version
 *	models:/name/Staging    the newest version in a stage
 *	models:/name/latest     the newest version
 *	models:/name@champion   the version of an alias
 */
#include "rest/rest.h"

struct rest_models_uri {
	struct str model_id, name, version, stage, alias; /* data NULL: not this form */
};

/* False where it is none of these forms. The scheme is not looked at. */
bool rest_models_uri_parse(struct arena *arena, struct str text, struct rest_models_uri *ret);
/* The version that a URI with a name points to now; whether there is such a one is not looked at where the URI has its
 * number. ERR_NOT_FOUND where there is none, ERR_INVALID_PARAMETER where alias or stage are wrong. */
bool rest_models_uri_version(
	struct rest_call *call, const struct rest_models_uri *uri, int64_t *ret_version, struct error *err);
