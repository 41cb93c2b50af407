#pragma once
/*
 * Text that stands for a value, as docs/protocol/RULES.md V3 and V10 allow it in columns that are
 * not text. Every one allows white space around, and none knows `nan`, `inf`, hexadecimal or
 * underscores.
 */
#include "base/arena.h"
#include "base/str.h"

/* What messages show of long text: the first bytes, up to a character's border. */
struct str text_clip(struct str text);

enum text_number {
	TEXT_NO_NUMBER,
	TEXT_NUMBER,
	TEXT_OUT_OF_RANGE, /* a number, but beyond the type */
};
/* `[+-]digits`, optionally `.` and zeros: "5", " 7 ", "5.0". */
enum text_number text_integer(struct str text, int64_t *ret);
/* `[+-]` digits with optional `.` and exponent. Underflow is 0. */
enum text_number text_double(struct str text, double *ret);
/* The same without the fraction: what makes a column of CSV a column of integers. */
enum text_number text_plain_integer(struct str text, int64_t *ret);
