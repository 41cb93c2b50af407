#pragma once
/*
 * Rows: the input of `sluice predict`, from a file or standard input, made what a request would be.
 *
 * Formats: a request body (an object with dataframe_records, dataframe_split, inputs, instances,
 * messages, prompt or input); a JSON array of rows; JSON lines, a row each; one row object; CSV,
 * with column names in its first line.
 */
#include "model/input.h"

enum rows_format { ROWS_AUTO, ROWS_REQUEST, ROWS_RECORDS, ROWS_CSV };
extern const char *const rows_formats[]; /* for --format */

struct rows_notices {
	void (*tell)(void *data, const char *text);
	void *data;
};

/* `path` may be "-". With ROWS_AUTO a name that ends in .csv is CSV, and JSON is told by its shape.
 * Columns that the signature does not know are no error, but the first ones are told. Everything
 * lives on the arena. */
bool rows_read(struct arena *arena, const struct signature *signature, const char *path,
	enum rows_format format, const struct rows_notices *notices, struct input *ret,
	struct error *err);

/* The same as the request's body, for whoever sends it to a server that judges it: nothing is enforced, but what CSV
 * needs; `signature` may be empty then, and types are guessed. */
bool rows_request(struct arena *arena, const struct signature *signature, const char *path,
	enum rows_format format, struct json *ret, struct error *err);

/* rows_unknown.c, of use to rows.c: tells which keys of the rows are no columns. */
void rows_tell_unknown(struct arena *arena, const struct signature *signature,
	const struct json *rows, const struct rows_notices *notices);
