#pragma once
/*
 * Schema node: what schema_compile.c and schema_keyword.c make of one (sub)schema and schema.c checks values against.
 * Private to the files schema*.c.
 *
 * Every keyword that is absent leaves its zero value, which never refuses anything.
 */
#include "model/schema.h"

enum schema_type {
	SCHEMA_NULL,
	SCHEMA_BOOLEAN,
	SCHEMA_INTEGER, /* also a double without a fraction, as JSON Schema says */
	SCHEMA_NUMBER,
	SCHEMA_STRING,
	SCHEMA_ARRAY,
	SCHEMA_OBJECT,
	SCHEMA_TYPE_COUNT
};
extern const char *const schema_type_names[SCHEMA_TYPE_COUNT + 1];

struct schema_node;

struct schema_property {
	struct str name;
	const struct schema_node *node;
};

struct schema_list {
	const struct schema_node **nodes;
	size_t count;
};

/* A number that a keyword compares with; JSON_ABSENT: the keyword is absent. */
struct schema_limits {
	struct json minimum, maximum, above, below, multiple_of;
};

struct schema_range {
	int64_t min, max;
	bool has_max;
};

struct schema_node {
	unsigned types;              /* 1 << enum schema_type; 0: any */
	bool is_never;               /* the schema `false` */
	const struct json *values;   /* enum: an array */
	const struct json *constant; /* const */
	const struct schema_property *properties;
	size_t property_count;
	const struct json *required;          /* an array of strings */
	const struct schema_node *additional; /* NULL: any */
	const struct schema_node *items;      /* NULL: any */
	struct schema_range item_count, length;
	bool is_unique;
	struct schema_limits limits;
	struct schema_list any_of, one_of, all_of;
	const struct schema_node *ref;
};

struct schema {
	const struct json *tree;
	const struct schema_node *root;
};
