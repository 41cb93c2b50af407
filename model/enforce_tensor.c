#include "model/enforce_tensor.h"

#include <math.h>

struct walk {
	struct enforce *enforce;
	const struct sig_node *node;
	int64_t shape[SIG_RANK_MAX]; /* as found; -1: not met yet */
};

/* Integer dtypes; uint64 ends where JSON's integers do. */
static const struct {
	int64_t min, max;
} RANGES[SIG_DTYPE_COUNT] = {
	[SIG_INT8] = {INT8_MIN, INT8_MAX},
	[SIG_INT16] = {INT16_MIN, INT16_MAX},
	[SIG_INT32] = {INT32_MIN, INT32_MAX},
	[SIG_INT64] = {INT64_MIN, INT64_MAX},
	[SIG_UINT8] = {0, UINT8_MAX},
	[SIG_UINT16] = {0, UINT16_MAX},
	[SIG_UINT32] = {0, UINT32_MAX},
	[SIG_UINT64] = {0, INT64_MAX},
};

static bool walk_axis(
	struct walk *walk, size_t axis, const struct place *place, struct json *value);
static bool enforce_element(struct enforce *enforce, enum sig_dtype dtype,
	const struct place *place, struct json *value);

static bool fail_shape(struct enforce *enforce, const struct sig_node *node,
	const struct place *place, const struct json *value)
{
	struct buf expected = {0};

	sig_node_write(&expected, node);
	enforce_fail(enforce, place, buf_text(&expected), value);
	buf_done(&expected);
	return false;
}

bool tensor_enforce(struct enforce *enforce, const struct sig_node *node, struct json *value)
{
	struct walk walk = {.enforce = enforce, .node = node};

	for (size_t axis = 0; axis < node->rank; axis++)
		walk.shape[axis] = node->shape[axis];
	return walk_axis(&walk, 0, NULL, value);
}

static bool walk_axis(struct walk *walk, size_t axis, const struct place *place, struct json *value)
{
	struct place inside = {.up = place};

	if (axis == walk->node->rank)
		return enforce_element(walk->enforce, walk->node->dtype, place, value);
	if (value->type != JSON_ARRAY)
		return fail_shape(walk->enforce, walk->node, place, value);
	if (walk->shape[axis] < 0)
		walk->shape[axis] = value->size;
	if (walk->shape[axis] != value->size)
		return fail_shape(walk->enforce, walk->node, place, value);
	/* Nothing tells the rank below an empty array: numpy takes it for the last dimension. */
	if (value->size == 0 && axis + 1 < walk->node->rank)
		return fail_shape(walk->enforce, walk->node, place, value);
	for (; inside.index < value->size; inside.index++)
		if (!walk_axis(walk, axis + 1, &inside, &value->items[inside.index]))
			return false;
	return true;
}

/* The nearest half-precision number: 11 significant bits, 2^-24 the least step. */
static bool round_half(struct json *value)
{
	int exponent;

	frexp(value->number, &exponent);
	const double step = ldexp(1.0, exponent - 11 > -24 ? exponent - 11 : -24);
	const double rounded = nearbyint(value->number / step) * step;
	if (fabs(rounded) > 65504.0)
		return false;
	*value = json_double(rounded);
	return true;
}

static bool enforce_integer(struct enforce *enforce, enum sig_dtype dtype,
	const struct place *place, struct json *value)
{
	const struct json given = *value;

	if (value->type != JSON_NULL) {
		if (!enforce_scalar(enforce, SIG_LONG, place, value))
			return false;
		if (value->integer >= RANGES[dtype].min && value->integer <= RANGES[dtype].max)
			return true;
	}
	return enforce_fail(enforce, place, sig_dtype_name(dtype), &given);
}

static bool enforce_float(struct enforce *enforce, enum sig_dtype dtype, const struct place *place,
	struct json *value)
{
	const struct json given = *value;

	if (value->type == JSON_NULL)
		return true;
	if (!enforce_scalar(enforce, dtype == SIG_FLOAT32 ? SIG_FLOAT : SIG_DOUBLE, place, value))
		return false;
	return dtype != SIG_FLOAT16 || round_half(value) ||
	       enforce_fail(enforce, place, sig_dtype_name(dtype), &given);
}

static bool enforce_element(struct enforce *enforce, enum sig_dtype dtype,
	const struct place *place, struct json *value)
{
	if (dtype == SIG_OBJECT_)
		return true;
	if (value->type == JSON_ARRAY || value->type == JSON_OBJECT)
		return enforce_fail(enforce, place, sig_dtype_name(dtype), value);
	switch (dtype) {
	case SIG_STR:
	case SIG_BYTES:
		return true;
	case SIG_FLOAT16:
	case SIG_FLOAT32:
	case SIG_FLOAT64:
		return enforce_float(enforce, dtype, place, value);
	case SIG_DATETIME64:
		return value->type == JSON_NULL ||
		       enforce_scalar(enforce, SIG_DATETIME, place, value);
	case SIG_BOOL_:
		return enforce_scalar(enforce, SIG_BOOLEAN, place, value);
	default:
		return enforce_integer(enforce, dtype, place, value);
	}
}

