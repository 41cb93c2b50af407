/*
 * Decode: one walk over a table of fields and a tree. Scalars are read by decode_scalar.c,
 * containers walk on. A mistake never stops the walk: all of them are wanted.
 */
#include "base/decode_scalar.h"

#include <assert.h>

enum { KEYS_LISTED_MAX = 8 };

static void decode_members(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, size_t first_offset, void *ret);
static void check_unknown(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, size_t first_offset);
static void decode_field(struct decoder *decoder, const struct json *object,
	const struct decode_field *field, void *ret);
static void set_fallbacks(struct decoder *decoder, const struct decode_field *fields, void *ret);

void decode_object(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, void *ret)
{
	decode_members(decoder, object, fields, 0, ret);
}

/* `first_offset` is 1 in maps: the row at offset 0 stands for the key. */
static void decode_members(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, size_t first_offset, void *ret)
{
	if (json_type(object) != JSON_OBJECT) {
		decode_problem(
			decoder, object, "expected an object, got %s", decode_got(decoder, object));
		set_fallbacks(decoder, fields, ret);
		return;
	}
	check_unknown(decoder, object, fields, first_offset);
	for (const struct decode_field *field = fields; field->name != NULL; field++)
		if (field->offset >= first_offset)
			decode_field(decoder, object, field, ret);
}

static bool is_known(struct str key, const struct decode_field *fields, size_t first_offset)
{
	for (; fields->name != NULL; fields++)
		if (fields->offset >= first_offset && str_is(key, fields->name))
			return true;
	return false;
}

static const char *joined(struct arena *arena, const char *const *names)
{
	struct buf list = {0};

	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	const char *text = arena_strdup(arena, buf_text(&list));
	buf_done(&list);
	return text;
}

static void report_unknown(struct decoder *decoder, const struct json *key,
	const struct decode_field *fields, size_t first_offset)
{
	size_t count = 0;

	for (const struct decode_field *field = fields; field->name != NULL; field++)
		count++;
	const char **names = arena_array(decoder->arena, count + 1, sizeof(*names));
	count = 0;
	for (const struct decode_field *field = fields; field->name != NULL; field++)
		if (field->offset >= first_offset)
			names[count++] = field->name;
	names[count] = NULL;

	const char *key_text = decode_shown(decoder, json_str(key));
	const char *nearest = decode_nearest(json_str(key), names);
	if (nearest != NULL)
		decode_problem(
			decoder, key, "unknown key '%s', did you mean '%s'?", key_text, nearest);
	else if (count <= KEYS_LISTED_MAX)
		decode_problem(decoder, key, "unknown key '%s', expected %s", key_text,
			joined(decoder->arena, names));
	else
		decode_problem(decoder, key, "unknown key '%s'", key_text);
}

static void check_unknown(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, size_t first_offset)
{
	for (size_t i = 0; i < object->size; i++) {
		const struct json *key = &object->members[i].key;
		if (is_known(json_str(key), fields, first_offset))
			continue;
		if (decoder->problems->count < PROBLEMS_MAX)
			report_unknown(decoder, key, fields, first_offset);
		else
			decoder->problems->left_out++;
	}
}

static void read_strings(struct decoder *decoder, const struct json *given, void *ret)
{
	struct decode_list *list = ret;

	if (json_type(given) != JSON_ARRAY) {
		decode_problem(decoder, given, "expected a list of strings, got %s",
			decode_got(decoder, given));
		return;
	}
	struct str *items = arena_array(decoder->arena, given->size, sizeof(*items));
	for (size_t i = 0; i < given->size; i++) {
		items[i] = (struct str){0};
		decode_enter_index(decoder, i);
		decode_string(decoder, &given->items[i], &items[i]);
		decode_leave(decoder);
	}
	*list = (struct decode_list){.items = items, .count = given->size};
}

/* A tree with its strings expanded; shares what did not change. */
static bool expand_tree(struct decoder *decoder, const struct json *given, struct json *ret)
{
	bool is_fine = true;

	*ret = *given;
	ret->is_growable = 0;
	if (json_type(given) == JSON_STRING)
		return decode_expand_text(decoder, given, ret);
	if (json_type(given) == JSON_ARRAY) {
		ret->items = arena_array(decoder->arena, given->size, sizeof(*ret->items));
		for (size_t i = 0; i < given->size; i++) {
			decode_enter_index(decoder, i);
			is_fine &= expand_tree(decoder, &given->items[i], &ret->items[i]);
			decode_leave(decoder);
		}
	} else if (json_type(given) == JSON_OBJECT) {
		ret->members = arena_array(decoder->arena, given->size, sizeof(*ret->members));
		for (size_t i = 0; i < given->size; i++) {
			const struct json_member *member = &given->members[i];
			ret->members[i].key = member->key;
			decode_enter(decoder, decode_shown(decoder, json_str(&member->key)));
			is_fine &= expand_tree(decoder, &member->value, &ret->members[i].value);
			decode_leave(decoder);
		}
	}
	return is_fine;
}

