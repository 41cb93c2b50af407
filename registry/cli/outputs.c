#include "cli/outputs.h"

#include <inttypes.h>

enum { COLUMNS_MAX = 64, VALUES_MAX = 12, TEXTS_MAX = 20 };

struct output {
	struct str name;
	size_t count, nulls;
	size_t numbers, texts, others;
	bool has_fractions;
	double min, max, sum; /* of numbers */
	size_t chars_min, chars_max, chars_sum;
	struct json values; /* whole numbers, each once, while they are few */
	bool is_cut;
};

void outputs_init(struct outputs *outputs, struct arena *arena)
{
	*outputs = (struct outputs){.arena = arena, .errors = json_array(), .traces = json_array()};
	outputs->columns = arena_array(arena, COLUMNS_MAX, sizeof(*outputs->columns));
}

static struct output *column_of(struct outputs *outputs, struct str name)
{
	for (size_t i = 0; i < outputs->column_count; i++)
		if (str_eq(outputs->columns[i].name, name))
			return &outputs->columns[i];
	if (outputs->column_count == COLUMNS_MAX)
		return NULL;
	struct output *column = &outputs->columns[outputs->column_count++];
	const struct str kept = {arena_memdup(outputs->arena, name.data, name.len), name.len};
	*column = (struct output){.name = kept, .values = json_array()};
	return column;
}

static void add_once(struct outputs *outputs, struct json *list, const struct json *value, size_t max, bool *ret_is_cut)
{
	for (size_t i = 0; i < list->size; i++)
		if (json_equal(&list->items[i], value))
			return;
	if (list->size < max)
		json_append(outputs->arena, list, json_copy(outputs->arena, value));
	else if (ret_is_cut != NULL)
		*ret_is_cut = true;
}

static void add_number(struct outputs *outputs, struct output *column, const struct json *value)
{
	const double number = json_type(value) == JSON_INTEGER ? (double)value->integer : value->number;

	if (column->numbers == 0 || number < column->min)
		column->min = number;
	if (column->numbers == 0 || number > column->max)
		column->max = number;
	column->sum += number;
	column->numbers++;
	if (json_type(value) == JSON_DOUBLE)
		column->has_fractions = true;
	else
		add_once(outputs, &column->values, value, VALUES_MAX, &column->is_cut);
}

static size_t chars_of(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return count;
}

static void add_text(struct output *column, struct str text)
{
	const size_t chars = chars_of(text);

	if (column->texts == 0 || chars < column->chars_min)
		column->chars_min = chars;
	if (chars > column->chars_max)
		column->chars_max = chars;
	column->chars_sum += chars;
	column->texts++;
}

static void add_value(struct outputs *outputs, struct str name, const struct json *value)
{
	struct output *column = column_of(outputs, name);

	if (column == NULL)
		return;
	column->count++;
	switch (json_type(value)) {
	case JSON_NULL:
		column->nulls++;
		return;
	case JSON_INTEGER:
	case JSON_DOUBLE:
		add_number(outputs, column, value);
		return;
	case JSON_STRING:
		add_text(column, json_str(value));
		if (str_is(name, "error") && value->size > 0)
			add_once(outputs, &outputs->errors, value, TEXTS_MAX, NULL);
		if (str_is(name, "trace_url"))
			add_once(outputs, &outputs->traces, value, TEXTS_MAX, NULL);
		return;
	default:
		column->others++;
	}
}

static void add_row(struct outputs *outputs, const struct json *row)
{
	const struct json *error = json_get(row, STR("error"));

	outputs->row_count++;
	outputs->rows_failed += json_type(error) == JSON_STRING && error->size > 0;
	if (json_type(row) != JSON_OBJECT) {
		add_value(outputs, STR("prediction"), row);
		return;
	}
	for (size_t i = 0; i < row->size; i++)
		add_value(outputs, json_str(&row->members[i].key), &row->members[i].value);
}

/* What a chat says, not the envelope that it says it in. */
static bool add_chat(struct outputs *outputs, const struct json *answer)
{
	static const char *const USED[] = {"prompt_tokens", "completion_tokens", "total_tokens"};
	const struct json *content = json_at(answer, STR("choices.0.message.content"));
	const struct json *usage = json_get(answer, STR("usage"));

	if (content == NULL)
		content = json_at(answer, STR("choices.0.text"));
	if (content == NULL)
		return false;
	outputs->row_count++;
	add_value(outputs, STR("content"), content);
	for (size_t i = 0; i < sizeof(USED) / sizeof(*USED); i++)
		if (json_get(usage, str_of(USED[i])) != NULL)
			add_value(outputs, str_of(USED[i]), json_get(usage, str_of(USED[i])));
	return true;
}

