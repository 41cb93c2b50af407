#pragma once
/*
 * Serving: endpoints of the client's serving site, sluiced or a Databricks workspace (docs/protocol/DATABRICKS.md 1,
 * 2). client.h tells of operations and errors.
 *
 * Endpoints, configs and events are the server's JSON objects as they are. A server without endpoints (one of MLflow)
 * is ERR_NOT_IMPLEMENTED in words that say so.
 */
#include "client/client.h"

/* ERR_NOT_FOUND where there is none of that name. */
struct operation *client_endpoint_get(struct client *client, struct arena *arena, struct str name, struct json *ret);
/* *ret: an array, each as the list has it: shorter. */
struct operation *client_endpoints_list(struct client *client, struct arena *arena, struct json *ret);
/* `body`: {"name", "config": {"served_entities", "traffic_config"}}. The answer comes before it serves:
 * client_endpoint_wait. */
struct operation *client_endpoint_create(
	struct client *client, struct arena *arena, const struct json *body, struct json *ret);
/* ERR_CONFLICT while another update is in progress. */
struct operation *client_endpoint_update(
	struct client *client, struct arena *arena, struct str name, const struct json *config, struct json *ret);
struct operation *client_endpoint_delete(struct client *client, struct arena *arena, struct str name);
struct operation *client_endpoint_stop(struct client *client, struct arena *arena, struct str name, struct json *ret);
struct operation *client_endpoint_start(struct client *client, struct arena *arena, struct str name, struct json *ret);

struct client_endpoint_wait {
	struct str name;
	uint32_t timeout_ms;                                      /* ERR_DEADLINE */
	void (*on_look)(void *data, const struct json *endpoint); /* as often as it is looked at; may be NULL */
	void *data;
	bool (*is_done)(void *data, const struct json *endpoint); /* NULL: when no update is in progress */
	void *done_data;
};
/* *ret is the endpoint then: its state.config_update says how it ended. */
struct operation *client_endpoint_wait(
	struct client *client, struct arena *arena, const struct client_endpoint_wait *wait, struct json *ret);

/* *ret: an array {"timestamp", "type", "message", …}, newest first. */
struct operation *client_endpoint_events(struct client *client, struct arena *arena, struct str name, struct json *ret);
/* Of one served entity: what it wrote while it served, or `is_build` how its deployment went. */
struct operation *client_endpoint_logs(
	struct client *client, struct arena *arena, struct str name, struct str served, bool is_build, struct str *ret);

/* Its page: paths, schemas, examples. */
struct operation *client_endpoint_openapi(
	struct client *client, struct arena *arena, struct str name, struct json *ret);

/* Its numbers as Prometheus reads them; asked once, as nobody waits for them. */
struct operation *client_endpoint_metrics(struct client *client, struct arena *arena, struct str name, struct str *ret);

/* ---- sluiced only: ERR_NOT_IMPLEMENTED elsewhere ---- */

/* An earlier config is deployed again: `config_version`, or where that is 0 the one before. */
struct operation *client_endpoint_rollback(
	struct client *client, struct arena *arena, struct str name, int64_t config_version, struct json *ret);
/* *ret: an array of configs {"config_version", "state", "who", "why", …}, newest first; at most `max`. */
struct operation *client_endpoint_history(
	struct client *client, struct arena *arena, struct str name, size_t max, struct json *ret);

/* ---- queries ---- */

struct client_answer {
	int status; /* 0: of a dry run */
	struct str body;
	struct json tree;  /* JSON_ABSENT where the body is no JSON */
	struct str served; /* the served entity that answered; "": not told */
	uint64_t elapsed_ns;
	enum error_code code; /* ERR_NONE for 2xx */
	const char *problem;  /* one line; NULL for 2xx */
};
/* One request, never repeated. A refusal is an answer, too; the operation fails only where none came.
 * `served` "": whoever the traffic goes to. */
struct operation *client_endpoint_query(struct client *client, struct arena *arena, struct str name, struct str served,
	const struct json *body, struct client_answer *ret);
