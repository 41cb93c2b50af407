#pragma once
/* The other registries. Private to control/. */
#include "control/origin.h"

bool origin_remote_alias(struct origin *origin, struct arena *arena, struct str model, struct str alias, struct str *ret,
	struct error *err);
bool origin_remote_fetch(struct origin *origin, struct arena *arena, struct str model, struct str version,
	bool anew, struct fetched_bundle *ret, struct error *err);
