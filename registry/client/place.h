#pragma once
/*
 * Place: where files are, and how calls name them there. Private to client/.
 */
#include "client/ask.h"

enum place_kind {
	PLACE_PROXY, /* "mlflow-artifacts:/6/R/artifacts": /api/2.0/mlflow-artifacts/artifacts/… of the tracking site */
	PLACE_UNITY, /* "unity:/c/s/m/3": /Models/c/s/m/3, /api/2.0/fs/… of the registry's */
	/* A Databricks workspace's own, "dbfs:/databricks/mlflow-tracking/6/R/artifacts" and
	 * "…/6/logged_models/m-X/artifacts": listed by the tracking site, which signs a URL for each file
	 * (mlflow/store/artifact/databricks_artifact_repo.py). */
	PLACE_RUN,
	PLACE_LOGGED_MODEL,
};
/* How bytes get there and back: with our login, or by URLs that the server signs for each file. */
enum place_way { WAY_DIRECT, WAY_SIGNED };

struct place {
	enum place_kind kind;
	struct str root;           /* "6/R/artifacts", "Models/c/s/m/3"; below a workspace's artifacts: "" */
	struct str model, version; /* PLACE_UNITY: "c.s.m", "3" */
	struct str id;             /* of the run, of the logged model */
};

/* ERR_NOT_IMPLEMENTED for stores that only their own tools reach. */
bool place_read(struct client *client, struct arena *arena, struct str uri, struct place *ret, struct error *err);
static inline bool place_is_tracking(const struct place *place)
{
	return place->kind != PLACE_UNITY;
}
/* No login of ours opens its files. */
static inline bool place_is_signed(const struct place *place)
{
	return place->kind == PLACE_RUN || place->kind == PLACE_LOGGED_MODEL;
}
/* "unity:/c/s/m/3" of "c.s.m"; false where the name has not three parts. */
bool place_of_unity(struct arena *arena, struct str model, struct str version, struct str *ret, struct error *err);

/* "a/b" of "a" and "b"; either may be empty. */
struct str path_join(struct arena *arena, struct str a, struct str b);

/* The calls for one file; `path` is below the root. */
void place_put(struct arena *arena, const struct place *place, struct str path, struct client_call *ret);
void place_get(struct arena *arena, const struct place *place, struct str path, struct client_call *ret);
/* Asks for a URL that needs no login. */
void place_sign(
	struct arena *arena, const struct place *place, struct str path, bool is_write, struct client_call *ret);
/* Its answer, as the call for the file's bytes: PUT where it was to be written. */
bool place_signed(struct arena *arena, const struct place *place, bool is_write, const struct json *answer,
	struct call_spec *ret, struct error *err);
/* Asks for a folder's entries, `page` of them ("": the first). */
void place_list(
	struct arena *arena, const struct place *place, struct str path, struct str page, struct client_call *ret);

/* Which way it is. */
struct operation *place_find_way(
	struct client *client, struct arena *arena, const struct place *place, bool is_write, enum place_way *ret);
