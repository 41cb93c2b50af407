#pragma once
/*
 * Values of a query as the registry's calls take them: literals and variables, checked against the schema's types, become
 * JSON in the names of REST requests. Members that are null are left out. ERR_BAD_REQUEST in the words of graphql-core.
 */
#include "graphql/graphql_parse.h"
#include "graphql/graphql_schema.h"

struct graphql_values {
	struct arena *arena;
	struct graphql_variable *variables;
	struct error *err;
};

/* Sets the `value` of each variable from `given` (an object, or NULL) or its default. */
bool graphql_variables(struct graphql_values *values, const struct json *given);
/* A literal, or the variable it is; *ret is absent where that is not given. Marks variables as used. */
bool graphql_literal(struct graphql_values *values, const struct graphql_value *literal, const struct graphql_type *type,
	bool is_list, struct json *ret);
/* The same text, whatever the white space. */
bool graphql_value_equal(const struct graphql_value *a, const struct graphql_value *b);
