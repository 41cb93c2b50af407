#pragma once
/*
 * Forms: what the files input_*.c share. A form turns its JSON or CSV into a struct table (columns
 * named by the request) or straight into the input's cells; table_bind brings a table into the
 * order and types of the signature. Internal to input.
 */
#include "model/enforce.h"
#include "model/input.h"
#include "model/input_names.h"

struct form {
	struct arena *arena;
	const struct signature *signature;
	struct error *err;
	size_t size_max; /* of a table whose columns the request names */
};

struct table {
	size_t row_count, column_count;
	const struct str *names;
	struct json *cells; /* row-major; JSON_ABSENT where a record has no such key */
};

/*
 * Tables are limited, so that many keys times many short rows cannot ask for far more memory than
 * the request has: where the signature names the columns by a constant, where the request does by a
 * constant and its own length.
 */
enum { TABLE_SIZE_FREE = 1 << 24, TABLE_SIZE_PER_BYTE = 32 };
#define TABLE_SIZE_MAX ((size_t)1 << 28)
/* `names` is NULL where the answer does not repeat them in every row. */
bool table_fits(struct form *form, const struct str *names, size_t column_count, size_t row_count,
	size_t size_max);
/* Names "0", "1", … */
const struct str *table_numbered(struct arena *arena, size_t count);

/* Into the signature: columns found by name or position, values enforced. Without one: cells as
 * they are, absent ones null. Tensors: rows become a tensor. */
bool table_bind(struct form *form, struct table *table, struct input *ret);
/* The first required column that the request has not, or NAMES_NONE. */
long columns_missing(const struct form *form, const bool *has_column);
/* Says so, and which of the names `found` was probably meant by it. */
bool columns_fail(struct form *form, long missing, size_t row_count, const struct names *found);
/* Enforces cells that are in the signature's order already; has_column tells what the request had.
 * None is missing. */
bool cells_enforce(struct form *form, struct json *cells, size_t row_count, const bool *has_column);

/* Objects: the columns are all their keys, in the order of their first appearance. */
bool records_table(struct form *form, const struct json *records, struct table *ret);
/* Objects straight into the cells of a signature with names. */
bool records_bind(struct form *form, const struct json *records, struct input *ret);

/* ERR_BAD_REQUEST with a request that works behind it. */
bool form_error(struct form *form, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The members of a request's top level. */
bool form_records(struct form *form, struct json *value, struct input *ret);
bool form_split(struct form *form, struct json *value, struct input *ret);
bool form_inputs(struct form *form, struct json *value, struct input *ret);
bool form_instances(struct form *form, struct json *value, struct input *ret);
bool form_llm(struct form *form, struct json *body, struct input *ret);
bool form_csv(struct form *form, struct str text, struct input *ret);

/* inputs and instances without a signature: arrays inside arrays form a box. */
bool values_check_inputs(struct form *form, const struct json *value);
bool values_pivot_instances(struct form *form, struct json *value);
/* The same values as tensors. */
bool tensors_bind(struct form *form, struct json *value, bool is_instances, struct input *ret);
bool tensors_bind_table(struct form *form, struct table *table, struct input *ret);

/* What kinds of elements an array has. */
struct elements {
	bool any_object, all_objects, any_array, all_arrays;
};
struct elements elements_of(const struct json *array);
/* An array without objects as rows: scalars are one column, arrays one cell a column. */
bool rows_table(struct form *form, const struct json *rows, struct table *ret);