static void read_json(struct decoder *decoder, const struct json *given, void *ret)
{
	const struct json wanted = {.type = decoder->field->json_type};
	struct json value;

	if (decoder->field->json_type != JSON_ABSENT &&
		json_type(given) != decoder->field->json_type)
		decode_problem(decoder, given, "expected %s, got %s", json_type_name(&wanted),
			decode_got(decoder, given));
	else if (decoder->expand == NULL)
		*(struct json *)ret = *given;
	else if (expand_tree(decoder, given, &value))
		*(struct json *)ret = value;
}

static void read_object(struct decoder *decoder, const struct json *given, void *ret)
{
	decode_members(decoder, given, decoder->field->fields, 0, ret);
}

static void read_list(struct decoder *decoder, const struct json *given, void *ret)
{
	const struct decode_field *field = decoder->field;
	struct decode_list *list = ret;

	if (json_type(given) != JSON_ARRAY) {
		decode_problem(
			decoder, given, "expected a list, got %s", decode_got(decoder, given));
		return;
	}
	char *items = arena_array(decoder->arena, given->size, field->size);
	for (size_t i = 0; i < given->size; i++) {
		memset(items + i * field->size, 0, field->size);
		decode_enter_index(decoder, i);
		decode_members(
			decoder, &given->items[i], field->fields, 0, items + i * field->size);
		decode_leave(decoder);
	}
	*list = (struct decode_list){.items = items, .count = given->size};
}

static void read_map(struct decoder *decoder, const struct json *given, void *ret)
{
	const struct decode_field *field = decoder->field;
	struct decode_list *list = ret;

	if (json_type(given) != JSON_OBJECT) {
		decode_problem(decoder, given, "expected an object, name to settings, got %s",
			decode_got(decoder, given));
		return;
	}
	assert(field->size >= sizeof(struct str));
	char *items = arena_array(decoder->arena, given->size, field->size);
	for (size_t i = 0; i < given->size; i++) {
		const struct json_member *member = &given->members[i];
		char *item = items + i * field->size;
		memset(item, 0, field->size);
		*(struct str *)item = json_str(&member->key);
		decode_enter(decoder, decode_shown(decoder, json_str(&member->key)));
		decode_members(decoder, &member->value, field->fields, 1, item);
		decode_leave(decoder);
	}
	*list = (struct decode_list){.items = items, .count = given->size};
}

static void read_custom(struct decoder *decoder, const struct json *given, void *ret)
{
	decoder->field->custom(decoder, given, ret);
}

static decode_reader *const READERS[] = {
	[DECODE_STRING] = decode_string,
	[DECODE_BOOL] = decode_bool,
	[DECODE_INTEGER] = decode_integer,
	[DECODE_DOUBLE] = decode_double,
	[DECODE_SECRET] = decode_secret,
	[DECODE_ENUM] = decode_enum,
	[DECODE_STRINGS] = read_strings,
	[DECODE_JSON] = read_json,
	[DECODE_OBJECT] = read_object,
	[DECODE_LIST] = read_list,
	[DECODE_MAP] = read_map,
	[DECODE_CUSTOM] = read_custom,
};

static void set_fallbacks(struct decoder *decoder, const struct decode_field *fields, void *ret)
{
	for (; fields->name != NULL; fields++) {
		void *at = (char *)ret + fields->offset;
		if (fields->kind == DECODE_OBJECT)
			set_fallbacks(decoder, fields->fields, at);
		else if (fields->fallback != NULL)
			decode_fallback(decoder, fields, at);
	}
}

static bool takes_null(const struct decode_field *field)
{
	return field->kind == DECODE_CUSTOM ||
	       (field->kind == DECODE_JSON && field->json_type == JSON_ABSENT);
}

static void decode_field(struct decoder *decoder, const struct json *object,
	const struct decode_field *field, void *ret)
{
	const struct json *value = json_get(object, str_of(field->name));
	const struct decode_field *outer = decoder->field;
	void *at = (char *)ret + field->offset;

	/* First the default, which a wrong value then leaves in place. */
	if (field->kind == DECODE_OBJECT)
		set_fallbacks(decoder, field->fields, at);
	else if (field->fallback != NULL)
		decode_fallback(decoder, field, at);

	if (json_type(value) == JSON_NULL && !takes_null(field))
		value = NULL;
	if (value == NULL) {
		if (field->is_required)
			decode_problem(decoder, object, "'%s' is missing", field->name);
		return;
	}
	decode_enter(decoder, field->name);
	decoder->field = field;
	READERS[field->kind](decoder, value, at);
	decoder->field = outer;
	decode_leave(decoder);
}
