/* The same tables as text: JSON Schema for editors, rows of a reference page for people. */
#include "base/decode.h"

#include <math.h>

struct schema_writer {
	struct arena *arena;
	bool is_expanded; /* text with ${…} may stand for every value */
};

static struct json schema_of_fields(
	const struct schema_writer *writer, const struct decode_field *fields, size_t first_offset);

static void set_text(struct arena *arena, struct json *object, const char *key, const char *text)
{
	json_set(arena, object, str_of(key), json_string(str_of(text)));
}

static struct json type_object(struct arena *arena, const char *type)
{
	struct json object = json_object();

	if (type != NULL)
		set_text(arena, &object, "type", type);
	return object;
}

static struct json choices_array(struct arena *arena, const char *const *choices)
{
	struct json array = json_array();

	for (; *choices != NULL; choices++)
		json_append(arena, &array, json_string(str_of(*choices)));
	return array;
}

static struct json number(double value)
{
	if (value == floor(value) && fabs(value) < 9e15)
		return json_integer((int64_t)value);
	return json_double(value);
}

static const char *schema_type(enum json_type type)
{
	switch (type) {
	case JSON_BOOL:
		return "boolean";
	case JSON_INTEGER:
		return "integer";
	case JSON_DOUBLE:
		return "number";
	case JSON_STRING:
		return "string";
	case JSON_ARRAY:
		return "array";
	case JSON_OBJECT:
		return "object";
	default:
		return NULL;
	}
}

static const char *field_type(const struct decode_field *field)
{
	switch (field->kind) {
	case DECODE_STRING:
	case DECODE_SECRET:
	case DECODE_ENUM:
		return "string";
	case DECODE_BOOL:
		return "boolean";
	case DECODE_INTEGER:
		return "integer";
	case DECODE_DOUBLE:
		return "number";
	case DECODE_STRINGS:
	case DECODE_LIST:
		return "array";
	case DECODE_OBJECT:
	case DECODE_MAP:
		return "object";
	case DECODE_JSON:
		return schema_type(field->json_type);
	case DECODE_CUSTOM:
		break;
	}
	return NULL;
}

static struct json fallback_value(struct arena *arena, const struct decode_field *field)
{
	struct json value;

	if (field->kind == DECODE_STRING || field->kind == DECODE_ENUM ||
		!json_read(arena, str_of(field->fallback), &value, NULL))
		return json_string(str_of(field->fallback));
	return value;
}

static void add_shape(
	const struct schema_writer *writer, const struct decode_field *field, struct json *schema)
{
	struct arena *arena = writer->arena;

	if (field->kind == DECODE_STRINGS)
		json_set(arena, schema, STR("items"), type_object(arena, "string"));
	else if (field->kind == DECODE_LIST)
		json_set(arena, schema, STR("items"), schema_of_fields(writer, field->fields, 0));
	else if (field->kind == DECODE_MAP)
		json_set(arena, schema, STR("additionalProperties"),
			schema_of_fields(writer, field->fields, 1));
	else if (field->kind == DECODE_ENUM)
		json_set(arena, schema, STR("enum"), choices_array(arena, field->choices));
}

/* Strings hold ${…} anyway. */
static bool takes_reference(const struct decode_field *field)
{
	return field->kind == DECODE_BOOL || field->kind == DECODE_INTEGER ||
	       field->kind == DECODE_DOUBLE || field->kind == DECODE_ENUM;
}

static struct json or_reference(struct arena *arena, struct json schema)
{
	struct json reference = type_object(arena, "string"), either = json_object();
	struct json list = json_array();

	set_text(arena, &reference, "pattern", "\\$\\{");
	json_append(arena, &list, schema);
	json_append(arena, &list, reference);
	json_set(arena, &either, STR("anyOf"), list);
	return either;
}

/* Without "type": a custom field may take more than the object that its fields describe. */
static struct json schema_of_custom(
	const struct schema_writer *writer, const struct decode_field *field)
{
	struct json whole, open = json_object();

	if (field->fields == NULL)
		return open;
	whole = schema_of_fields(writer, field->fields, 0);
	for (size_t i = 0; i < whole.size; i++)
		if (!str_is(json_str(&whole.members[i].key), "type"))
			json_set(writer->arena, &open, json_str(&whole.members[i].key),
				whole.members[i].value);
	return open;
}

