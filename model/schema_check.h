#pragma once
/*
 * Schema check: one check of one value, and what the files schema*.c share in it: where it stands,
 * what was found, what work is left. Private to them.
 */
#include "model/schema_node.h"

/* Where a value stands, as a list towards the root that lies on the stack: pointers are written
 * only when a violation is. */
struct schema_place {
	const struct schema_place *parent; /* NULL: a member or element of the root */
	struct str name;                   /* of a member; `data` NULL: an element */
	size_t index;
};

enum { SCHEMA_VIOLATIONS_MAX = 8 }; /* that are written; more are counted */

struct schema_check {
	struct buf text; /* violations, "; " between them */
	const struct schema_place *place;
	unsigned count, refs;
	bool is_silent; /* only whether it fits matters: it ends with the first violation */
	unsigned *work; /* left, 0: it ran out; shared with the checks of alternatives */
};

/* Nothing that is found from here on can change the answer. */
bool schema_is_over(const struct schema_check *check);
/* Takes units of work, of some 50 ns each; false where it runs out. */
bool schema_work(struct schema_check *check, size_t units);

/* Whether the next violation will be written, not only counted. */
bool schema_is_told(const struct schema_check *check);
void schema_violation(struct schema_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The start of a value as JSON, at most `max` bytes and a mark. Never costs more than that. */
const char *schema_show(struct buf *out, const struct json *value, size_t max);
/* Cuts text at a character's border. */
void schema_shorten(struct buf *text, size_t max);

/* json_equal, its work charged; false, too, where that runs out. */
bool schema_equal(struct schema_check *check, const struct json *a, const struct json *b);
void schema_check_unique(struct schema_check *check, const struct json *array);
