/*
 * Decode: one walk over a table of fields and a tree. Scalars are read by `read_<kind>`, containers
 * walk on. A mistake never stops the walk: all of them are wanted.
 */
#include "base/decode.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { SHOWN_MAX = 60 };

typedef void field_reader(struct decoder *decoder, const struct json *value, void *ret);

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

/* What a message quotes of a text: enough to find it again, on one line. */
static const char *shown(struct decoder *decoder, struct str text)
{
	struct buf out = {0};
	size_t len = 0;

	while (len < text.len && len < SHOWN_MAX) {
		const size_t step = str_utf8_step((struct str){text.data + len, text.len - len});
		if (step == 0)
			break;
		if (text.data[len] == '\n')
			buf_add_text(&out, "\\n");
		else
			buf_add(&out, text.data + len, step);
		len += step;
	}
	if (len < text.len)
		buf_add_text(&out, "…");
	const char *kept = arena_memdup(decoder->arena, out.data, out.len);
	buf_done(&out);
	return kept;
}

/* "the string 'abc'", "the integer 4", "a list": never a secret's text, which is read elsewhere. */
static const char *got(struct decoder *decoder, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING:
		return arena_printf(
			decoder->arena, "the string '%s'", shown(decoder, json_str(value)));
	case JSON_INTEGER:
		return arena_printf(decoder->arena, "the integer %" PRId64, value->integer);
	case JSON_DOUBLE:
		return arena_printf(decoder->arena, "the number %g", value->number);
	case JSON_BOOL:
		return value->boolean ? "the boolean true" : "the boolean false";
	default:
		return json_type_name(value);
	}
}

