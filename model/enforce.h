#pragma once
/*
 * Enforce: a value against a type of the signature, converted in place (docs/protocol/RULES.md V3,
 * V4). Nothing here knows forms, rows or columns but for messages.
 */
#include "model/signature.h"

struct enforce {
	struct arena *arena;
	const struct signature
		*signature; /* for the working example at a message's end; NULL: none */
	bool is_strict;     /* params: no conversions */
	const char *what;   /* "column" or "param" */
	struct str name; /* of the column or param; `data` NULL where it has none: then `index` */
	size_t index;
	size_t row;
	bool has_row;
	struct error *err;
};

/* Where inside a cell a value stands: a list on the stack, innermost first. NULL is the cell
 * itself. */
struct place {
	const struct place *up;
	struct str key; /* `data` NULL: an element */
	size_t index;
};

/* A whole cell: scalars by V3 (text columns take anything), nested types by V4.
 * ERR_INVALID_PARAMETER. */
bool enforce_cell(
	struct enforce *enforce, const struct sig_node *node, bool is_required, struct json *value);
/* A value inside a cell. */
bool enforce_nested(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value);
/* The V3 table for a value that is not null. */
bool enforce_scalar(
	struct enforce *enforce, enum sig_type type, const struct place *place, struct json *value);
/* Of a scalar type or any: what messages say is expected, and whether null is fine even where it is
 * required. */
const char *enforce_expected(enum sig_type type);
bool enforce_takes_null(enum sig_type type);

/* Sets the error: row, column, place, `expected`, and what there was instead. Returns false. */
bool enforce_fail(struct enforce *enforce, const struct place *place, const char *expected,
	const struct json *value);
/* The same with a text of its own. */
bool enforce_fail_text(struct enforce *enforce, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends a value as messages show it: `"five"`, `[1,2]`, cut where long. */
void enforce_show(struct buf *out, const struct json *value);
/* Sets the error and appends "; a request that works: …". Returns false. */
bool enforce_error(const struct signature *signature, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
