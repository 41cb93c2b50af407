#pragma once
/*
 * Remote: a verb's connection to its registry: which one, the client, progress, and what a dry run would have called.
 *
 * The registry is the first of: --registry (SLUICE_REGISTRY), the environment of `sluice release`, MLFLOW_REGISTRY_URI,
 * MLFLOW_TRACKING_URI, sluice.yaml, http://127.0.0.1:8080. Serving endpoints are where the registry is, unless
 * --serving (SLUICE_SERVING) or sluice.yaml names another place; --target databricks names registry and serving at
 * once.
 *
 * In a dry run nothing is changed. Calls that only read are made, as what follows depends on them; all calls are
 * printed, a line each ("GET URL" for those that were made, "would POST URL {…}" for those that were not), and nothing
 * else is.
 */
#include "base/options.h"
#include "cli/console.h"
#include "cli/project.h"
#include "client/client.h"
#include "client/transfer.h"

#define REMOTE_DEFAULT "http://127.0.0.1:8080"

/* A member of every such command's options, called `remote`. */
struct remote_options {
	const char *registry, *project, *why;
	const char *serving, *target; /* of the serving verbs */
	bool is_dry_run;
};

#define OPTION_REGISTRY(struct_)                                                                                       \
	{                                                                                                              \
		.name = "registry", .kind = OPTION_STRING, .offset = offsetof(struct_, remote.registry),               \
		.value = "URI",                                                                                        \
		.help = "http(s)://…, databricks-uc or databricks; without it MLFLOW_REGISTRY_URI, "                 \
			"MLFLOW_TRACKING_URI, sluice.yaml, " REMOTE_DEFAULT                                            \
	}
#define OPTION_PROJECT(struct_)                                                                                        \
	{                                                                                                              \
		.name = "project", .kind = OPTION_STRING, .offset = offsetof(struct_, remote.project),                 \
		.value = "FILE", .help = "the project file; without it sluice.yaml of the working folder"              \
	}
#define OPTION_SERVING(struct_)                                                                                        \
	{                                                                                                              \
		.name = "serving", .kind = OPTION_STRING, .offset = offsetof(struct_, remote.serving), .value = "URI", \
		.help = "where the endpoints are: http(s)://… of a sluiced, or databricks; without it where the "    \
			"registry is"                                                                                  \
	}
#define OPTION_TARGET(struct_)                                                                                         \
	{                                                                                                              \
		.name = "target", .kind = OPTION_STRING, .offset = offsetof(struct_, remote.target),                   \
		.value = "databricks[://PROFILE]",                                                                     \
		.help = "a workspace's endpoints and its Unity Catalog, by DATABRICKS_HOST and DATABRICKS_TOKEN, or "  \
			"by a profile"                                                                                 \
	}
/* What every verb on endpoints has, beside what is its own. */
#define OPTIONS_SERVING(struct_)                                                                                       \
	OPTION_SERVING(struct_), OPTION_TARGET(struct_), OPTION_REGISTRY(struct_), OPTION_PROJECT(struct_),            \
		OPTION_DRY_RUN(struct_), OPTION_JSON(struct_)
#define OPTION_DRY_RUN(struct_)                                                                                        \
	{                                                                                                              \
		.name = "dry-run", .kind = OPTION_FLAG, .offset = offsetof(struct_, remote.is_dry_run),                \
		.help = "change nothing: print the calls it would make"                                                \
	}
#define OPTION_WHY(struct_)                                                                                            \
	{                                                                                                              \
		.name = "why", .kind = OPTION_STRING, .offset = offsetof(struct_, remote.why), .value = "TEXT",        \
		.help = "the reason, for the history that sluiced keeps"                                               \
	}

struct remote {
	struct console *console;
	struct arena *arena;
	const struct remote_options *options;
	struct project project;
	struct target target;
	struct loop *loop;
	struct client *client;
	struct json calls; /* of a dry run, with --json */
	bool is_dry_run;
	const char *doing; /* "upload", for the progress line */
	struct error err;  /* of printing a call */
};

/* Reads the project and names the registry; makes no call. `remote` stays until the arena ends, which closes it. */
bool remote_open(struct remote *remote, struct console *console, struct arena *arena,
	const struct remote_options *options, struct error *err);
/* The same for an environment of the project: its registry comes right behind --registry. */
bool remote_open_environment(struct remote *remote, struct console *console, struct arena *arena,
	const struct remote_options *options, const char *name, const struct environment **ret, struct error *err);

/* Waits for the operation. A signal that ended it becomes the program's. */
bool remote_wait(struct remote *remote, struct operation *operation, struct error *err);
/* For client_upload and client_download, with the remote as data: a line that is drawn over and over. */
void remote_progress(void *data, const struct client_progress *progress);

/* The end of every such command: the calls of a dry run; else the answer with --json, else `text`, which may be empty.
 */
bool remote_answer(struct remote *remote, const struct json *answer, const struct buf *text, struct error *err);
