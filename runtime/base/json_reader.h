#pragma once
/*
 * The state of one json_read(), and the parts it is made of. Internal to base.
 *
 * The parts take the place where their token begins and answer the place behind it, or NULL with
 * the error set. JSON_PADDING bytes behind `end` are readable, but what they hold is never
 * believed.
 */
#include "base/json.h"

/* The members of the object closed last at one depth: rows of a table repeat their keys. */
struct json_shape {
	const struct json_member *members;
	size_t count;
};

struct json_reader {
	const char *text, *end;
	struct arena *arena;
	struct error *err;

	/* Values of the arrays and objects that are still open; keys and values of objects
	 * alternate. The value that is being read goes to *top; at least two slots are free
	 * whenever a value begins. */
	struct json *stack, *top, *limit;
	bool is_stack_heap;
	bool is_wide; /* integers beyond int64 become doubles */

	/* Free bytes of the block that strings with escapes are decoded to. */
	char *decoded, *decoded_end;

	unsigned depth, depth_seen; /* shapes[0 .. depth_seen) are set */
	struct json_shape shapes[JSON_DEPTH_MAX];
};

/* A value without its content; `from` is where it stands. */
static inline struct json json_value(
	const struct json_reader *reader, enum json_type type, const char *from, size_t size)
{
	return (struct json){.type = (unsigned)type & 15,
		.size = size & JSON_FIELD_MAX,
		.at = (size_t)(from - reader->text) & JSON_FIELD_MAX};
}

/* Sets "what near '…' at line L, column C" and returns NULL. */
const char *json_refuse(struct json_reader *reader, const char *at, const char *what)
	__attribute__((cold, noinline));

/* p stands at the opening quote. */
const char *json_read_string(struct json_reader *reader, const char *p, struct json *ret_string);
/* p stands at a digit or '-'. Reads -Infinity as null, too. */
const char *json_read_number(struct json_reader *reader, const char *p, struct json *ret_number);
/* Of equal keys the last value moves to the place of the first. Returns the number of members left.
 */
size_t json_unite_keys(struct json_member *members, size_t count);
