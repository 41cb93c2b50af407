#pragma once
/*
 * Input: a request's body becomes validated rows. All of docs/protocol/RULES.md from V2 to V12 but routing:
 * input forms, columns, scalars, nested types, LLM form, inputs and instances, tensors, params, CSV.
 *
 * Errors: ERR_BAD_REQUEST where the body cannot be read (V2, V10, V12), ERR_INVALID_PARAMETER where it does not fit.
 * Messages name row, column, expected, got, and end with a working example made from the signature.
 */
#include "model/signature.h"

enum input_media { INPUT_JSON, INPUT_CSV };

enum input_shape {
	INPUT_TABLE, /* cells */
	INPUT_VALUE, /* any JSON: inputs and instances without signature, tensors, LLM form without signature */
};

struct input {
	enum input_shape shape;
	bool is_bare;     /* the LLM form: the answer has no "predictions" around it */
	/* INPUT_TABLE: row-major; JSON_ABSENT where an optional column is absent. */
	size_t row_count, column_count;
	const struct str *columns;
	const struct json *cells;
	const struct str *keys; /* private: each column as it is written; NULL: made when writing */
	/* INPUT_VALUE: */
	struct json value;
	/* Params by name, defaults filled in; JSON_ABSENT without a params schema and without params. */
	struct json params;
};

/* V5: what a Content-Type header's value means (`data` NULL: no header). False with ERR_UNSUPPORTED_MEDIA. */
bool input_media_parse(struct str content_type, enum input_media *ret, struct error *err);

/* `body` must be followed by JSON_PADDING readable bytes and outlive the input. */
bool input_read(struct arena *arena, const struct signature *signature, enum input_media media, struct str body,
	struct input *ret, struct error *err);
/* The same for a tree that was read already: the rows of `sluice predict`, an input example. */
bool input_read_tree(struct arena *arena, const struct signature *signature, const struct json *tree,
	struct input *ret, struct error *err);
/* The same for a tree of `size` bytes of JSON that is not needed any more: it is converted in place. */
bool input_take_tree(struct arena *arena, const struct signature *signature, struct json *take_tree, size_t size,
	struct input *ret, struct error *err);

/* Whether a tree is a request's body, by the names of its top level; and whether one of the LLM form (messages, prompt or
 * input). A row of such a column looks the same. */
bool input_is_request(const struct json *tree);
bool input_is_llm_form(const struct json *tree);

/* Appends the validated input as an answer's value, {"predictions":…} or bare: the echo of a bundle without steps. */
void input_write(struct buf *out, const struct input *input);
/* The same, but ERR_TOO_LARGE where it is longer than size_max: keys and repeated values make an answer longer than its
 * request. `out` then holds a part of it, at most one row more than size_max. */
bool input_write_within(struct buf *out, const struct input *input, size_t size_max, struct error *err);

/* Rows as a run sees them: a table's rows; else an array's elements, or the one value. Params are members of every
 * row (a column of the same name wins). A row that is no object becomes {"input": value}. */
size_t input_row_count(const struct input *input);
struct json input_row(struct arena *arena, const struct input *input, size_t index);
