/*
 * The echo: validated input as an answer. Keys are written once a bundle, or once a request where
 * the request named the columns; a row is then a few copies.
 */
#include "model/input_form.h"

static void write_cell(struct buf *out, const struct json *cell)
{
	if (cell->type != JSON_STRING || !cell->is_plain || cell->size == 0) {
		json_write(out, cell);
		return;
	}
	char *at = buf_reserve(out, (size_t)cell->size + 2);
	at[0] = '"';
	memcpy(at + 1, cell->text, cell->size);
	at[cell->size + 1] = '"';
	out->len += (size_t)cell->size + 2;
}

/* Stops behind the row that makes `out` longer than `len_max`. */
static void write_rows(
	struct buf *out, const struct input *input, const struct str *keys, size_t len_max)
{
	const struct json *cell = input->cells;

	for (size_t row = 0; row < input->row_count && out->len <= len_max; row++) {
		char mark = '{';
		if (row > 0)
			buf_add_char(out, ',');
		for (size_t i = 0; i < input->column_count; i++, cell++) {
			if (cell->type == JSON_ABSENT)
				continue;
			buf_add_char(out, mark);
			buf_add_str(out, keys[i]);
			write_cell(out, cell);
			mark = ',';
		}
		buf_add_text(out, mark == '{' ? "{}" : "}");
	}
}

/* Columns that the request named have no keys at hand. */
static void write_named_rows(struct buf *out, const struct input *input, size_t len_max)
{
	struct arena arena;
	struct buf text = {0};

	arena_init(&arena);
	struct str *keys = arena_array(&arena, input->column_count, sizeof(*keys));
	for (size_t i = 0; i < input->column_count; i++) {
		text.len = 0;
		json_write_string(&text, input->columns[i]);
		buf_add_char(&text, ':');
		keys[i] = (struct str){arena_memdup(&arena, text.data, text.len), text.len};
	}
	write_rows(out, input, keys, len_max);
	buf_done(&text);
	arena_done(&arena);
}

bool input_write_within(
	struct buf *out, const struct input *input, size_t size_max, struct error *err)
{
	const size_t len_max = size_max < SIZE_MAX - out->len ? out->len + size_max : SIZE_MAX;

	if (!input->is_bare)
		buf_add_text(out, "{\"predictions\":");
	if (input->shape == INPUT_VALUE) {
		json_write(out, &input->value);
	} else {
		buf_add_char(out, '[');
		if (input->keys != NULL)
			write_rows(out, input, input->keys, len_max);
		else
			write_named_rows(out, input, len_max);
		buf_add_char(out, ']');
	}
	if (!input->is_bare)
		buf_add_char(out, '}');
	return out->len <= len_max ||
	       error_set(err, ERR_TOO_LARGE, "the answer is longer than %zu bytes", size_max);
}

void input_write(struct buf *out, const struct input *input)
{
	input_write_within(out, input, SIZE_MAX, NULL);
}
