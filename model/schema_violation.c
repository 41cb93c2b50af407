/*
 * Violations: "POINTER: what is wrong", each of bounded length whatever the value is. A check
 * writes them for every alternative of every element, so nothing here may depend on the value's
 * size.
 */
#include "model/schema_check.h"

enum {
	NAME_MAX_SHOWN = 100,
	POINTER_MAX = 400,
	WRITTEN = 16, /* units: a violation's text */
};

bool schema_is_over(const struct schema_check *check)
{
	return *check->work == 0 || (check->is_silent && check->count > 0);
}

bool schema_is_told(const struct schema_check *check)
{
	return !check->is_silent && check->count < SCHEMA_VIOLATIONS_MAX;
}

bool schema_work(struct schema_check *check, size_t units)
{
	if (*check->work > units) {
		*check->work -= (unsigned)units;
		return true;
	}
	*check->work = 0;
	return false;
}

void schema_shorten(struct buf *text, size_t max)
{
	if (text->len <= max)
		return;
	text->len = str_clip(buf_str(text), max).len;
	buf_add_text(text, "…");
}

/* RFC 6901 */
static void write_name(struct buf *out, struct str name)
{
	struct buf text = {0};

	for (size_t i = 0; i < name.len && text.len <= NAME_MAX_SHOWN; i++) {
		if (name.data[i] == '~')
			buf_add_text(&text, "~0");
		else if (name.data[i] == '/')
			buf_add_text(&text, "~1");
		else
			buf_add_char(&text, name.data[i]);
	}
	schema_shorten(&text, NAME_MAX_SHOWN);
	buf_add_str(out, buf_str(&text));
	buf_done(&text);
}

/* From the root; values nest at most JSON_DEPTH_MAX deep. */
static void write_place(struct buf *out, const struct schema_place *place)
{
	if (place == NULL)
		return;
	write_place(out, place->parent);
	if (out->len > POINTER_MAX)
		return;
	buf_add_char(out, '/');
	if (place->name.data != NULL)
		write_name(out, place->name);
	else
		buf_printf(out, "%zu", place->index);
}

void schema_violation(struct schema_check *check, const char *format, ...)
{
	struct buf pointer = {0};
	va_list args;
	const bool is_told = schema_is_told(check);

	if (schema_is_over(check) || (is_told && !schema_work(check, WRITTEN)))
		return;
	check->count++;
	if (!is_told)
		return;
	write_place(&pointer, check->place);
	schema_shorten(&pointer, POINTER_MAX);
	buf_printf(&check->text, "%s%s: ", check->count > 1 ? "; " : "",
		check->place != NULL ? buf_text(&pointer) : "(root)");
	va_start(args, format);
	buf_vprintf(&check->text, format, args);
	va_end(args);
	buf_done(&pointer);
}

static void show_string(struct buf *out, struct str text, size_t max)
{
	/* To a character's border: half of one would be shown as a replacement. */
	json_write_string(out, str_clip(text, max));
}

/* Writes until more than `max` bytes are there. */
static void show(struct buf *out, const struct json *value, size_t max)
{
	const enum json_type type = json_type(value);
	const size_t count = type == JSON_ARRAY || type == JSON_OBJECT ? value->size : 0;

	if (type == JSON_STRING)
		show_string(out, json_str(value), max + 1);
	else if (type != JSON_ARRAY && type != JSON_OBJECT)
		json_write(out, value);
	else
		buf_add_char(out, type == JSON_ARRAY ? '[' : '{');
	for (size_t i = 0; i < count && out->len <= max; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		if (type == JSON_OBJECT) {
			show_string(out, json_str(&value->members[i].key), max + 1);
			buf_add_char(out, ':');
		}
		show(out, type == JSON_ARRAY ? &value->items[i] : &value->members[i].value, max);
	}
	if (type == JSON_ARRAY || type == JSON_OBJECT)
		buf_add_char(out, type == JSON_ARRAY ? ']' : '}');
}

const char *schema_show(struct buf *out, const struct json *value, size_t max)
{
	out->len = 0;
	show(out, value, max);
	schema_shorten(out, max);
	return buf_text(out);
}
