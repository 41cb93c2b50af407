#pragma once
/*
 * Search: what is in a registry, with MLflow's filter grammar (MLFLOW_REST B.4); pages are followed. Prompts, which are
 * registered models, too. And the history that only sluiced keeps. client.h tells of operations and errors.
 */
#include "client/models.h"

struct client_search {
	struct str filter;   /* "name LIKE 'slide%'"; "": all. Unity Catalog's versions know only name = '…' */
	struct str order_by; /* "version_number DESC"; "": the server's. Unity Catalog has none: ERR_NOT_IMPLEMENTED */
	size_t max;          /* 0: all */
};
struct client_models {
	struct client_model *items;
	size_t count;
	bool is_cut; /* there are more than `max` */
};
struct client_versions {
	struct client_version *items;
	size_t count;
	bool is_cut;
};
struct operation *client_models_search(
	struct client *client, struct arena *arena, const struct client_search *search, struct client_models *ret);
struct operation *client_versions_search(
	struct client *client, struct arena *arena, const struct client_search *search, struct client_versions *ret);
/* All of one model, the highest version first, whatever the registry. An unknown model is ERR_NOT_FOUND. */
struct operation *client_versions_of(
	struct client *client, struct arena *arena, struct str name, size_t max, struct client_versions *ret);

struct client_prompt {
	struct str name, version, uri; /* uri: prompts:/name/version, pinned */
	bool is_chat;                  /* `text` is a JSON list of messages */
	struct str text;
	struct json tree; /* the server's model version */
};
/* "prompts:/name@alias", "prompts:/name/3", "prompts:/name@latest"; "prompts:/" may be left out. ERR_INVALID_PARAMETER
 * where the model is no prompt. */
struct operation *client_prompt_load(
	struct client *client, struct arena *arena, struct str what, struct client_prompt *ret);

/* ---- sluiced only: ERR_NOT_IMPLEMENTED elsewhere ---- */

/* *ret: an array of {"time", "who", "why", "action", "name", "version"?, "alias"?, "before"?, "after"?}, newest first;
 * at most `max` (0: all). alias "": all moves of the model. */
struct operation *client_history(
	struct client *client, struct arena *arena, struct str name, struct str alias, size_t max, struct json *ret);
/* *ret: {"name", "alias", "version", "since", "id"}. time: RFC 3339, or milliseconds since 1970. */
struct operation *client_alias_at(struct client *client, struct arena *arena, struct str name, struct str alias,
	struct str time, struct json *ret);
