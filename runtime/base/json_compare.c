/* Equality and order of values and keys. */
#include "base/json_writer.h"

#include <stdlib.h>

static bool number_equal(const struct json *a, const struct json *b)
{
	if (a->type == b->type)
		return a->type == JSON_INTEGER ? a->integer == b->integer : a->number == b->number;
	const double number = a->type == JSON_DOUBLE ? a->number : b->number;
	const int64_t integer = a->type == JSON_DOUBLE ? b->integer : a->integer;

	/* Not (double)integer == number: that would round above 2^53. */
	return number >= -0x1p63 && number < 0x1p63 && (double)(int64_t)number == number &&
	       (int64_t)number == integer;
}

static int order_members(const void *left, const void *right)
{
	const struct json *a = &(*(const struct json_member *const *)left)->key;
	const struct json *b = &(*(const struct json_member *const *)right)->key;
	const size_t common = a->size < b->size ? a->size : b->size;
	const int order = common > 0 ? memcmp(a->text, b->text, common) : 0;

	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

const struct json_member **json_sorted_members(const struct json *object, size_t *ret_count)
{
	const struct json_member **members =
		malloc((object->size + 1u) * sizeof(const struct json_member *));
	size_t count = 0;

	if (members == NULL)
		abort();
	for (size_t i = 0; i < object->size; i++)
		if (object->members[i].value.type != JSON_ABSENT)
			members[count++] = &object->members[i];
	qsort(members, count, sizeof(*members), order_members);
	*ret_count = count;
	return members;
}

static bool array_equal(const struct json *a, const struct json *b)
{
	if (a->size != b->size)
		return false;
	for (size_t i = 0; i < a->size; i++)
		if (!json_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool member_equal(const struct json_member *a, const struct json_member *b)
{
	return order_members(&a, &b) == 0 && json_equal(&a->value, &b->value);
}

/* Sorting keeps objects of many members, which may come from outside, below quadratic time. */
static bool object_equal(const struct json *a, const struct json *b)
{
	size_t a_count, b_count;
	const struct json_member **a_members = json_sorted_members(a, &a_count);
	const struct json_member **b_members = json_sorted_members(b, &b_count);
	bool is_equal = a_count == b_count;

	for (size_t i = 0; is_equal && i < a_count; i++)
		is_equal = member_equal(a_members[i], b_members[i]);
	free(a_members);
	free(b_members);
	return is_equal;
}

static bool is_number(const struct json *value)
{
	return value->type == JSON_INTEGER || value->type == JSON_DOUBLE;
}

bool json_equal(const struct json *a, const struct json *b)
{
	const enum json_type type = json_type(a);

	if (type == JSON_ABSENT || json_type(b) == JSON_ABSENT)
		return type == json_type(b);
	if (is_number(a) && is_number(b))
		return number_equal(a, b);
	if (type != json_type(b))
		return false;
	switch (type) {
	case JSON_BOOL:
		return a->boolean == b->boolean;
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_ARRAY:
		return array_equal(a, b);
	case JSON_OBJECT:
		return object_equal(a, b);
	default:
		return true;
	}
}
