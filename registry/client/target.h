#pragma once
/*
 * Target: which registry, where, and as whom. Read once from what a command line says and from the environment that
 * MLflow's and Databricks' own clients read, so that whoever has set those up has set up Sluice.
 *
 * Three sites: `registry` has registered models, versions, aliases; `tracking` experiments, runs, logged models,
 * artifacts; `serving` serving endpoints.
 *
 * 	http[s]://[user:password@]host[:port][/prefix]	MLflow's protocol: sluiced, or an MLflow server
 * 	databricks-uc[://profile]			Unity Catalog; tracking is the same workspace's
 * 	databricks[://profile]				a workspace's own registry (MLflow's protocol)
 *
 * The registry is the first of: the caller's `uri`, MLFLOW_REGISTRY_URI, MLFLOW_TRACKING_URI, the caller's `fallback`.
 * The tracking site belongs to the registry where `uri` named it or MLFLOW_TRACKING_URI is not set, else it is that
 * variable's. The serving site is the caller's `serving`, else the registry's server or workspace.
 *
 * Login, http(s): user info in the URI, else MLFLOW_TRACKING_USERNAME and _PASSWORD, else MLFLOW_TRACKING_TOKEN, else
 * none.
 *
 * Databricks: the profile that the URI names; else DATABRICKS_HOST with DATABRICKS_TOKEN, or with DATABRICKS_CLIENT_ID
 * and DATABRICKS_CLIENT_SECRET (OAuth, machine to machine); else the profile DATABRICKS_CONFIG_PROFILE or DEFAULT.
 * Profiles are in DATABRICKS_CONFIG_FILE or ~/.databrickscfg. A login is taken whole from one of these: a token never
 * goes to another's host.
 *
 * TLS, http(s) only: MLFLOW_TRACKING_SERVER_CERT_PATH (a file of certificates to trust),
 * MLFLOW_TRACKING_INSECURE_TLS=true.
 *
 * Errors: ERR_USAGE (a URI that is none of these, a login that is not complete, a profile that is not there); they name
 * variables, files and profiles, never what they hold.
 */
#include "base/error.h"
#include "base/secret.h"

enum target_kind { TARGET_MLFLOW, TARGET_UNITY };
enum target_login { LOGIN_NONE, LOGIN_BASIC, LOGIN_BEARER, LOGIN_OAUTH };

struct target_site {
	enum target_kind kind;
	bool is_databricks;
	const char *uri; /* as it was given, without user info: for messages */
	const char *url; /* what paths are put behind: no user info, no slash at its end */
	enum target_login login;
	struct str user;      /* of LOGIN_BASIC; the client id of LOGIN_OAUTH */
	struct secret secret; /* password, token, client secret */
	const char *ca_file;  /* NULL: the system's */
	bool is_insecure;
	bool is_local; /* this machine, by its loopback address */
};

struct target {
	struct target_site registry, tracking, serving;
	bool is_one_site; /* registry and tracking have the same url and login */
};

struct target_source {
	const char *uri;                      /* --registry, or a configuration file's; NULL: nobody said */
	const char *fallback;                 /* where nothing says anything: the local sluiced */
	const char *serving;                  /* --serving; NULL: where the registry is */
	const char *(*env)(const char *name); /* NULL: getenv */
};

/* The same url and login. */
bool target_is_same(const struct target_site *a, const struct target_site *b);
/* Strings live on the arena. */
bool target_read(struct arena *arena, const struct target_source *source, struct target *ret, struct error *err);