void outputs_add(struct outputs *outputs, const struct json *answer)
{
	const struct json *predictions = json_get(answer, STR("predictions"));

	if (predictions == NULL && add_chat(outputs, answer))
		return;
	if (predictions == NULL)
		predictions = answer;
	if (json_type(predictions) != JSON_ARRAY) {
		add_row(outputs, predictions);
		return;
	}
	for (size_t i = 0; i < predictions->size; i++)
		add_row(outputs, &predictions->items[i]);
}

/* ---- what it comes to ---- */

static const char *type_of(const struct output *column)
{
	if (column->numbers > 0 && column->texts + column->others == 0)
		return column->has_fractions ? "number" : "integer";
	if (column->texts > 0 && column->numbers + column->others == 0)
		return "text";
	return column->count == column->nulls ? "null" : column->texts + column->numbers == 0 ? "object" : "mixed";
}

static void set(const struct outputs *outputs, struct json *record, const char *key, struct json value)
{
	json_set(outputs->arena, record, str_of(key), value);
}

static struct json number_json(const struct output *column, double value)
{
	return column->has_fractions ? json_double(value) : json_integer((int64_t)value);
}

struct json outputs_json(const struct outputs *outputs)
{
	struct json list = json_array();

	for (size_t i = 0; i < outputs->column_count; i++) {
		const struct output *column = &outputs->columns[i];
		struct json record = json_object();

		set(outputs, &record, "column", json_string(column->name));
		set(outputs, &record, "type", json_string(str_of(type_of(column))));
		set(outputs, &record, "count", json_integer((int64_t)column->count));
		set(outputs, &record, "nulls", json_integer((int64_t)column->nulls));
		if (column->numbers > 0) {
			set(outputs, &record, "min", number_json(column, column->min));
			set(outputs, &record, "mean", json_double(column->sum / (double)column->numbers));
			set(outputs, &record, "max", number_json(column, column->max));
		}
		if (column->numbers > 0 && !column->has_fractions && !column->is_cut)
			set(outputs, &record, "values", column->values);
		if (column->texts > 0) {
			set(outputs, &record, "chars_min", json_integer((int64_t)column->chars_min));
			set(outputs, &record, "chars_mean",
				json_double((double)column->chars_sum / (double)column->texts));
			set(outputs, &record, "chars_max", json_integer((int64_t)column->chars_max));
		}
		json_append(outputs->arena, &list, record);
	}
	return list;
}

static void write_numbers(struct buf *out, const struct output *column)
{
	const double mean = column->sum / (double)column->numbers;

	if (column->has_fractions) {
		buf_printf(out, "min %g  avg %g  max %g", column->min, mean, column->max);
		return;
	}
	buf_printf(out, "min %" PRId64 "  avg %.4g  max %" PRId64, (int64_t)column->min, mean, (int64_t)column->max);
	for (size_t i = 0; !column->is_cut && i < column->values.size; i++)
		buf_printf(out, "%s%" PRId64, i > 0 ? ", " : "  values ", column->values.items[i].integer);
}

void outputs_write(struct buf *out, const struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->column_count; i++) {
		const struct output *column = &outputs->columns[i];

		buf_add_text(out, "  ");
		buf_add_visible(out, column->name);
		for (size_t j = column->name.len; j < 14; j++)
			buf_add_char(out, ' ');
		buf_printf(out, "  %-7s  ", type_of(column));
		if (column->numbers > 0)
			write_numbers(out, column);
		if (column->texts > 0)
			buf_printf(out, "%s%zu to %zu characters, avg %.4g", column->numbers > 0 ? "; " : "",
				column->chars_min, column->chars_max,
				(double)column->chars_sum / (double)column->texts);
		if (column->nulls > 0)
			buf_printf(out, "%s%zu of %zu null", column->nulls < column->count ? "; " : "", column->nulls,
				column->count);
		buf_add_char(out, '\n');
	}
}
