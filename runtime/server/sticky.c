/*
 * A header's value, or a column's in the first row: dataframe_records, dataframe_split, instances, inputs, CSV; of
 * other requests (chats) the member of that name. What cannot be read sticks to nothing: who answers says what is
 * wrong with it.
 */
#include "server/sticky.h"

#include "model/csv.h"
#include "model/input.h"

static const struct json *first(const struct json *value)
{
	if (json_type(value) != JSON_ARRAY)
		return value;
	return value->size > 0 ? &value->items[0] : NULL;
}

static const struct json *in_split(const struct json *split, struct str column)
{
	const struct json *columns = json_get(split, STR("columns")), *row = first(json_get(split, STR("data")));

	for (size_t i = 0; json_type(columns) == JSON_ARRAY && json_type(row) == JSON_ARRAY && i < columns->size; i++)
		if (str_eq(json_str(&columns->items[i]), column))
			return i < row->size ? &row->items[i] : NULL;
	return NULL;
}

/* Rows, or columns. */
static const struct json *in_tensors(const struct json *value, struct str column)
{
	if (json_type(value) == JSON_ARRAY)
		return json_get(first(value), column);
	return first(json_get(value, column));
}

static const struct json *in_body(const struct json *body, struct str column)
{
	const struct json *found = json_get(body, STR("dataframe_records"));

	if (found != NULL)
		return json_get(first(found), column);
	if ((found = json_get(body, STR("dataframe_split"))) != NULL)
		return in_split(found, column);
	if ((found = json_get(body, STR("instances"))) != NULL || (found = json_get(body, STR("inputs"))) != NULL)
		return in_tensors(found, column);
	return json_get(body, column);
}

static const struct json *in_csv(struct arena *arena, struct str text, struct str column)
{
	struct error ignored;
	struct csv csv;

	if (!csv_read(arena, text, &csv, &ignored) || csv.row_count == 0)
		return NULL;
	for (size_t i = 0; i < csv.column_count; i++)
		if (str_eq(csv.names[i], column))
			return &csv.cells[i];
	return NULL;
}

static struct str text_of(struct arena *arena, const struct json *value)
{
	struct buf text = {0};

	if (json_type(value) == JSON_ABSENT || json_type(value) == JSON_NULL)
		return (struct str){NULL, 0};
	if (json_type(value) == JSON_STRING)
		return json_str(value);
	json_write_canonical(&text, value);
	const struct str copy = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static struct str column_value(const struct http_request *request, struct str column)
{
	enum input_media media;
	struct error ignored;
	struct json body;

	if (!input_media_parse(http_field_get(request, "content-type"), &media, &ignored))
		return (struct str){NULL, 0};
	if (media == INPUT_CSV)
		return text_of(request->arena, in_csv(request->arena, request->body, column));
	if (!json_read(request->arena, request->body, &body, &ignored))
		return (struct str){NULL, 0};
	return text_of(request->arena, in_body(&body, column));
}

struct str sticky_value(struct exchange *exchange)
{
	const struct endpoint *endpoint = exchange->endpoint;

	if (endpoint->sticky == STICKY_HEADER)
		return http_field_get(exchange->request, endpoint->sticky_by);
	if (endpoint->sticky == STICKY_COLUMN)
		return column_value(exchange->request, str_of(endpoint->sticky_by));
	return (struct str){NULL, 0};
}
