/*
 * Equality for enum, const and uniqueItems. Values come from a model, so every comparison is
 * charged by what it looks at, and an array's items are compared by sorting, not each with each.
 */
#include "base/json_writer.h"
#include "model/schema_check.h"

#include <stdlib.h>

enum {
	BYTES_A_UNIT = 64, /* compared */
	TEXT_A_UNIT = 8,   /* written, and compared while sorting */
	SORTED_MEMBER = 4, /* units */
};

static bool arrays_equal(struct schema_check *check, const struct json *a, const struct json *b)
{
	bool is_equal = a->size == b->size;

	for (size_t i = 0; is_equal && i < a->size; i++)
		is_equal = schema_equal(check, &a->items[i], &b->items[i]);
	return is_equal;
}

static bool objects_equal(struct schema_check *check, const struct json *a, const struct json *b)
{
	size_t a_count, b_count;

	if (!schema_work(check, ((size_t)a->size + b->size) * SORTED_MEMBER))
		return false;
	const struct json_member **a_members = json_sorted_members(a, &a_count);
	const struct json_member **b_members = json_sorted_members(b, &b_count);
	bool is_equal = a_count == b_count;

	for (size_t i = 0; is_equal && i < a_count; i++)
		is_equal = schema_equal(check, &a_members[i]->key, &b_members[i]->key) &&
			   schema_equal(check, &a_members[i]->value, &b_members[i]->value);
	free(a_members);
	free(b_members);
	return is_equal;
}

bool schema_equal(struct schema_check *check, const struct json *a, const struct json *b)
{
	const enum json_type type = json_type(a);
	const bool is_text = type == JSON_STRING && json_type(b) == JSON_STRING;

	if (!schema_work(check, 1 + (is_text ? a->size / BYTES_A_UNIT : 0)))
		return false;
	if (type == JSON_ARRAY && json_type(b) == JSON_ARRAY)
		return arrays_equal(check, a, b);
	if (type == JSON_OBJECT && json_type(b) == JSON_OBJECT)
		return objects_equal(check, a, b);
	return json_equal(a, b);
}

struct item {
	struct str text; /* canonical: equal values have equal ones, and no others */
	size_t index;
};

static int order_texts(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->text.len != b->text.len)
		return a->text.len < b->text.len ? -1 : 1;
	const int order = a->text.len > 0 ? memcmp(a->text.data, b->text.data, a->text.len) : 0;
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* False where the work runs out. */
static bool write_items(
	struct schema_check *check, const struct json *array, struct buf *text, struct item *items)
{
	for (size_t i = 0; i < array->size; i++) {
		const size_t from = text->len;

		json_write_canonical(text, &array->items[i]);
		items[i] = (struct item){.text.len = text->len - from, .index = i};
		if (!schema_work(check, 2 + items[i].text.len / TEXT_A_UNIT))
			return false;
	}
	/* Only now: the buffer moves while it grows. */
	const char *at = text->data;
	for (size_t i = 0; i < array->size; at += items[i++].text.len)
		items[i].text.data = at;
	return true;
}

void schema_check_unique(struct schema_check *check, const struct json *array)
{
	struct buf text = {0}, room = {0};
	const struct item *equal = NULL;

	if (array->size < 2)
		return;
	struct item *items = (struct item *)buf_reserve(&room, array->size * sizeof(*items));
	if (write_items(check, array, &text, items)) {
		qsort(items, array->size, sizeof(*items), order_texts);
		/* Of all pairs the one whose second item comes first. */
		for (size_t i = 1; i < array->size; i++)
			if (str_eq(items[i - 1].text, items[i].text) &&
				(equal == NULL || items[i].index < equal[1].index))
				equal = &items[i - 1];
	}
	if (equal != NULL)
		schema_violation(check, "items %zu and %zu are equal, but must differ",
			equal[0].index, equal[1].index);
	buf_done(&room);
	buf_done(&text);
}
