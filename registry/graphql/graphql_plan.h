#pragma once
/*
 * Plan: what an operation answers, before anything is read: its fields with the schema's, arguments coerced, fragments
 * opened, fields of one name merged. All types are concrete, so one plan fits every row.
 *
 * Checks what graphql-core checks, in its words: the first problem is the error (ERR_BAD_REQUEST). Other operations of the
 * document are not looked at.
 */
#include "graphql/graphql_parse.h"
#include "graphql/graphql_schema.h"

struct graphql_plan {
	struct str key; /* in the answer */
	struct str snake; /* the member of a REST message */
	const struct graphql_field *field; /* NULL: __typename */
	const struct graphql_type *parent;
	const struct graphql_value *arguments;
	struct json argument; /* absent where there is none */
	struct graphql_plan *fields, *next;
};

/* `name`: of the operation; empty where the document has one only. `variables` an object or NULL. The document passed
 * graphql_check_limits(). */
bool graphql_plan_make(struct arena *arena, struct graphql_definition *document, struct str name,
	const struct json *variables, struct graphql_plan **ret, struct error *err);
