#pragma once
/* Python's ways with text that show in MLflow's messages and grammar: repr(), int() and float() of text, literal tuples
 * of strings, and shlex.split(). Private to registry/store. */
#include "base/arena.h"
#include "base/str.h"

/* Ended by a NUL. Characters above ASCII stay as they are. */
const char *python_repr(struct arena *arena, struct str text);
/* As str(value) shows it. */
const char *python_double(struct arena *arena, double value);
/* White space around it, a sign and single underscores between digits are fine. False where it is none, or beyond
 * int64. */
bool python_int(struct str text, int64_t *ret);
/* As float(text): 1., 1e+5, inf, nan; underscores are not taken. */
bool python_float(struct arena *arena, struct str text, double *ret);

enum python_tuple {
	PYTHON_TUPLE,
	PYTHON_EMPTY,
	PYTHON_OTHER_TYPE, /* an element is no string */
	PYTHON_ILL_FORMED,
	PYTHON_TOO_LONG, /* more than `max` elements */
};
/* What ast.literal_eval makes of "('a', 'b')" or "('a')": strings, the quotes gone and escapes taken. */
enum python_tuple python_strings(struct arena *arena, struct str text, size_t max, struct str **ret, size_t *ret_count);

/* The words of `text`, without their quotes, up to `max` of them; the count of all. */
size_t python_split(struct arena *arena, struct str text, struct str *ret, size_t max);
