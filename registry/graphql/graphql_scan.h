#pragma once
/* Tokens of a GraphQL document (GraphQL specification, October 2021, 2.1). Private to registry/graphql. */
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum graphql_token_kind {
	GRAPHQL_END,
	GRAPHQL_MARK, /* one of ! $ & ( ) : = @ [ ] { | } or "..." */
	GRAPHQL_NAME,
	GRAPHQL_INT,
	GRAPHQL_FLOAT,
	GRAPHQL_STRING,
};

struct graphql_scan {
	struct arena *arena;
	struct str rest; /* behind the token */
	struct str whole;
	enum graphql_token_kind kind;
	struct str text; /* as it stands there; of a string what it says */
	struct error *err;
};

/* Stands at the first token. `text` is UTF-8. */
bool graphql_scan_start(struct graphql_scan *scan, struct arena *arena, struct str text, struct error *err);
/* Goes to the next token; at the end it stays. */
bool graphql_scan_next(struct graphql_scan *scan);
bool graphql_scan_is(const struct graphql_scan *scan, const char *mark);
/* "Syntax Error: expected NAME, found '…' in line N" */
bool graphql_scan_fail(const struct graphql_scan *scan, const char *expected);
