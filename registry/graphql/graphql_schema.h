#pragma once
/*
 * What POST /graphql serves: the types and fields of MLflow 3.17.2's schema (server/graphql), each field with what
 * resolves it. Types are concrete, so that a query's plan does not depend on the data (graphql_plan.h).
 */
#include "base/error.h"
#include "base/json.h"

struct rest_call;

enum graphql_kind {
	GRAPHQL_STRING_TYPE,
	GRAPHQL_INT_TYPE,  /* 32 bits */
	GRAPHQL_LONG_TYPE, /* LongString: 64 bits, which answers write as text */
	GRAPHQL_FLOAT_TYPE,
	GRAPHQL_BOOLEAN_TYPE,
	GRAPHQL_ENUM_TYPE,
	GRAPHQL_OBJECT_TYPE,
	GRAPHQL_INPUT_TYPE,
};

struct graphql_field;

struct graphql_type {
	const char *name;
	enum graphql_kind kind;
	const struct graphql_field *fields; /* of objects and inputs; ended by a row without name */
	const char *const *values;          /* of enums; NULL-terminated; the first is what an absent one is */
};

/* One field's value for `source` (NULL: the root). `argument` is its one argument, coerced, or absent. The value is in
 * the names of REST messages: snake_case. */
typedef bool graphql_resolve(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err);

struct graphql_field {
	const char *name; /* camelCase */
	const struct graphql_type *type;
	bool is_list;
	const char *argument_name; /* NULL: none */
	const struct graphql_type *argument;
	graphql_resolve *resolve; /* NULL: the member of that name */
	const char *rpc;          /* for graphql_resolve_rpc */
};

extern const struct graphql_type graphql_query, graphql_mutation;

/* NULL: no type has such a field. */
const struct graphql_field *graphql_field_find(const struct graphql_type *type, struct str name);
/* An input type or scalar by its name, for variables; NULL: none. */
const struct graphql_type *graphql_input_find(struct str name);
/* "runId" → "run_id" */
struct str graphql_snake(struct arena *arena, const char *camel);

/* graphql_resolve.c */
graphql_resolve graphql_resolve_rpc, graphql_resolve_echo, graphql_resolve_nothing, graphql_resolve_run_experiment,
	graphql_resolve_run_versions;
