#pragma once
/*
 * Compare: what two bundles say differently: the signature column by column, MLmodel key by key, and every other text
 * file as a unified difference; of files that are no text, that they differ. Unpacked folders both; manifests do not
 * count, as they only say the same in digests.
 */
#include "base/json.h"
#include "cli/console.h"

struct compared {
	const char *name; /* as people called it: for "--- name/config.yaml" */
	const char *dir;
};

/*
 * *ret: {"same", "signature": [{"where", "before"?, "after"?}], "mlmodel": [the same], "files": [{"path", "change":
 * "added", "removed", "changed", "diff"?}]}. `out` gets the same for people. ERR_INVALID_BUNDLE where an MLmodel cannot
 * be read.
 */
bool compare_bundles(struct arena *arena, const struct compared *before, const struct compared *after, bool has_color,
	struct buf *out, struct json *ret, struct error *err);
