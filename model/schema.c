/*
 * Checks values against a compiled schema. Every violation is written as "POINTER: what is wrong":
 * these texts go back to the model in a repair turn, so they say what would be right.
 *
 * Definitions can refer to each other, so work does not follow from the sizes of schema and value:
 * references nest at most DEPTH_MAX deep, and every node, comparison and text is charged by what it
 * looks at: WORK_MAX units end within a tenth of a second, which is as long as a check may hold the
 * loop.
 */
#include "model/schema_check.h"

#include <float.h>
#include <math.h>

enum {
	DEPTH_MAX = 32,
	WORK_MAX = 1 << 20,
	SHOWN_MAX = 60,
	LIST_MAX = 400,
	NAMES_A_UNIT = 8, /* compared */
	CHARACTERS_A_UNIT = 128,
};

static void check_node(
	struct schema_check *check, const struct schema_node *node, const struct json *value);

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
	struct schema_check *check, const struct schema_node *node, const struct json *value)
{
	struct buf names = {0};

	if (type_fits(node->types, value))
		return true;
	for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++)
		if (node->types & 1u << i)
			buf_printf(
				&names, "%s%s", names.len > 0 ? " or " : "", schema_type_names[i]);
	schema_violation(check, "expected %s, got %s", buf_text(&names), json_type_name(value));
	buf_done(&names);
	return false;
}

static bool is_listed(
	struct schema_check *check, const struct json *values, const struct json *value)
{
	for (size_t i = 0; i < values->size; i++)
		if (schema_equal(check, &values->items[i], value))
			return true;
	return false;
}

static void check_values(
	struct schema_check *check, const struct schema_node *node, const struct json *value)
{
	struct buf expected = {0}, got = {0};

	if (node->constant != NULL && !schema_equal(check, node->constant, value))
		schema_violation(check, "expected %s, got %s",
			schema_show(&expected, node->constant, SHOWN_MAX),
			schema_show(&got, value, SHOWN_MAX));
	if (node->values != NULL && !is_listed(check, node->values, value)) {
		schema_violation(check, "expected one of %s, got %s",
			schema_show(&expected, node->values, LIST_MAX),
			schema_show(&got, value, SHOWN_MAX));
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

static void check_limit(struct schema_check *check, const struct json *limit, bool is_kept,
	const char *expected, const struct json *value)
{
	struct buf limit_text = {0}, got = {0};

	if (json_type(limit) == JSON_ABSENT || is_kept)
		return;
	schema_violation(check, "expected %s %s, got %s", expected,
		schema_show(&limit_text, limit, SHOWN_MAX), schema_show(&got, value, SHOWN_MAX));
	buf_done(&limit_text);
	buf_done(&got);
}

static void check_number(
	struct schema_check *check, const struct schema_limits *limits, const struct json *value)
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

static void check_range(struct schema_check *check, const struct schema_range *range, size_t count,
	const char *unit)
{
	if (count < (size_t)range->min)
		schema_violation(check, "expected at least %lld %s, got %zu", (long long)range->min,
			unit, count);
	if (range->has_max && count > (size_t)range->max)
		schema_violation(check, "expected at most %lld %s, got %zu", (long long)range->max,
			unit, count);
}

/* JSON Schema counts characters, not bytes. */
static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return count;
}

static void check_length(
	struct schema_check *check, const struct schema_range *range, struct str text)
{
	if ((range->min > 0 || range->has_max) && schema_work(check, text.len / CHARACTERS_A_UNIT))
		check_range(check, range, count_characters(text), "characters");
}

static void check_array(
	struct schema_check *check, const struct schema_node *node, const struct json *array)
{
	check_range(check, &node->item_count, array->size, "items");
	if (node->is_unique)
		schema_check_unique(check, array);
	const struct schema_place *parent = check->place;
	struct schema_place place = {.parent = parent};
	check->place = &place;
	for (; node->items != NULL && place.index < array->size && !schema_is_over(check);
		place.index++)
		check_node(check, node->items, &array->items[place.index]);
	check->place = parent;
}

static const struct schema_node *property_node(const struct schema_node *node, struct str name)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return node->properties[i].node;
	return node->additional;
}

static void check_object(
	struct schema_check *check, const struct schema_node *node, const struct json *object)
{
	const struct schema_place *parent = check->place;
	const size_t names =
		node->property_count + (node->required != NULL ? node->required->size : 0);