/* `first_offset` is 1 in maps: the row at offset 0 stands for the key. */
static void decode_members(struct decoder *decoder, const struct json *object,
	const struct decode_field *fields, size_t first_offset, void *ret)
{
	if (json_type(object) != JSON_OBJECT) {
		decode_problem(decoder, object, "expected an object, got %s", got(decoder, object));
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

	const char *nearest = decode_nearest(json_str(key), names);
	if (nearest != NULL)
		decode_problem(decoder, key, "unknown key '%s', did you mean '%s'?",
			shown(decoder, json_str(key)), nearest);
	else
		decode_problem(decoder, key, "unknown key '%s'", shown(decoder, json_str(key)));
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

static struct json text_value(const struct json *value, struct str text)
{
	struct json copy = json_string(text);

	copy.at = value->at;
	return copy;
}

/* Expands ${…} in a string; true where nothing went wrong. */
static bool expand(struct decoder *decoder, const struct json *value, struct json *ret)
{
	struct str text = json_str(value);

	*ret = *value;
	if (decoder->expand == NULL || json_type(value) != JSON_STRING ||
		memmem(text.data, text.len, "${", 2) == NULL)
		return true;
	decoder->value = value;
	if (!decoder->expand(decoder, text, &text))
		return false;
	*ret = text_value(value, text);
	return true;
}

/* Text that came from the environment may stand for any scalar; what is quoted in the file may not.
 */
static bool is_expanded(const struct json *given, const struct json *value)
{
	return json_type(given) == JSON_STRING && given->text != value->text;
}

static bool in_range(struct decoder *decoder, const struct json *given, double number)
{
	const struct decode_field *field = decoder->field;

	if (!(field->min < field->max) || (number >= field->min && number <= field->max))
		return true;
	decode_problem(decoder, given, "expected %.15g to %.15g, got %.15g", field->min, field->max,
		number);
	return false;
}

static bool parse_bool(struct str text, bool *ret)
{
	if (!str_is(text, "true") && !str_is(text, "false"))
		return false;
	*ret = str_is(text, "true");
	return true;
}

/* Both end at the text's end or fail; text longer than any number fails. */
static bool parse_integer(struct str text, int64_t *ret)
{
	char digits[32], *end = NULL;

	if (text.len == 0 || text.len >= sizeof(digits))
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = '\0';
	const bool starts_well = strchr("-0123456789", digits[0]) != NULL;
	const long long value = strtoll(digits, &end, 10);
	*ret = value;
	const bool is_saturated = value == INT64_MAX || value == INT64_MIN;
	return starts_well && *end == '\0' && end > digits && !is_saturated;
}

static bool parse_double(struct str text, double *ret)
{
	char digits[64], *end = NULL;

	if (text.len == 0 || text.len >= sizeof(digits))
		return false;
	memcpy(digits, text.data, text.len);
	digits[text.len] = '\0';
	if (strspn(digits, "+-.0123456789eE") != text.len)
		return false;
	*ret = strtod(digits, &end);
	return *end == '\0' && isfinite(*ret);
}

static void read_string(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (json_type(given) != JSON_STRING) {
		const bool is_scalar =
			json_type(given) >= JSON_BOOL && json_type(given) < JSON_STRING;
		decode_problem(decoder, given, "expected a string, got %s%s", got(decoder, given),
			is_scalar ? " (text that looks so needs quotes)" : "");
		return;
	}
	if (expand(decoder, given, &value))
		*(struct str *)ret = json_str(&value);
}

static void read_bool(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (!expand(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_BOOL)
		*(bool *)ret = value.boolean;
	else if (!is_expanded(given, &value) || !parse_bool(json_str(&value), ret))
		decode_problem(
			decoder, given, "expected true or false, got %s", got(decoder, &value));
}

static void read_integer(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;
	int64_t number;

	if (!expand(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_INTEGER)
		number = value.integer;
	else if (!is_expanded(given, &value) || !parse_integer(json_str(&value), &number)) {
		decode_problem(decoder, given, "expected an integer, got %s", got(decoder, &value));
		return;
	}
	if (in_range(decoder, given, (double)number))
		*(int64_t *)ret = number;
}

static void read_double(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;
	double number;

	if (!expand(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_INTEGER)
		number = (double)value.integer;
	else if (json_type(&value) == JSON_DOUBLE)
		number = value.number;
	else if (!is_expanded(given, &value) || !parse_double(json_str(&value), &number)) {
		decode_problem(decoder, given, "expected a number, got %s", got(decoder, &value));
		return;
	}
	if (in_range(decoder, given, number))
		*(double *)ret = number;
}

/* Its text never reaches a message. */
static void read_secret(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (json_type(given) != JSON_STRING)
		decode_problem(decoder, given, "expected a string, got %s", json_type_name(given));
	else if (expand(decoder, given, &value))
		*(struct secret *)ret = secret_new(decoder->arena, json_str(&value));
}

static int choice_index(const char *const *choices, struct str text)
{
	for (int i = 0; choices[i] != NULL; i++)
		if (str_is(text, choices[i]))
			return i;
	return -1;
}

static void read_enum(struct decoder *decoder, const struct json *given, void *ret)
{
	const char *const *choices = decoder->field->choices;
	struct buf list = {0};
	struct json value;

	if (!expand(decoder, given, &value))
		return;
	const int index =
		json_type(&value) == JSON_STRING ? choice_index(choices, json_str(&value)) : -1;
	if (index >= 0) {
		*(int *)ret = index;
		return;
	}
	for (size_t i = 0; choices[i] != NULL; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", choices[i]);
	decode_problem(decoder, given, "expected one of %s, got %s", buf_text(&list),
		got(decoder, &value));
	buf_done(&list);
}

static void read_strings(struct decoder *decoder, const struct json *given, void *ret)
{
	struct decode_list *list = ret;

	if (json_type(given) != JSON_ARRAY) {
		decode_problem(
			decoder, given, "expected a list of strings, got %s", got(decoder, given));
		return;
	}
	struct str *items = arena_array(decoder->arena, given->size, sizeof(*items));
	for (size_t i = 0; i < given->size; i++) {
		items[i] = (struct str){0};
		decode_enter_index(decoder, i);
		read_string(decoder, &given->items[i], &items[i]);
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
		return expand(decoder, given, ret);
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
			decode_enter(decoder, shown(decoder, json_str(&member->key)));
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
			got(decoder, given));
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
		decode_problem(decoder, given, "expected a list, got %s", got(decoder, given));
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
			got(decoder, given));
		return;
	}
	assert(field->size >= sizeof(struct str));
	char *items = arena_array(decoder->arena, given->size, field->size);
	for (size_t i = 0; i < given->size; i++) {
		const struct json_member *member = &given->members[i];
		char *item = items + i * field->size;
		memset(item, 0, field->size);
		*(struct str *)item = json_str(&member->key);
		decode_enter(decoder, shown(decoder, json_str(&member->key)));
		decode_members(decoder, &member->value, field->fields, 1, item);
		decode_leave(decoder);
	}
	*list = (struct decode_list){.items = items, .count = given->size};
}

static void read_custom(struct decoder *decoder, const struct json *given, void *ret)
{
	decoder->field->custom(decoder, given, ret);
}

static field_reader *const READERS[] = {
	[DECODE_STRING] = read_string,
	[DECODE_BOOL] = read_bool,
	[DECODE_INTEGER] = read_integer,
	[DECODE_DOUBLE] = read_double,
	[DECODE_SECRET] = read_secret,
	[DECODE_ENUM] = read_enum,
	[DECODE_STRINGS] = read_strings,
	[DECODE_JSON] = read_json,
	[DECODE_OBJECT] = read_object,
	[DECODE_LIST] = read_list,
	[DECODE_MAP] = read_map,
	[DECODE_CUSTOM] = read_custom,
};

static struct decode_list split_strings(struct arena *arena, const char *text)
{
	struct decode_list list = {0};
	struct str rest = str_of(text), head;
	size_t commas = 0;

	for (const char *p = text; *p != '\0'; p++)
		commas += *p == ',';
	struct str *items = arena_array(arena, commas + 1, sizeof(*items));
	bool is_more = rest.len > 0;
	while (is_more) {
		is_more = str_cut(&rest, ',', &head);
		items[list.count++] = str_trim(head);
	}
	list.items = items;
	return list;
}

/* The table's own text: what does not parse is a programmer's fault. */
static void set_fallback(struct decoder *decoder, const struct decode_field *field, void *ret)
{
	const struct str text = str_of(field->fallback);
	bool is_fine = true;

	switch (field->kind) {
	case DECODE_STRING:
		*(struct str *)ret = text;
		break;
	case DECODE_BOOL:
		is_fine = parse_bool(text, ret);
		break;
	case DECODE_INTEGER:
		is_fine = parse_integer(text, ret);
		break;
	case DECODE_DOUBLE:
		is_fine = parse_double(text, ret);
		break;
	case DECODE_ENUM:
		*(int *)ret = choice_index(field->choices, text);
		is_fine = *(int *)ret >= 0;
		break;
	case DECODE_STRINGS:
		*(struct decode_list *)ret = split_strings(decoder->arena, field->fallback);
		break;
	case DECODE_JSON:
		is_fine = json_read(decoder->arena, text, ret, NULL);
		break;
	default:
		is_fine = false;
	}
	assert(is_fine);
	(void)is_fine;
}

static void set_fallbacks(struct decoder *decoder, const struct decode_field *fields, void *ret)
{
	for (; fields->name != NULL; fields++) {
		void *at = (char *)ret + fields->offset;
		if (fields->kind == DECODE_OBJECT)
			set_fallbacks(decoder, fields->fields, at);
		else if (fields->fallback != NULL)
			set_fallback(decoder, fields, at);
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
		set_fallback(decoder, field, at);

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
