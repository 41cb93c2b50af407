/*
 * Checks values against a compiled schema. Every violation is written as "POINTER: what is wrong":
 * these texts go back to the model in a repair turn, so they say what would be right.
 *
 * Definitions can refer to each other, so work does not follow from the sizes of schema and value:
 * references nest at most DEPTH_MAX deep and one check visits at most WORK_MAX nodes.
 */
#include "model/schema_node.h"

#include <float.h>
#include <math.h>

enum { DEPTH_MAX = 32, WORK_MAX = 1 << 20, VIOLATIONS_MAX = 8, SHOWN_MAX = 60, LIST_MAX = 400 };

struct check {
	struct buf text;    /* violations, "; " between them */
	struct buf pointer; /* where the value stands */
	unsigned count, refs;
	unsigned *work; /* left; shared with the checks of alternatives */
};

static void check_node(
	struct check *check, const struct schema_node *node, const struct json *value);

__attribute__((format(printf, 2, 3))) static void violation(
	struct check *check, const char *format, ...)
{
	va_list args;

	check->count++;
	if (check->count > VIOLATIONS_MAX)
		return;
	if (check->count > 1)
		buf_add_text(&check->text, "; ");
	if (check->pointer.len == 0)
		buf_add_text(&check->text, "(root)");
	buf_add_str(&check->text, buf_str(&check->pointer));
	buf_add_text(&check->text, ": ");
	va_start(args, format);
	buf_vprintf(&check->text, format, args);
	va_end(args);
}

/* RFC 6901. Returns what to cut the pointer back to. */
static size_t pointer_enter(struct check *check, struct str name)
{
	const size_t before = check->pointer.len;

	buf_add_char(&check->pointer, '/');
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '~')
			buf_add_text(&check->pointer, "~0");
		else if (name.data[i] == '/')
			buf_add_text(&check->pointer, "~1");
		else
			buf_add_char(&check->pointer, name.data[i]);
	}
	return before;
}

static size_t pointer_enter_index(struct check *check, size_t index)
{
	const size_t before = check->pointer.len;

	buf_printf(&check->pointer, "/%zu", index);
	return before;
}

/* Cuts text at a character's border. */
static void shorten(struct buf *text, size_t max)
{
	if (text->len <= max)
		return;
	text->len = max;
	while (text->len > 0 && ((unsigned char)text->data[text->len] & 0xc0) == 0x80)
		text->len--;
	buf_add_text(text, "…");
}

/* The start of a value as JSON, for messages. */
static const char *shown(struct buf *out, const struct json *value)
{
	out->len = 0;
	json_write(out, value);
	shorten(out, SHOWN_MAX);
	return buf_text(out);
}

static bool is_integral(const struct json *value)
{
	return json_type(value) == JSON_INTEGER ||
	       (json_type(value) == JSON_DOUBLE && value->number == floor(value->number));
}

static bool is_number(const struct json *value)
{
	return json_type(value) == JSON_INTEGER || json_type(value) == JSON_DOUBLE;
}

static bool type_fits(unsigned types, const struct json *value)
{
	static const unsigned by_type[] = {
		[JSON_NULL] = 1u << SCHEMA_NULL,
		[JSON_BOOL] = 1u << SCHEMA_BOOLEAN,
		[JSON_INTEGER] = 1u << SCHEMA_INTEGER | 1u << SCHEMA_NUMBER,
		[JSON_DOUBLE] = 1u << SCHEMA_NUMBER,
		[JSON_STRING] = 1u << SCHEMA_STRING,
		[JSON_ARRAY] = 1u << SCHEMA_ARRAY,
		[JSON_OBJECT] = 1u << SCHEMA_OBJECT,
	};
	unsigned fitting = by_type[json_type(value)];

	if (is_integral(value))
		fitting |= 1u << SCHEMA_INTEGER;
	return types == 0 || (types & fitting) != 0;
}

static bool check_type(
	struct check *check, const struct schema_node *node, const struct json *value)
{
	struct buf names = {0};

	if (type_fits(node->types, value))
		return true;
	for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++)
		if (node->types & 1u << i)
			buf_printf(
				&names, "%s%s", names.len > 0 ? " or " : "", schema_type_names[i]);
	violation(check, "expected %s, got %s", buf_text(&names), json_type_name(value));
	buf_done(&names);
	return false;
}