	if (!schema_work(check, object->size * names / NAMES_A_UNIT))
		return;
	for (size_t i = 0; node->required != NULL && i < node->required->size; i++) {
		const struct str name = json_str(&node->required->items[i]);

		if (json_get(object, name) == NULL)
			schema_violation(
				check, "the required property '%.*s' is missing", STR_ARGS(name));
	}
	for (size_t i = 0; i < object->size && !schema_is_over(check); i++) {
		const struct json_member *member = &object->members[i];
		const struct schema_place place = {parent, json_str(&member->key), 0};
		const struct schema_node *child = property_node(node, place.name);

		if (child == NULL)
			continue;
		check->place = &place;
		if (child->is_never)
			schema_violation(check, "this property is not allowed");
		else
			check_node(check, child, &member->value);
		check->place = parent;
	}
}

static bool fits(
	struct schema_check *check, const struct schema_node *node, const struct json *value)
{
	struct schema_check inner = {
		.place = check->place, .refs = check->refs, .is_silent = true, .work = check->work};

	check_node(&inner, node, value);
	return inner.count == 0 && *check->work > 0;
}

/* What each alternative finds wrong. */
static void violate_all(
	struct schema_check *check, const struct schema_list *list, const struct json *value)
{
	struct buf why = {0};

	for (size_t i = 0; i < list->count && why.len <= LIST_MAX; i++) {
		struct schema_check inner = {
			.place = check->place, .refs = check->refs, .work = check->work};

		check_node(&inner, list->nodes[i], value);
		buf_printf(&why, "%s[%zu] ", i > 0 ? "; " : "", i);
		buf_add_str(&why, buf_str(&inner.text));
		buf_done(&inner.text);
	}
	schema_shorten(&why, LIST_MAX);
	schema_violation(
		check, "fits none of the %zu alternatives (%s)", list->count, buf_text(&why));
	buf_done(&why);
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

static void check_alternatives(struct schema_check *check, const struct schema_list *list,
	const struct json *value, bool is_exclusive)
{
	size_t fitting = 0;

	for (size_t i = 0; i < list->count && !schema_is_over(check); i++) {
		fitting += fits(check, list->nodes[i], value);
		if (fitting > 0 && !is_exclusive)
			break;
	}
	const struct schema_node *only = only_alternative(list, value);
	if (fitting == 0 && only != NULL)
		check_node(check, only, value);
	else if (fitting == 0 && schema_is_told(check))
		violate_all(check, list, value);
	else if (fitting == 0)
		schema_violation(check, "fits none of the alternatives");
	else if (fitting > 1 && is_exclusive)
		schema_violation(
			check, "fits %zu alternatives of oneOf, but must fit exactly one", fitting);
}

static void check_ref(
	struct schema_check *check, const struct schema_node *node, const struct json *value)
{
	if (check->refs == DEPTH_MAX) {
		schema_violation(check, "more than %d references inside each other", DEPTH_MAX);
		return;
	}
	check->refs++;
	check_node(check, node->ref, value);
	check->refs--;
}

static void check_combinations(
	struct schema_check *check, const struct schema_node *node, const struct json *value)
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
	struct schema_check *check, const struct schema_node *node, const struct json *value)
{
	if (schema_is_over(check) || !schema_work(check, 1))
		return;
	if (node->is_never) {
		schema_violation(check, "no value is allowed here");
		return;
	}
	if (!check_type(check, node, value))
		return;
	check_values(check, node, value);
	if (is_number(value))
		check_number(check, &node->limits, value);
	else if (value->type == JSON_STRING)
		check_length(check, &node->length, json_str(value));
	else if (value->type == JSON_ARRAY)
		check_array(check, node, value);
	else if (value->type == JSON_OBJECT)
		check_object(check, node, value);
	check_combinations(check, node, value);
}

bool schema_check(const struct schema *schema, const struct json *value, struct error *err)
{
	unsigned work = WORK_MAX;
	struct schema_check check = {.work = &work};

	check_node(&check, schema->root, value);
	if (check.count > SCHEMA_VIOLATIONS_MAX)
		buf_printf(&check.text, "; and %u more", check.count - SCHEMA_VIOLATIONS_MAX);
	if (work == 0)
		buf_printf(
			&check.text, "%s(root): too complex to check", check.count > 0 ? "; " : "");
	const bool is_valid = check.text.len == 0;
	if (!is_valid)
		error_set(err, ERR_INVALID_PARAMETER, "%s", buf_text(&check.text));
	buf_done(&check.text);
	return is_valid;
}

const struct json *schema_tree(const struct schema *schema)
{
	return schema->tree;
}