static struct json schema_of_scalar(
	const struct schema_writer *writer, const struct decode_field *field)
{
	struct arena *arena = writer->arena;
	struct json schema = type_object(arena, field_type(field));

	add_shape(writer, field, &schema);
	if (field->min < field->max) {
		json_set(arena, &schema, STR("minimum"), number(field->min));
		json_set(arena, &schema, STR("maximum"), number(field->max));
	}
	return writer->is_expanded && takes_reference(field) ? or_reference(arena, schema) : schema;
}

static struct json schema_of_field(
	const struct schema_writer *writer, const struct decode_field *field)
{
	struct arena *arena = writer->arena;
	struct json schema = field->kind == DECODE_OBJECT
				     ? schema_of_fields(writer, field->fields, 0)
			     : field->kind == DECODE_CUSTOM ? schema_of_custom(writer, field)
							    : schema_of_scalar(writer, field);

	if (field->fallback != NULL && field->kind != DECODE_STRINGS)
		json_set(arena, &schema, STR("default"), fallback_value(arena, field));
	if (field->help != NULL)
		set_text(arena, &schema, "description", field->help);
	return schema;
}

static struct json schema_of_fields(
	const struct schema_writer *writer, const struct decode_field *fields, size_t first_offset)
{
	struct arena *arena = writer->arena;
	struct json schema = type_object(arena, "object");
	struct json properties = json_object(), required = json_array();

	for (; fields->name != NULL; fields++) {
		if (fields->offset < first_offset)
			continue;
		json_set(arena, &properties, str_of(fields->name), schema_of_field(writer, fields));
		if (fields->is_required)
			json_append(arena, &required, json_string(str_of(fields->name)));
	}
	json_set(arena, &schema, STR("properties"), properties);
	if (required.size > 0)
		json_set(arena, &schema, STR("required"), required);
	json_set(arena, &schema, STR("additionalProperties"), json_bool(false));
	return schema;
}

struct json decode_schema(struct arena *arena, const struct decode_field *fields, bool is_expanded)
{
	const struct schema_writer writer = {arena, is_expanded};
	struct json schema = json_object();
	const struct json body = schema_of_fields(&writer, fields, 0);

	set_text(arena, &schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	for (size_t i = 0; i < body.size; i++)
		json_set(arena, &schema, json_str(&body.members[i].key), body.members[i].value);
	return schema;
}

/* A table's cell must not hold a bar. */
static void add_cell(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void add_type(struct buf *out, const struct decode_field *field)
{
	switch (field->kind) {
	case DECODE_SECRET:
		buf_add_text(out, "secret");
		break;
	case DECODE_STRINGS:
		buf_add_text(out, "list of strings");
		break;
	case DECODE_LIST:
		buf_add_text(out, "list");
		break;
	case DECODE_MAP:
		buf_add_text(out, "object: name to settings");
		break;
	case DECODE_ENUM:
		for (size_t i = 0; field->choices[i] != NULL; i++)
			buf_printf(out, "%s`%s`", i > 0 ? ", " : "", field->choices[i]);
		break;
	default:
		buf_add_text(out, field_type(field) != NULL ? field_type(field) : "any");
	}
	if (field->min < field->max)
		buf_printf(out, ", %.15g to %.15g", field->min, field->max);
}

static void add_row(struct buf *out, const struct decode_field *field, const char *key)
{
	buf_printf(out, "| `%s` | ", key);
	add_type(out, field);
	buf_add_text(out, " | ");
	if (field->is_required)
		buf_add_text(out, "required");
	else if (field->fallback != NULL)
		buf_printf(out, "`%s`", field->fallback);
	buf_add_text(out, " | ");
	add_cell(out, field->help != NULL ? field->help : "");
	buf_add_text(out, " |\n");
}

static void reference(
	struct buf *out, const struct decode_field *fields, const char *prefix, size_t first_offset)
{
	for (; fields->name != NULL; fields++) {
		struct buf key = {0};
		if (fields->offset < first_offset)
			continue;
		buf_printf(&key, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", fields->name);
		add_row(out, fields, buf_text(&key));
		if (fields->kind == DECODE_LIST)
			buf_add_text(&key, "[]");
		else if (fields->kind == DECODE_MAP)
			buf_add_text(&key, ".NAME");
		if (fields->fields != NULL)
			reference(out, fields->fields, buf_text(&key),
				fields->kind == DECODE_MAP ? 1 : 0);
		buf_done(&key);
	}
}

void decode_reference(struct buf *out, const struct decode_field *fields, const char *prefix)
{
	reference(out, fields, prefix != NULL ? prefix : "", 0);
}
