/*
 * Messages: where a value stands, what was expected, what there was instead, and a request that
 * works.
 */
#include "model/enforce.h"

#include "model/enforce_text.h"

enum {
	PLACE_MAX = 400, /* of the path inside a cell, with what stands before it */
	EXPECTED_MAX = 400,
	EXAMPLE_MAX = 900, /* longer examples are left out: half of one works for nobody */
};

static void add_clipped(struct buf *out, struct str text)
{
	const struct str shown = text_clip(text);

	buf_add_str(out, shown);
	if (shown.len < text.len)
		buf_add_text(out, "…");
}

void enforce_show(struct buf *out, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING: {
		const struct str text = json_str(value);
		const struct str shown = text_clip(text);
		json_write_string(out, shown);
		if (shown.len < text.len)
			buf_printf(out, " (%zu bytes)", text.len);
		return;
	}
	case JSON_ARRAY:
		buf_printf(out, "an array of %u", (unsigned)value->size);
		return;
	case JSON_OBJECT:
		buf_printf(out, "an object of %u", (unsigned)value->size);
		return;
	default:
		json_write(out, value);
	}
}

static void add_place(struct buf *out, const struct place *place)
{
	if (place == NULL)
		return;
	add_place(out, place->up);
	if (out->len > PLACE_MAX)
		return;
	if (place->key.data == NULL && place->key.len == 0) {
		buf_printf(out, "[%zu]", place->index);
	} else {
		buf_add_char(out, '.');
		add_clipped(out, place->key);
	}
}

static void add_where(struct buf *out, const struct enforce *enforce, const struct place *place)
{
	if (enforce->has_row)
		buf_printf(out, "row %zu (counted from 0), ", enforce->row);
	if (enforce->name.data != NULL) {
		buf_printf(out, "%s '", enforce->what);
		add_clipped(out, enforce->name);
		buf_add_text(out, "'");
	} else {
		buf_printf(out, "%s %zu", enforce->what, enforce->index);
	}
	if (place != NULL) {
		buf_add_text(out, " at ");
		add_place(out, place);
	}
}

static void add_example(struct buf *out, const struct signature *signature)
{
	struct arena arena;
	const size_t before = out->len;

	if (signature == NULL || !signature->inputs.is_declared)
		return;
	arena_init(&arena);
	const struct json example = signature_example(&arena, signature);
	if (example.type != JSON_ABSENT) {
		buf_add_text(out, "; a request that works: ");
		json_write(out, &example);
	}
	if (out->len - before > EXAMPLE_MAX)
		out->len = before;
	arena_done(&arena);
}

bool enforce_error(const struct signature *signature, struct error *err, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	add_example(&text, signature);
	error_set(err, ERR_INVALID_PARAMETER, "%s", buf_text(&text));
	buf_done(&text);
	return false;
}

bool enforce_fail_text(struct enforce *enforce, const struct place *place, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	add_where(&text, enforce, place);
	buf_add_text(&text, ": ");
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	enforce_error(enforce->signature, enforce->err, "%s", buf_text(&text));
	buf_done(&text);
	return false;
}

bool enforce_fail(struct enforce *enforce, const struct place *place, const char *expected,
	const struct json *value)
{
	struct buf got = {0};

	enforce_show(&got, value);
	const struct str wanted = str_clip(str_of(expected), EXPECTED_MAX);
	enforce_fail_text(
		enforce, place, "expected %.*s, got %s", STR_ARGS(wanted), buf_text(&got));
	buf_done(&got);
	return false;
}
