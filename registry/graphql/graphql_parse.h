#pragma once
/*
 * GraphQL: a document's text as a tree on the arena. Only what is executed: operations and fragments.
 *
 * Source: GraphQL specification, October 2021, 2. Lists are chained by `next`, in the order of the text.
 * Limits: GRAPHQL_SIZE_MAX bytes, GRAPHQL_DEPTH_MAX open braces and brackets. Errors: ERR_BAD_REQUEST.
 */
#include "base/json.h"

enum { GRAPHQL_SIZE_MAX = 1 << 16, GRAPHQL_DEPTH_MAX = 64 };

enum graphql_value_kind {
	GRAPHQL_VALUE_VARIABLE, /* text: its name */
	GRAPHQL_VALUE_INT,
	GRAPHQL_VALUE_FLOAT,
	GRAPHQL_VALUE_STRING,
	GRAPHQL_VALUE_BOOLEAN, /* text: "true" or "false" */
	GRAPHQL_VALUE_NULL,
	GRAPHQL_VALUE_ENUM,
	GRAPHQL_VALUE_LIST,
	GRAPHQL_VALUE_OBJECT,
};

/* A value, an argument (with its name), a field of an object. */
struct graphql_value {
	enum graphql_value_kind kind;
	struct str name, text;
	struct graphql_value *first, *next;
};

struct graphql_directive {
	struct str name;
	struct graphql_value *arguments;
	struct graphql_directive *next;
};

enum graphql_selection_kind {
	GRAPHQL_FIELD,
	GRAPHQL_SPREAD, /* name: the fragment's */
	GRAPHQL_INLINE, /* name: the type's; empty where there is none */
};

struct graphql_selection {
	enum graphql_selection_kind kind;
	struct str alias, name; /* alias: data is NULL where there is none */
	struct graphql_value *arguments;
	struct graphql_directive *directives;
	struct graphql_selection *selections, *next;
};

/* String!, [Int!] */
struct graphql_type_name {
	struct str name;              /* of the innermost */
	unsigned lists;               /* how many brackets around it */
	bool is_required;             /* a '!' behind the outermost */
	struct str shown;             /* as it is written */
};

struct graphql_variable {
	struct str name;
	struct graphql_type_name type;
	struct graphql_value *fallback; /* NULL: none */
	struct json value;              /* graphql_value.h sets it; absent where there is none */
	bool is_used;
	struct graphql_variable *next;
};

struct graphql_definition {
	bool is_fragment;
	struct str operation; /* query, mutation, subscription */
	struct str name;      /* empty where there is none */
	struct str on;        /* a fragment's type */
	struct graphql_variable *variables;
	struct graphql_directive *directives;
	struct graphql_selection *selections;
	bool is_used; /* a fragment: graphql_plan.h sets it */
	struct graphql_definition *next;
};

bool graphql_parse(struct arena *arena, struct str text, struct graphql_definition **ret, struct error *err);
/* What the answer calls a field. */
static inline struct str graphql_key(const struct graphql_selection *field)
{
	return field->alias.data != NULL ? field->alias : field->name;
}