struct flat {
	struct json *items;
	size_t count, max; /* filling stops at max + 1: too many is enough to know */
};

/* Leaves in order. False where the nesting is no box. */
static bool flatten(struct flat *flat, const struct json *value)
{
	if (value->type != JSON_ARRAY) {
		if (flat->count < flat->max)
			flat->items[flat->count] = *value;
		flat->count += flat->count <= flat->max;
		return true;
	}
	for (size_t i = 0; i < value->size; i++) {
		const struct json *item = &value->items[i];
		if (item->type != value->items[0].type &&
			(item->type == JSON_ARRAY || value->items[0].type == JSON_ARRAY))
			return false;
		if (item->type == JSON_ARRAY && item->size != value->items[0].size)
			return false;
		if (!flatten(flat, item))
			return false;
	}
	return true;
}

/* The leaves as nested arrays of the axes behind `axis`. */
static struct json unflatten(
	struct arena *arena, const struct sig_node *node, size_t axis, struct json **leaves)
{
	if (axis == node->rank)
		return *(*leaves)++;
	const size_t count = (size_t)node->shape[axis];
	struct json *items = *leaves;

	if (axis + 1 == node->rank) {
		*leaves += count;
		return json_array_of(items, count);
	}
	items = arena_array(arena, count, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = unflatten(arena, node, axis + 1, leaves);
	return json_array_of(items, count);
}

/* How many elements one row has, where the first dimension is free and the others are fixed. */
static bool row_size(const struct sig_node *node, size_t *ret)
{
	size_t size = 1;

	if (node->shape[0] != -1)
		return false;
	for (size_t axis = 1; axis < node->rank; axis++)
		if (node->shape[axis] < 0 ||
			__builtin_mul_overflow(size, (size_t)node->shape[axis], &size))
			return false;
	*ret = size;
	return size < JSON_SIZE_MAX;
}

static bool row_from_cell(struct enforce *enforce, const struct sig_node *node, size_t size,
	const struct json *cell, struct json *ret)
{
	struct flat flat = {
		.items = arena_array(enforce->arena, size, sizeof(struct json)), .max = size};
	struct place place = {0};
	struct json *leaves = flat.items;
	const bool fits_scalar = node->rank == 1 || (node->rank == 2 && node->shape[1] == 1);

	if (cell->type != JSON_ARRAY && !fits_scalar)
		return fail_shape(enforce, node, NULL, cell);
	if (!flatten(&flat, cell) || flat.count != size)
		return fail_shape(enforce, node, NULL, cell);
	for (; place.index < size; place.index++)
		if (!enforce_element(enforce, node->dtype, cell->type == JSON_ARRAY ? &place : NULL,
			    &flat.items[place.index]))
			return false;
	*ret = unflatten(enforce->arena, node, 1, &leaves);
	return true;
}

bool tensor_from_column(struct enforce *enforce, const struct sig_node *node,
	const struct json *cells, size_t stride, size_t row_count, struct json *ret)
{
	size_t size;

	if (!row_size(node, &size))
		return enforce_fail_text(enforce, NULL,
			"rows need a tensor whose first dimension alone is free; send inputs");
	struct json *rows = arena_array(enforce->arena, row_count, sizeof(*rows));
	for (size_t row = 0; row < row_count; row++) {
		enforce->row = row;
		if (!row_from_cell(enforce, node, size, &cells[row * stride], &rows[row]))
			return false;
	}
	*ret = json_array_of(rows, row_count);
	return true;
}

bool tensor_from_rows(struct enforce *enforce, const struct sig_node *node, struct json *cells,
	size_t column_count, size_t row_count, struct json *ret)
{
	if (node->rank != 2 || node->shape[0] != -1 || node->shape[1] != (int64_t)column_count)
		return enforce_fail_text(enforce, NULL,
			"%zu columns need a tensor of shape (-1, %zu)", column_count, column_count);
	struct json *rows = arena_array(enforce->arena, row_count, sizeof(*rows));
	for (size_t row = 0; row < row_count; row++) {
		struct json *cell = &cells[row * column_count];
		enforce->row = row;
		for (struct place place = {0}; place.index < column_count; place.index++)
			if (!enforce_element(enforce, node->dtype, &place, &cell[place.index]))
				return false;
		rows[row] = json_array_of(cell, column_count);
	}
	*ret = json_array_of(rows, row_count);
	return true;
}
