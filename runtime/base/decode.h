#pragma once
/*
 * Decode: walks a table of fields over a JSON tree (YAML becomes the same tree) and fills a struct.
 *
 * The table is the definition: unknown keys are errors (with the nearest known key as a hint), types and ranges are
 * checked, defaults are set, every mistake is named with file, line and path ("config.yaml:12: steps[2].tool: …"), and
 * the same table prints the reference page and the JSON Schema (decode_schema, decode_reference).
 * All mistakes of a document are collected, not only the first (struct problems).
 */
#include "base/json.h"
#include "base/secret.h"

enum decode_kind {
	DECODE_STRING,  /* struct str */
	DECODE_BOOL,    /* bool */
	DECODE_INTEGER, /* int64_t, within min … max */
	DECODE_DOUBLE,  /* double, within min … max; integers are fine */
	DECODE_SECRET,  /* struct secret */
	DECODE_ENUM,    /* int: index into choices */
	DECODE_STRINGS, /* struct decode_list of struct str */
	DECODE_JSON,    /* struct json, any value (or of the type `json_type` where not 0) */
	DECODE_OBJECT,  /* a nested struct by `fields`, in place */
	DECODE_LIST,    /* struct decode_list of structs by `fields`, element size `size` */
	DECODE_MAP,     /* the same, from an object: each element's struct begins with its name, a struct str; a row of
			 * `fields` at offset 0 stands for that name, and is no member */
	DECODE_CUSTOM,  /* `custom` decodes it; ret points at the field */
};

struct decode_list {
	void *items; /* on the arena */
	size_t count;
};

struct decoder;
struct decode_field {
	const char *name;
	enum decode_kind kind;
	size_t offset;
	bool is_required;
	const char *fallback; /* default as text ("30000", "true", "mlflow"; strings with commas between them; JSON
			       * text for DECODE_JSON); NULL: zero bytes. Not for secrets, lists, maps, custom */
	double min, max;      /* where min < max */
	const char *const *choices; /* NULL-terminated */
	const struct decode_field *fields; /* ended by a row without name */
	size_t size;
	enum json_type json_type;
	void (*custom)(struct decoder *decoder, const struct json *value, void *ret);
	const char *help; /* one line, for the reference page */
};

/* Mistakes found, one line each, in the order found. The first PROBLEMS_MAX are kept, with copies of all their texts. */
enum { PROBLEMS_MAX = 100 };
struct problem {
	const char *file;
	unsigned line; /* 0: none */
	const char *path, *text;
};
struct problems {
	struct arena *arena;
	struct problem *items;
	size_t count, cap;
	size_t left_out; /* found after PROBLEMS_MAX */
};
void problems_init(struct problems *problems, struct arena *arena);
void problems_add(struct problems *problems, const char *file, unsigned line, const char *path, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The first one (and how many more) as an error; false where there are any. */
bool problems_check(const struct problems *problems, struct error *err);

/* "config.yaml:12: steps[2].tool: unknown tool 'sqll'": what people read. */
void problem_write(struct buf *out, const struct problem *problem);

/*
 * Replaces ${…} in text before it is decoded: in strings, secrets and every string inside DECODE_JSON; also in text
 * where a number, a boolean or a choice is wanted, which then may come from the environment. May be NULL. Returns false
 * after decode_problem. `decoder->field` tells for what it is (kind DECODE_SECRET: secrets are allowed).
 */
typedef bool decode_expand(struct decoder *decoder, struct str text, struct str *ret);

struct decoder {
	struct arena *arena;
	struct problems *problems;
	const char *file;
	bool lines_are_offsets; /* the tree came from JSON text: `at` is an offset into `text` */
	struct str text;
	decode_expand *expand;
	void *expand_data;
	bool takes_text; /* "90" and "true" are as good as 90 and true: messages as protobuf's JSON has them */
	const struct decode_field *field; /* being decoded */
	const struct json *value;         /* being expanded: for decode_problem */
	struct buf path;  /* of the value being decoded; decoder_done frees it */
	struct buf marks; /* lengths of path, for decode_leave */
};
void decoder_init(struct decoder *decoder, struct arena *arena, struct problems *problems, const char *file);
void decoder_done(struct decoder *decoder);
/*
 * Fills `ret` (whose fields lie at their offsets) from `object`; problems are added. Fields of a wrong value keep their
 * default. A null counts as absent, but where any JSON is wanted (DECODE_JSON without a type, DECODE_CUSTOM).
 * Strings may be views into the tree.
 */
void decode_object(struct decoder *decoder, const struct json *object, const struct decode_field *fields, void *ret);
/* Adds a problem at `value`, in the path where the decoder stands. */
void decode_problem(struct decoder *decoder, const struct json *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* For custom decoders and checks after decoding: walk into a member or element and out again. */
void decode_enter(struct decoder *decoder, const char *name);
void decode_enter_index(struct decoder *decoder, size_t index);
void decode_leave(struct decoder *decoder);

/* The known word nearest to `word` ("did you mean"), or NULL where none is near. `known` is NULL-terminated. */
const char *decode_nearest(struct str word, const char *const *known);
/* The line where `value` stands; 0: unknown. */
unsigned decode_line(const struct decoder *decoder, const struct json *value);

/* The table as JSON Schema 2020-12, for editors, and as rows of a Markdown reference page (key, type, default, meaning).
 * `is_expanded`: the decoder has an `expand`, so text with ${…} may stand for numbers, booleans and choices. A null, which
 * counts as absent, is not in the schema: who writes one probably forgot the value. */
struct json decode_schema(struct arena *arena, const struct decode_field *fields, bool is_expanded);
void decode_reference(struct buf *out, const struct decode_field *fields, const char *prefix);
