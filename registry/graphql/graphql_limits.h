#pragma once
/*
 * What a document may ask for, before anything of it is looked at: as MLflow's server, which counts fields with all
 * fragments in their places. The same numbers, in the same words.
 */
#include "graphql/graphql_parse.h"

enum {
	GRAPHQL_LEVELS_MAX = 10,
	GRAPHQL_SELECTIONS_MAX = 1000,
	GRAPHQL_ROOTS_MAX = 10,   /* of all operations together */
	GRAPHQL_ALIASES_MAX = 10, /* of one level */
	GRAPHQL_DEFINITIONS_MAX = 100,
};

/* ERR_BAD_REQUEST */
bool graphql_check_limits(const struct graphql_definition *document, struct error *err);
