#pragma once
/*
 * Pinned: a bundle's folder whose prompts come from a registry, made one that needs none (model/prompt_lock.h).
 */
#include "cli/remote.h"
#include "packaging/files.h"

/* A copy of the folder, as packing sees it, with the prompts of `missing` (struct str) in its lock, each with the
 * version that the registry has for it now. Lives as long as the remote's arena. */
bool pinned_copy(struct remote *remote, const char *dir, const struct files_walk *walk,
	const struct decode_list *missing, const char **ret_dir, struct error *err);
