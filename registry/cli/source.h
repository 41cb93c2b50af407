#pragma once
/*
 * Source: where a bundle is, as command lines name it:
 *
 *	DIR, FILE                       of this machine: where such a path exists
 *	runs:/RUN/PATH                  what a run logged under that path, or a logged model of its of that name
 *	models:/m-ID                    a logged model
 *	NAME@alias, NAME/3, NAME/latest a registered version (client/models.h), also behind models:/
 */
#include "cli/remote.h"
#include "client/models.h"
#include "client/tracking.h"
#include "packaging/package.h"

enum source_kind { SOURCE_LOCAL, SOURCE_RUN, SOURCE_LOGGED, SOURCE_VERSION };

struct source {
	enum source_kind kind;
	const char *what;              /* as it was named */
	struct str uri;                /* for a version's `source`; "" of a local one */
	struct str run_id, model_id;   /* "": none */
	struct str place, path;        /* for transfer.h */
	struct str digest;             /* what the registry says; "": nothing */
	struct client_version version; /* of SOURCE_VERSION */
};

/* Asks nothing: only what the words say. */
enum source_kind source_kind_of(const char *what);
/* `remote` may be NULL for SOURCE_LOCAL. */
bool source_find(struct remote *remote, const char *what, struct source *ret, struct error *err);

struct fetched {
	struct package package; /* goes with the arena */
	bool is_verified;       /* an archive with its manifest, or files with one: every byte is what was packed */
};
/*
 * Downloads it and opens it as a bundle. Where it was logged by `sluice`, that is the archive alone, whose manifest
 * must fit its files and whose digest must be the registry's (ERR_INVALID_BUNDLE); else all files, which are checked
 * where they have a manifest.
 */
bool source_fetch(struct remote *remote, const struct source *source, struct fetched *ret, struct error *err);
/* "NAME/3": its name and version, without a question where it needs none. `version` may be "": the model itself. */
bool source_split(
	struct remote *remote, const char *what, struct str *ret_name, struct str *ret_version, struct error *err);