static bool is_listed(const struct json *values, const struct json *value)
{
	for (size_t i = 0; i < values->size; i++)
		if (json_equal(&values->items[i], value))
			return true;
	return false;
}

static void check_values(
	struct check *check, const struct schema_node *node, const struct json *value)
{
	struct buf expected = {0}, got = {0};

	if (node->constant != NULL && !json_equal(node->constant, value))
		violation(check, "expected %s, got %s", shown(&expected, node->constant),
			shown(&got, value));
	if (node->values != NULL && !is_listed(node->values, value)) {
		expected.len = 0;
		json_write(&expected, node->values);
		shorten(&expected, LIST_MAX);
		violation(check, "expected one of %s, got %s", buf_text(&expected),
			shown(&got, value));
	}
	buf_done(&expected);
	buf_done(&got);
}

/* Numbers: long double holds every int64 and every double exactly on our platforms. */
static long double number_of(const struct json *value)
{
	return value->type == JSON_INTEGER ? (long double)value->integer
					   : (long double)value->number;
}

static bool is_multiple(const struct json *value, const struct json *of)
{
	if (value->type == JSON_INTEGER && of->type == JSON_INTEGER)
		return value->integer % of->integer == 0;
	/* 0.3 is a multiple of 0.1 to everyone but binary floating point. */
	const long double quotient = number_of(value) / number_of(of);
	return fabsl(quotient - roundl(quotient)) <= 4 * (long double)DBL_EPSILON * fabsl(quotient);
}

static void check_limit(struct check *check, const struct json *limit, bool is_kept,
	const char *expected, const struct json *value)
{
	struct buf limit_text = {0}, got = {0};

	if (json_type(limit) == JSON_ABSENT || is_kept)
		return;
	violation(check, "expected %s %s, got %s", expected, shown(&limit_text, limit),
		shown(&got, value));
	buf_done(&limit_text);
	buf_done(&got);
}

static void check_number(
	struct check *check, const struct schema_limits *limits, const struct json *value)
{
	const long double number = number_of(value);

	check_limit(
		check, &limits->minimum, number >= number_of(&limits->minimum), "at least", value);
	check_limit(
		check, &limits->maximum, number <= number_of(&limits->maximum), "at most", value);
	check_limit(check, &limits->above, number > number_of(&limits->above), "more than", value);
	check_limit(check, &limits->below, number < number_of(&limits->below), "less than", value);
	check_limit(check, &limits->multiple_of,
		json_type(&limits->multiple_of) == JSON_ABSENT ||
			is_multiple(value, &limits->multiple_of),
		"a multiple of", value);
}

static void check_range(
	struct check *check, const struct schema_range *range, size_t count, const char *unit)
{
	if (count < (size_t)range->min)
		violation(check, "expected at least %lld %s, got %zu", (long long)range->min, unit,
			count);
	if (range->has_max && count > (size_t)range->max)
		violation(check, "expected at most %lld %s, got %zu", (long long)range->max, unit,
			count);
}

/* JSON Schema counts characters, not bytes. */
static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return count;
}

static bool work_is_left(struct check *check)
{
	if (*check->work > 0) {
		--*check->work;
		return true;
	}
	violation(check, "too complex to check");
	return false;
}

static void check_unique(struct check *check, const struct json *array)
{
	for (size_t i = 1; i < array->size; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!work_is_left(check))
				return;
			if (json_equal(&array->items[i], &array->items[j])) {
				violation(check, "items %zu and %zu are equal, but must differ", j,
					i);
				return;
			}
		}
	}
}

static void check_array(
	struct check *check, const struct schema_node *node, const struct json *array)
{
	check_range(check, &node->item_count, array->size, "items");
	if (node->is_unique)
		check_unique(check, array);
	for (size_t i = 0; node->items != NULL && i < array->size; i++) {
		const size_t before = pointer_enter_index(check, i);

		check_node(check, node->items, &array->items[i]);
		check->pointer.len = before;
	}
}

static const struct schema_node *property_node(const struct schema_node *node, struct str name)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return node->properties[i].node;
	return node->additional;
}

static void check_object(
	struct check *check, const struct schema_node *node, const struct json *object)
{
	for (size_t i = 0; node->required != NULL && i < node->required->size; i++) {
		const struct str name = json_str(&node->required->items[i]);

		if (json_get(object, name) == NULL)
			violation(check, "the required property '%.*s' is missing", STR_ARGS(name));
	}
	for (size_t i = 0; i < object->size; i++) {
		const struct json_member *member = &object->members[i];
		const struct schema_node *child = property_node(node, json_str(&member->key));

		if (child == NULL)
			continue;
		const size_t before = pointer_enter(check, json_str(&member->key));
		if (child->is_never)
			violation(check, "this property is not allowed");
		else
			check_node(check, child, &member->value);
		check->pointer.len = before;
	}
}

