/* Scalars: one reader a kind, the defaults of the table's text, and how messages show what they
 * got. */
#include "base/decode_scalar.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { SHOWN_MAX = 60 };

/* What a message quotes of a text: enough to find it again, on one line. */
const char *decode_shown(struct decoder *decoder, struct str text)
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
const char *decode_got(struct decoder *decoder, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING:
		return arena_printf(
			decoder->arena, "the string '%s'", decode_shown(decoder, json_str(value)));
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

static struct json text_value(const struct json *value, struct str text)
{
	struct json copy = json_string(text);

	copy.at = value->at;
	return copy;
}

/* Expands ${…} in a string; true where nothing went wrong. */
bool decode_expand_text(struct decoder *decoder, const struct json *value, struct json *ret)
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
static bool may_be_text(const struct decoder *decoder, const struct json *given, const struct json *value)
{
	return json_type(given) == JSON_STRING && (decoder->takes_text || given->text != value->text);
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

void decode_string(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (json_type(given) != JSON_STRING) {
		const bool is_scalar =
			json_type(given) >= JSON_BOOL && json_type(given) < JSON_STRING;
		decode_problem(decoder, given, "expected a string, got %s%s",
			decode_got(decoder, given),
			is_scalar ? " (text that looks so needs quotes)" : "");
		return;
	}
	if (decode_expand_text(decoder, given, &value))
		*(struct str *)ret = json_str(&value);
}

void decode_bool(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (!decode_expand_text(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_BOOL)
		*(bool *)ret = value.boolean;
	else if (!may_be_text(decoder, given, &value) || !parse_bool(json_str(&value), ret))
		decode_problem(decoder, given, "expected true or false, got %s",
			decode_got(decoder, &value));
}

void decode_integer(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;
	int64_t number;

	if (!decode_expand_text(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_INTEGER)
		number = value.integer;
	else if (!may_be_text(decoder, given, &value) || !parse_integer(json_str(&value), &number)) {
		decode_problem(
			decoder, given, "expected an integer, got %s", decode_got(decoder, &value));
		return;
	}
	if (in_range(decoder, given, (double)number))
		*(int64_t *)ret = number;
}

void decode_double(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;
	double number;

	if (!decode_expand_text(decoder, given, &value))
		return;
	if (json_type(&value) == JSON_INTEGER)
		number = (double)value.integer;
	else if (json_type(&value) == JSON_DOUBLE)
		number = value.number;
	else if (!may_be_text(decoder, given, &value) || !parse_double(json_str(&value), &number)) {
		decode_problem(
			decoder, given, "expected a number, got %s", decode_got(decoder, &value));
		return;
	}
	if (in_range(decoder, given, number))
		*(double *)ret = number;
}

/* Its text never reaches a message. */
void decode_secret(struct decoder *decoder, const struct json *given, void *ret)
{
	struct json value;

	if (json_type(given) != JSON_STRING)
		decode_problem(decoder, given, "expected a string, got %s", json_type_name(given));
	else if (decode_expand_text(decoder, given, &value))
		*(struct secret *)ret = secret_new(decoder->arena, json_str(&value));
}

static int choice_index(const char *const *choices, struct str text)
{
	for (int i = 0; choices[i] != NULL; i++)
		if (str_is(text, choices[i]))
			return i;
	return -1;
}

void decode_enum(struct decoder *decoder, const struct json *given, void *ret)
{
	const char *const *choices = decoder->field->choices;
	struct buf list = {0};
	struct json value;

	if (!decode_expand_text(decoder, given, &value))
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
		decode_got(decoder, &value));
	buf_done(&list);
}

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
void decode_fallback(struct decoder *decoder, const struct decode_field *field, void *ret)
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
