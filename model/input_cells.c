/*
 * Cells: what all forms need of tables, whatever form they came in; uses no other file of a form.
 */
#include "model/enforce_text.h"
#include "model/input_form.h"

enum { EXPECTED_MAX = 400 }; /* bytes of a type in a message */

bool form_error(struct form *form, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	enforce_error(form->signature, form->err, "%s", buf_text(&text));
	if (form->err != NULL)
		form->err->code = ERR_BAD_REQUEST;
	buf_done(&text);
	return false;
}

struct elements elements_of(const struct json *array)
{
	struct elements kinds = {.all_objects = true, .all_arrays = true};

	for (size_t i = 0; i < array->size; i++) {
		const enum json_type type = (enum json_type)array->items[i].type;
		kinds.any_object |= type == JSON_OBJECT;
		kinds.all_objects &= type == JSON_OBJECT;
		kinds.any_array |= type == JSON_ARRAY;
		kinds.all_arrays &= type == JSON_ARRAY;
	}
	return kinds;
}

bool table_fits(struct form *form, const struct str *names, size_t column_count, size_t row_count,
	size_t size_max)
{
	size_t width = 0, size;

	for (size_t i = 0; i < column_count; i++)
		width += sizeof(struct json) + (names != NULL ? names[i].len : 0);
	if (!__builtin_mul_overflow(width, row_count, &size) && size <= size_max)
		return true;
	return error_set(form->err, ERR_TOO_LARGE,
		"a table of %zu rows and %zu columns is too large", row_count, column_count);
}

const struct str *table_numbered(struct arena *arena, size_t count)
{
	struct str *names = arena_array(arena, count, sizeof(*names));

	for (size_t i = 0; i < count; i++)
		names[i] = str_of(arena_printf(arena, "%zu", i));
	return names;
}

/* "; found 'Subject': names are case-sensitive" */
static void add_found(
	struct form *form, struct buf *out, struct str name, const struct names *found)
{
	const long nearest = names_nearest(found, name);

	if (nearest == NAMES_NONE) {
		if (found->count == 1 && memchr(found->items[0].data, ';', found->items[0].len))
			buf_printf(out, "; columns found: '%.*s'",
				STR_ARGS(text_clip(found->items[0])));
		return;
	}
	const struct str near = found->items[nearest];
	const struct sig_schema *schema = &form->signature->inputs;
	struct names known = {.arena = form->arena, .items = schema->names, .count = schema->count};
	/* It means another column. */
	if (names_find(&known, near, 0) != NAMES_NONE)
		return;
	buf_printf(out, "; found '%.*s'%s", STR_ARGS(text_clip(near)),
		str_eq_nocase(near, name) ? ": names are case-sensitive" : ", did you mean that?");
}

long columns_missing(const struct form *form, const bool *has_column)
{
	const struct sig_schema *schema = &form->signature->inputs;

	for (size_t i = 0; i < schema->count; i++)
		if (!has_column[i] && schema->columns[i].is_required)
			return (long)i;
	return NAMES_NONE;
}

bool columns_fail(struct form *form, long missing, size_t row_count, const struct names *found)
{
	const struct sig_property *column = &form->signature->inputs.columns[missing];
	struct buf type = {0}, hint = {0};

	sig_node_write(&type, &column->node);
	if (found->count > 0)
		add_found(form, &hint, column->name, found);
	enforce_error(form->signature, form->err,
		"%scolumn '%.*s' is missing: expected %.*s (required)%s",
		row_count == 0 && found->count == 0 ? "there are no rows, and so " : "",
		STR_ARGS(text_clip(column->name)), STR_ARGS(str_clip(buf_str(&type), EXPECTED_MAX)),
		buf_text(&hint));
	buf_done(&type);
	buf_done(&hint);
	return false;
}

/* Columns of text or any value have nothing to check; only what is absent becomes null. */
static void fill_column(struct json *cells, size_t stride, size_t row_count)
{
	for (size_t row = 0; row < row_count; row++)
		if (cells[row * stride].type == JSON_ABSENT)
			cells[row * stride] = json_null();
}

/* After enforcement: the default was checked when the bundle was loaded. */
static void fill_default(struct json *cells, size_t stride, size_t row_count, struct json fallback)
{
	for (size_t row = 0; row < row_count; row++)
		if (cells[row * stride].type <= JSON_NULL)
			cells[row * stride] = fallback;
}

static bool enforce_column(struct form *form, size_t index, struct json *cells, size_t row_count)
{
	const struct sig_schema *schema = &form->signature->inputs;
	const struct sig_property *column = &schema->columns[index];
	struct enforce enforce = {
		.arena = form->arena,
		.signature = form->signature,
		.what = "column",
		.name = column->name,
		.index = index,
		.has_row = true,
		.err = form->err,
	};

	for (; enforce.row < row_count; enforce.row++) {
		struct json *cell = &cells[enforce.row * schema->count];
		if (cell->type == JSON_ABSENT)
			*cell = json_null();
		if (!enforce_cell(&enforce, &column->node, column->is_required, cell))
			return false;
	}
	return true;
}

bool cells_enforce(struct form *form, struct json *cells, size_t row_count, const bool *has_column)
{
	const struct sig_schema *schema = &form->signature->inputs;

	for (size_t i = 0; i < schema->count; i++) {
		const enum sig_type type = schema->columns[i].node.type;
		const struct json fallback = schema->columns[i].fallback;

		if (has_column[i] && (type == SIG_STRING || type == SIG_ANY))
			fill_column(&cells[i], schema->count, row_count);
		else if (has_column[i] && !enforce_column(form, i, &cells[i], row_count))
			return false;
		if (fallback.type != JSON_ABSENT)
			fill_default(&cells[i], schema->count, row_count, fallback);
	}
	return true;
}
