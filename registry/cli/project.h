#pragma once
/*
 * Project: sluice.yaml, where a team writes down once which registry it uses and what its environments are called.
 *
 *	registry: http://127.0.0.1:8080
 *	experiment: slides
 *	environments:
 *	  dev:  {model_name: slides, endpoint_name: slides-dev, stage: Staging}
 *	  prod: {model_name: slides, endpoint_name: slides, workload_size: Small, alias: champion}
 *
 * Strings may take ${env:NAME}, so that a login need not stand there. Every mistake is told with file, line and path.
 */
#include "base/decode.h"

struct environment {
	struct str name; /* first: DECODE_MAP */
	struct str model_name, endpoint_name, registry, serving, alias, stage, experiment;
	struct json env; /* variables of the endpoint: an object, or JSON_ABSENT */
	int workload_size; /* of project_workload_sizes */
	bool scale_to_zero;
	bool needs_approval; /* a release asks for --approve; all but "dev" do, unless told otherwise */
};

struct project {
	const char *path; /* NULL: there is no file */
	struct str registry, serving, experiment;
	struct decode_list environments; /* struct environment */
};

extern const char *const project_workload_sizes[];

/* `path` NULL: sluice.yaml of the working folder, where there is one. `environment` is the one that is meant, or NULL: the
 * texts of all others stay as they are written, because who works on dev does not have prod's login. ERR_USAGE for a file
 * that is not right. */
bool project_read(
	struct arena *arena, const char *path, const char *environment, struct project *ret, struct error *err);
/* ERR_USAGE that names the environments there are. */
const struct environment *project_environment(const struct project *project, const char *name, struct error *err);
/* The reference page's rows. */
void project_reference(struct buf *out);