/* Does `value` fit? Its first violation is appended to `why`, which may be NULL. */
static bool fits(struct check *check, const struct schema_node *node, const struct json *value,
	struct buf *why)
{
	struct check inner = {.refs = check->refs, .work = check->work};

	buf_add_str(&inner.pointer, buf_str(&check->pointer));
	check_node(&inner, node, value);
	if (inner.count > 0 && why != NULL)
		buf_add_str(why, buf_str(&inner.text));
	buf_done(&inner.text);
	buf_done(&inner.pointer);
	return inner.count == 0;
}

/* The alternative that was meant, where the value's type leaves only one: its violations say more
 * than "none fits". */
static const struct schema_node *only_alternative(
	const struct schema_list *list, const struct json *value)
{
	const struct schema_node *only = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct schema_node *node =
			list->nodes[i]->ref != NULL ? list->nodes[i]->ref : list->nodes[i];

		if (!type_fits(node->types, value))
			continue;
		if (only != NULL)
			return NULL;
		only = node;
	}
	return only;
}

static void check_alternatives(struct check *check, const struct schema_list *list,
	const struct json *value, bool is_exclusive)
{
	struct buf why = {0};
	size_t fitting = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (fitting == 0)
			buf_printf(&why, "%s[%zu] ", i > 0 ? "; " : "", i);
		fitting += fits(check, list->nodes[i], value, fitting == 0 ? &why : NULL);
		if (fitting > 0 && !is_exclusive)
			break;
	}
	const struct schema_node *only = only_alternative(list, value);
	if (fitting == 0 && only != NULL)
		check_node(check, only, value);
	else if (fitting == 0)
		violation(check, "fits none of the %zu alternatives (%s)", list->count,
			(shorten(&why, LIST_MAX), buf_text(&why)));
	else if (fitting > 1 && is_exclusive)
		violation(
			check, "fits %zu alternatives of oneOf, but must fit exactly one", fitting);
	buf_done(&why);
}

static void check_ref(struct check *check, const struct schema_node *node, const struct json *value)
{
	if (check->refs == DEPTH_MAX) {
		violation(check, "more than %d references inside each other", DEPTH_MAX);
		return;
	}
	check->refs++;
	check_node(check, node->ref, value);
	check->refs--;
}

static void check_combinations(
	struct check *check, const struct schema_node *node, const struct json *value)
{
	if (node->ref != NULL)
		check_ref(check, node, value);
	for (size_t i = 0; i < node->all_of.count; i++)
		check_node(check, node->all_of.nodes[i], value);
	if (node->any_of.count > 0)
		check_alternatives(check, &node->any_of, value, false);
	if (node->one_of.count > 0)
		check_alternatives(check, &node->one_of, value, true);
}

static void check_node(
	struct check *check, const struct schema_node *node, const struct json *value)
{
	if (!work_is_left(check))
		return;
	if (node->is_never) {
		violation(check, "no value is allowed here");
		return;
	}
	if (!check_type(check, node, value))
		return;
	check_values(check, node, value);
	if (is_number(value))
		check_number(check, &node->limits, value);
	else if (value->type == JSON_STRING)
		check_range(check, &node->length, count_characters(json_str(value)), "characters");
	else if (value->type == JSON_ARRAY)
		check_array(check, node, value);
	else if (value->type == JSON_OBJECT)
		check_object(check, node, value);
	check_combinations(check, node, value);
}

bool schema_check(const struct schema *schema, const struct json *value, struct error *err)
{
	unsigned work = WORK_MAX;
	struct check check = {.work = &work};

	check_node(&check, schema->root, value);
	const bool is_valid = check.count == 0;
	if (check.count > VIOLATIONS_MAX)
		buf_printf(&check.text, "; and %u more", check.count - VIOLATIONS_MAX);
	if (!is_valid)
		error_set(err, ERR_INVALID_PARAMETER, "%s", buf_text(&check.text));
	buf_done(&check.text);
	buf_done(&check.pointer);
	return is_valid;
}

const struct json *schema_tree(const struct schema *schema)
{
	return schema->tree;
}
