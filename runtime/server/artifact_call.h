#pragma once
/*
 * What the resources of artifacts share: a request that is answered by something on the worker pool.
 */
#include "async/worker.h"
#include "server/route.h"
#include "store/artifacts.h"

struct artifact_call {
	struct work work; /* first */
	struct exchange *exchange;
	struct str path;  /* as artifact_path_read gives it */
	struct str shown; /* as artifact_path_check gives it: for messages */
	struct registry *registry;
	bool (*run)(struct artifact_call *call, struct error *err); /* on the pool */
	void (*done)(struct artifact_call *call);                   /* on the loop, after success */
	struct artifact artifact;
	int fd; /* of it */
	bool is_in_detail; /* messages as FastAPI's: {"detail": …} */
	struct buf body;
	struct str name, version, run_id, model_id; /* what stands in the query, or the path */
};

/* Reads `path` of the request; NULL where it was refused and the exchange answered. */
struct artifact_call *artifact_call_new(struct exchange *exchange, struct str path);
/* The same for what must be a file, or a folder below the root. */
struct artifact_call *artifact_call_below(struct exchange *exchange, struct str path);
/* Opens the registry and runs call->run on the pool, then call->done; failures are answered. */
void artifact_call_submit(struct artifact_call *call);
/* {"detail": message} with that status. */
void artifact_answer_detail(struct exchange *exchange, int status, const char *message);
/* A parameter of the query, decoded; data is NULL where it is absent or cannot be read. */
struct str artifact_query(const struct exchange *exchange, const char *name);

/* artifact_get.c, artifact_put.c: `path` as it stands in the URL, decoded once. */
void artifact_get(struct exchange *exchange, struct str path);
void artifact_put(struct exchange *exchange, struct str path);
