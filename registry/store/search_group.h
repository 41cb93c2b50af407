#pragma once
/*
 * Groups: tokens put together to names, operands and comparisons, as sqlparse does for MLflow. What it takes for one
 * thing decides what is a clause and how messages show what is none. Private to registry/store.
 */
#include "base/arena.h"
#include "store/search_scan.h"

enum group_kind {
	GROUP_IDENTIFIER, /* a, a.b, a.`b c`, "a", and what it takes for an alias: "a b" */
	GROUP_STRING,
	GROUP_INTEGER,
	GROUP_FLOAT,
	GROUP_LIST,      /* ( … ), with its parentheses */
	GROUP_OPERATION, /* a-b, f(x), 0x1f: an operand that nothing takes */
	GROUP_COMPARE,
	GROUP_KEYWORD,
	GROUP_COMPARISON,
	GROUP_OTHER,
};

struct group_part {
	enum group_kind kind;
	struct str text;
};

struct group {
	enum group_kind kind;
	struct str text;
	struct group_part left, op, right; /* of a comparison */
};

/* Semicolons end a statement: *ret_is_many tells that something stands behind one. The array lives on the arena. */
struct group *group_all(struct arena *arena, struct str text, size_t *ret_count, bool *ret_is_many);
/* Is it that keyword, whatever its case? */
bool group_is_word(const struct group *group, const char *word);
