/* JSON for people: two spaces a level, one element a line. Not fast, and built on the compact
 * writer. */
#include "base/json_writer.h"

static void write_level(struct buf *out, const struct json *value, size_t level);

static void new_line(struct buf *out, size_t level)
{
	memset(buf_reserve(out, 1 + 2 * level), ' ', 1 + 2 * level);
	out->data[out->len] = '\n';
	out->len += 1 + 2 * level;
}

static void write_array(struct buf *out, const struct json *array, size_t level)
{
	for (size_t i = 0; i < array->size; i++) {
		buf_add_char(out, i == 0 ? '[' : ',');
		new_line(out, level + 1);
		write_level(out, &array->items[i], level + 1);
	}
	if (array->size == 0)
		buf_add_char(out, '[');
	else
		new_line(out, level);
	buf_add_char(out, ']');
}

static void write_object(struct buf *out, const struct json *object, size_t level)
{
	bool is_empty = true;

	for (size_t i = 0; i < object->size; i++) {
		const struct json_member *member = &object->members[i];

		if (member->value.type == JSON_ABSENT)
			continue;
		buf_add_char(out, is_empty ? '{' : ',');
		is_empty = false;
		new_line(out, level + 1);
		json_write(out, &member->key);
		buf_add_text(out, ": ");
		write_level(out, &member->value, level + 1);
	}
	if (is_empty)
		buf_add_char(out, '{');
	else
		new_line(out, level);
	buf_add_char(out, '}');
}

static void write_level(struct buf *out, const struct json *value, size_t level)
{
	if (value->type == JSON_ARRAY)
		write_array(out, value, level);
	else if (value->type == JSON_OBJECT)
		write_object(out, value, level);
	else
		json_write(out, value);
}

void json_write_pretty(struct buf *out, const struct json *value)
{
	write_level(out, value, 0);
}
