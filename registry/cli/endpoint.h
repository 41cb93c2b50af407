#pragma once
/*
 * Endpoint: a serving endpoint as one JSON object with names of our own, the same whether sluiced or Databricks serves
 * it: for --json as it is, for people as lines. Times are RFC 3339 in UTC; people get local ones.
 */
#include "cli/remote.h"
#include "client/serving.h"

/* ERR_NOT_FOUND names the nearest one that there is. */
bool endpoint_find(struct remote *remote, struct str name, struct json *ret, struct error *err);

/* The name nearest to it; NULL: none is near. *ret_count, where not NULL: how many endpoints there are. */
bool endpoint_nearest(
	struct remote *remote, struct str name, size_t *ret_count, const char **ret_nearest, struct error *err);

/* Of a server's config: its served entities, also by their older name; NULL where there are none. */
const struct json *endpoint_entities(const struct json *config);
/* {name: percent} of a config, in the order of its entities; one alone without a route has 100. */
struct json endpoint_traffic(struct arena *arena, const struct json *config);
/* "slides-4 90, slides-3 10" */
const char *endpoint_traffic_text(struct arena *arena, const struct json *traffic);

/* state.config_update is IN_PROGRESS; …FAILED or …CANCELED. */
bool endpoint_is_updating(const struct json *endpoint);
bool endpoint_is_failed(const struct json *endpoint);
bool endpoint_is_stopped(const struct json *endpoint);
int64_t endpoint_config_version(const struct json *endpoint);
/* Why the last update failed; "" where nobody says. *ret_entity: the served entity, "" where it is not told. */
struct str endpoint_failure(const struct json *endpoint, struct str *ret_entity);

/* "http://127.0.0.1:8080/serving-endpoints/slides/invocations" */
const char *endpoint_url(struct remote *remote, struct str name);
/* {"name", "state": READY, NOT_READY or STOPPED, "update", "failure"?, "config_version", "entities": [{"name", "model",
 * "version", "follows"?, "digest"?, "traffic", "shadow"?, "workload_size"?, "scale_to_zero", "env"?, "state",
 * "message"?}], "pending"?: {"config_version"?, "entities"}, "url", "creator"?, "created", "updated"} */
struct json endpoint_record(struct remote *remote, const struct json *endpoint);
/* The record's served entities, a line each. */
void endpoint_write_entities(struct buf *out, struct remote *remote, const struct json *record);
