#pragma once
/*
 * What schema_compile.c (nodes and definitions) and schema_keyword.c (what each keyword means)
 * share while a schema is compiled. Private to the two.
 */
#include "model/schema_node.h"

struct schema_definition {
	struct str name;
	struct schema_node node;
};

struct schema_compiler {
	struct decoder *decoder;
	struct schema_definition *definitions;
	size_t definition_count;
	bool is_root; /* of the node whose keywords are being read */
	bool has_failed;
};

struct schema_keyword {
	const char *name;
	void (*compile)(struct schema_compiler *compiler, const struct json *value,
		struct schema_node *node);
};

/* NULL: there is none of this name. */
const struct schema_keyword *schema_keyword_find(struct str name);
/* A mistake that names the nearest one. */
void schema_keyword_unknown(struct schema_compiler *compiler, const struct json *key);

const struct schema_node *schema_node_new(
	struct schema_compiler *compiler, const struct json *tree);

#define SCHEMA_MISTAKE(compiler_, value_, ...)                                                     \
	((compiler_)->has_failed = true, decode_problem((compiler_)->decoder, value_, __VA_ARGS__))
/* False after a mistake. */
bool schema_expect(struct schema_compiler *compiler, const struct json *value, enum json_type type,
	const char *expected);
void schema_unknown(struct schema_compiler *compiler, const struct json *value, const char *what,
	const char *const *known);
