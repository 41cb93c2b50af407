/*
 * CSV: cells are text; the signature tells what they mean, without one each column tells it itself
 * (docs/protocol/RULES.md V10).
 */
#include "model/csv.h"
#include "model/enforce_text.h"
#include "model/input_form.h"

static bool type_by_signature(struct form *form, struct table *table);
static bool type_by_content(struct form *form, struct table *table);

bool form_csv(struct form *form, struct str text, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct csv csv;

	if (schema->is_tensor || schema->has_nested)
		return error_set(form->err, ERR_BAD_REQUEST,
			"CSV has no arrays and objects, but the signature does: send JSON");
	if (!csv_read(form->arena, text, &csv, form->err))
		return false;
	struct table table = {csv.row_count, csv.column_count, csv.names, csv.cells};
	if (!table_fits(form, schema->is_declared ? NULL : table.names, table.column_count,
		    table.row_count, form->size_max))
		return false;
	if (!(schema->is_declared ? type_by_signature(form, &table)
				  : type_by_content(form, &table)))
		return false;
	return table_bind(form, &table, ret);
}

static bool is_word(const struct json *cell, const char *const *words)
{
	const struct str text = json_str(cell);

	for (; *words != NULL; words++)
		if (str_is(text, *words))
			return true;
	return false;
}

static bool is_missing_word(const struct json *cell)
{
	static const char *const WORDS[] = {
		"NA", "N/A", "NaN", "nan", "null", "NULL", "None", NULL};

	return is_word(cell, WORDS);
}

static bool is_true_word(const struct json *cell)
{
	static const char *const WORDS[] = {"true", "True", "TRUE", NULL};

	return is_word(cell, WORDS);
}

static bool is_false_word(const struct json *cell)
{
	static const char *const WORDS[] = {"false", "False", "FALSE", NULL};

	return is_word(cell, WORDS);
}

/* A boolean column knows the digits, too. */
static void type_boolean(struct json *cell)
{
	static const char *const ONES[] = {"1", "1.0", NULL};
	static const char *const ZEROS[] = {"0", "0.0", NULL};

	if (is_true_word(cell) || is_word(cell, ONES))
		*cell = json_bool(true);
	else if (is_false_word(cell) || is_word(cell, ZEROS))
		*cell = json_bool(false);
}

static bool type_by_signature(struct form *form, struct table *table)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct names names = {
		.arena = form->arena, .items = table->names, .count = table->column_count};

	for (size_t i = 0; i < schema->count; i++) {
		const enum sig_type type = schema->columns[i].node.type;
		const long place = schema->is_named
					   ? names_find(&names, schema->columns[i].name, i)
					   : (i < table->column_count ? (long)i : NAMES_NONE);
		if (place == NAMES_NONE || type == SIG_STRING)
			continue;
		for (size_t row = 0; row < table->row_count; row++) {
			struct json *cell =
				&table->cells[row * table->column_count + (size_t)place];
			if (cell->type == JSON_NULL)
				continue;
			if (is_missing_word(cell))
				*cell = json_null();
			else if (type == SIG_BOOLEAN)
				type_boolean(cell);
		}
	}
	return true;
}

/* What all cells of a column can be, but for empty ones and words for missing values. */
struct content {
	bool has_values, all_integers, all_numbers, all_booleans;
};

static struct content content_of(const struct table *table, size_t column)
{
	struct content content = {false, true, true, true};

	for (size_t row = 0; row < table->row_count; row++) {
		const struct json *cell = &table->cells[row * table->column_count + column];
		int64_t integer;
		double number;
		if (cell->type == JSON_NULL || is_missing_word(cell))
			continue;
		content.has_values = true;
		content.all_integers &=
			text_plain_integer(json_str(cell), &integer) != TEXT_NO_NUMBER;
		content.all_numbers &= text_double(json_str(cell), &number) != TEXT_NO_NUMBER;
		content.all_booleans &= is_true_word(cell) || is_false_word(cell);
		if (!content.all_numbers && !content.all_booleans)
			break;
	}
	return content;
}

static bool type_number(struct json *cell, bool is_integer)
{
	const struct str text = json_str(cell);
	int64_t integer;
	double number;

	if (is_integer) {
		if (text_plain_integer(text, &integer) != TEXT_NUMBER)
			return false;
		*cell = json_integer(integer);
		return true;
	}
	if (text_double(text, &number) != TEXT_NUMBER)
		return false;
	*cell = json_double(number);
	return true;
}

static bool type_column(struct form *form, struct table *table, size_t column)
{
	const struct content content = content_of(table, column);
	const bool is_text = content.has_values && !content.all_numbers && !content.all_booleans;

	for (size_t row = 0; !is_text && row < table->row_count; row++) {
		struct json *cell = &table->cells[row * table->column_count + column];
		if (cell->type == JSON_NULL)
			continue;
		if (is_missing_word(cell))
			*cell = json_null();
		else if (content.all_booleans)
			*cell = json_bool(is_true_word(cell));
		else if (!type_number(cell, content.all_integers))
			return error_set(form->err, ERR_BAD_REQUEST,
				"row %zu (counted from 0), column '%.*s': %.*s is out of range",
				row, STR_ARGS(text_clip(table->names[column])),
				STR_ARGS(text_clip(json_str(cell))));
	}
	return true;
}

static bool type_by_content(struct form *form, struct table *table)
{
	for (size_t column = 0; column < table->column_count; column++)
		if (!type_column(form, table, column))
			return false;
	return true;
}
