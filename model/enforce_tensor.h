#pragma once
/*
 * Tensors: nested arrays against dtype and shape, converted in place (docs/protocol/RULES.md V8).
 */
#include "model/enforce.h"

/* An array of the declared rank whose dimensions are the declared ones (-1 is free) and whose rows
 * agree. */
bool tensor_enforce(struct enforce *enforce, const struct sig_node *node, struct json *value);

/* The cells of one column, `stride` apart: each is flattened and takes the declared shape of one
 * row. */
bool tensor_from_column(struct enforce *enforce, const struct sig_node *node,
	const struct json *cells, size_t stride, size_t row_count, struct json *ret);
/* Rows of scalars, each a row of a tensor of rank 2. */
bool tensor_from_rows(struct enforce *enforce, const struct sig_node *node, struct json *cells,
	size_t column_count, size_t row_count, struct json *ret);
