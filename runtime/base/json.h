#pragma once
/*
 * JSON: one-pass reader onto an arena, writer into a buf, and the value tree that everything here
 * speaks (requests, YAML configuration, model replies, rows).
 *
 * Reader, as docs/protocol/RULES.md V2 says: RFC 8259 in UTF-8, optional byte order mark; the
 * tokens NaN, Infinity and -Infinity read as null; duplicate keys: the last value wins (at its
 * first place); at most JSON_DEPTH_MAX open arrays and objects; integers must fit int64, numbers
 * must fit double (underflow to 0 is fine), to which they are rounded exactly; -0 is 0. Invalid
 * UTF-8 and lone surrogates are refused. Failures are ERR_BAD_REQUEST "what near 'text' at line L,
 * column C" (columns count characters), documents over JSON_SIZE_MAX ERR_TOO_LARGE. Time is linear
 * in the text, whatever its keys; memory is at most 16 bytes a value, and as many on the way.
 *
 * Where an object repeats a key that the last object of its depth had at the same place, as
 * rows do, it takes that key: both have the same `key.text`. So equal pointers and sizes mean equal
 * keys (not the other way round), which spares whoever looks up the same columns in every row.
 *
 * Writer, V1: always valid UTF-8 JSON, with U+FFFD for bytes that are not UTF-8; NaN and infinities
 * become null; absent members are left out, absent elements are null. Doubles are as short as they
 * can be and read back the same, also as doubles: 1.0 is "1.0", as in Python.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum json_type {
	JSON_ABSENT = 0, /* no value at all: an optional member that is not there; never read, never
			    written */
	JSON_NULL,
	JSON_BOOL,
	JSON_INTEGER, /* int64 */
	JSON_DOUBLE,  /* finite */
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT, /* members in the order of their first appearance */
};

enum {
	JSON_DEPTH_MAX = 128,
	JSON_ROOM = 16,    /* behind strings that the reader made, what it holds does not matter */
	JSON_PADDING = 64, /* readable bytes behind the text that json_read_padded may look at */
};
#define JSON_SIZE_MAX  ((size_t)1 << 28)
#define JSON_FIELD_MAX (JSON_SIZE_MAX - 1) /* what the fields `size` and `at` hold */

struct json_member;

struct json {
	uint64_t type : 4;        /* enum json_type */
	uint64_t is_plain : 1;    /* a string known to be valid and to need no escapes in JSON */
	uint64_t is_roomy : 1;    /* a string with JSON_ROOM readable bytes behind it */
	uint64_t is_growable : 1; /* by json_append or json_set: room to the next power of two */
	uint64_t reserved : 1;
	uint64_t size : 28; /* bytes of a string, elements of an array, members of an object */
	uint64_t at : 28;   /* byte offset in JSON, line (from 1) in YAML; 0 where made by hand */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *text;
		struct json *items;
		struct json_member *members;
	};
};

struct json_member {
	struct json key; /* JSON_STRING */
	struct json value;
};

/* Reads one document. Needs nothing behind the text, which it copies: the tree refers to `arena`
 * only. */
bool json_read(struct arena *arena, struct str text, struct json *ret_value, struct error *err);
/* The same, but integers beyond int64 are read as doubles, to the nearest. */
bool json_read_wide(struct arena *arena, struct str text, struct json *ret_value, struct error *err);
/* json_read without a copy: the tree refers to `text`, and JSON_PADDING bytes behind it must be
 * readable for as long. What they hold does not matter. */
bool json_read_padded(
	struct arena *arena, struct str text, struct json *ret_value, struct error *err);

/* Compact, on one line. */
void json_write(struct buf *out, const struct json *value);
/* For people: two spaces a level. */
void json_write_pretty(struct buf *out, const struct json *value);
/* Sorted keys (by bytes), compact, integral doubles of int64's range as integers: trees that are
 * json_equal give equal bytes. What is hashed is written so (cf. RFC 8785). */
void json_write_canonical(struct buf *out, const struct json *value);
void json_write_string(struct buf *out, struct str text);
void json_write_integer(struct buf *out, int64_t value);
/* Shortest text that reads back as the same double; null where not finite. */
void json_write_double(struct buf *out, double value);

/* Looking. Every function accepts NULL and values of any type, and answers NULL or an empty str
 * where there is none. */
const struct json *json_get(const struct json *object, struct str key);
/* Dotted path; a number selects an element of an array ("choices.0.message"). */
const struct json *json_at(const struct json *value, struct str path);
struct str json_str(const struct json *value);
bool json_equal(
	const struct json *a, const struct json *b); /* 1 equals 1.0; key order does not count */
/* "a string", "an integer", "an array": for messages. */
const char *json_type_name(const struct json *value);

static inline enum json_type json_type(const struct json *value)
{
	return value != NULL ? (enum json_type)value->type : JSON_ABSENT;
}

/* Making. Values are copied by their 16 bytes; text and elements stay where they are. */
static inline struct json json_null(void)
{
	return (struct json){.type = JSON_NULL};
}
static inline struct json json_bool(bool value)
{
	return (struct json){.type = JSON_BOOL, .boolean = value};
}
static inline struct json json_integer(int64_t value)
{
	return (struct json){.type = JSON_INTEGER, .integer = value};
}
static inline struct json json_double(double value)
{
	return (struct json){.type = JSON_DOUBLE, .number = value};
}
/* `text` must be valid UTF-8, at most JSON_SIZE_MAX - 1 bytes, and outlive the value. */
static inline struct json json_string(struct str text)
{
	return (struct json){
		.type = JSON_STRING, .size = text.len & JSON_FIELD_MAX, .text = text.data};
}
/* Of what stands on an arena already; `count` is below JSON_SIZE_MAX, as everything that is counted by a
 * limit or came from JSON is. */
static inline struct json json_array_of(struct json *items, size_t count)
{
	return (struct json){.type = JSON_ARRAY, .size = count & JSON_FIELD_MAX, .items = items};
}
static inline struct json json_object_of(struct json_member *members, size_t count)
{
	return (struct json){
		.type = JSON_OBJECT, .size = count & JSON_FIELD_MAX, .members = members};
}
static inline struct json json_array(void)
{
	return (struct json){.type = JSON_ARRAY};
}
static inline struct json json_object(void)
{
	return (struct json){.type = JSON_OBJECT};
}
/* Appends; amortised growth on the arena. The array's own `struct json` must not be copied while it
 * grows. */
void json_append(struct arena *arena, struct json *array, struct json value);
/* Sets a member, replacing one of the same key (which it looks for: not for thousands of members).
 * `key` must outlive the object. */
void json_set(struct arena *arena, struct json *object, struct str key, struct json value);
/* A deep copy that refers to nothing outside `arena`. */
struct json json_copy(struct arena *arena, const struct json *value);
