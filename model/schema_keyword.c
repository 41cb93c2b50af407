/*
 * The keywords of JSON Schema: one function each, found by name in one table. A keyword that is not
 * in the table is a mistake: a rule that is silently ignored would let through what its author
 * meant to refuse.
 */
#include "model/schema_compiler.h"

const char *const schema_type_names[SCHEMA_TYPE_COUNT + 1] = {
	"null", "boolean", "integer", "number", "string", "array", "object", NULL};

/* type */

static void type_add(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!schema_expect(compiler, value, JSON_STRING, "a type's name"))
		return;
	for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++) {
		if (str_is(json_str(value), schema_type_names[i])) {
			node->types |= 1u << i;
			return;
		}
	}
	const char *known[SCHEMA_TYPE_COUNT + 1] = {NULL};
	for (unsigned i = 0; i < SCHEMA_TYPE_COUNT; i++)
		known[i] = schema_type_names[i];
	schema_unknown(compiler, value, "type", known);
}

static void compile_type(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (json_type(value) != JSON_ARRAY) {
		type_add(compiler, value, node);
		return;
	}
	if (value->size == 0)
		SCHEMA_MISTAKE(compiler, value, "an empty list of types fits no value");
	for (size_t i = 0; i < value->size; i++)
		type_add(compiler, &value->items[i], node);
}

/* enum and const */

static void compile_enum(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!schema_expect(compiler, value, JSON_ARRAY, "an array of values"))
		return;
	if (value->size == 0)
		SCHEMA_MISTAKE(compiler, value, "an empty enum fits no value");
	node->values = value;
}

static void compile_const(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->constant = value;
}

/* Objects */

static void compile_properties(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!schema_expect(compiler, value, JSON_OBJECT, "an object of schemas"))
		return;
	struct schema_property *properties =
		arena_array(compiler->decoder->arena, value->size, sizeof(*properties));
	for (size_t i = 0; i < value->size; i++) {
		const struct json_member *member = &value->members[i];

		properties[i].name = json_str(&member->key);
		decode_enter(compiler->decoder,
			arena_memdup(compiler->decoder->arena, member->key.text, member->key.size));
		properties[i].node = schema_node_new(compiler, &member->value);
		decode_leave(compiler->decoder);
	}
	node->properties = properties;
	node->property_count = value->size;
}

static void compile_required(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!schema_expect(compiler, value, JSON_ARRAY, "an array of property names"))
		return;
	for (size_t i = 0; i < value->size; i++)
		if (!schema_expect(compiler, &value->items[i], JSON_STRING, "a property's name"))
			return;
	node->required = value;
}

static void compile_additional(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->additional = schema_node_new(compiler, value);
}

/* Arrays */

static void compile_items(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->items = schema_node_new(compiler, value);
}

static bool read_count(struct schema_compiler *compiler, const struct json *value, int64_t *ret)
{
	if (json_type(value) != JSON_INTEGER || value->integer < 0) {
		SCHEMA_MISTAKE(compiler, value, "expected an integer from 0, got %s",
			json_type_name(value));
		return false;
	}
	*ret = value->integer;
	return true;
}

static void compile_min_items(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_count(compiler, value, &node->item_count.min);
}

static void compile_max_items(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->item_count.has_max = read_count(compiler, value, &node->item_count.max);
}

static void compile_unique(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (schema_expect(compiler, value, JSON_BOOL, "a boolean"))
		node->is_unique = value->boolean;
}

/* Strings */

static void compile_min_length(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_count(compiler, value, &node->length.min);
}

static void compile_max_length(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->length.has_max = read_count(compiler, value, &node->length.max);
}

/* Numbers */

static void read_limit(struct schema_compiler *compiler, const struct json *value, struct json *ret)
{
	if (json_type(value) == JSON_INTEGER || json_type(value) == JSON_DOUBLE)
		*ret = *value;
	else
		SCHEMA_MISTAKE(compiler, value, "expected a number, got %s", json_type_name(value));
}

static void compile_minimum(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.minimum);
}

static void compile_maximum(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.maximum);
}

static void compile_above(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.above);
}

static void compile_below(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.below);
}

static void compile_multiple(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	const bool is_positive = (json_type(value) == JSON_INTEGER && value->integer > 0) ||
				 (json_type(value) == JSON_DOUBLE && value->number > 0);

	if (is_positive)
		node->limits.multiple_of = *value;
	else
		SCHEMA_MISTAKE(compiler, value, "expected a number above 0");
}

/* Combinations */

static void read_list(
	struct schema_compiler *compiler, const struct json *value, struct schema_list *ret)
{
	if (!schema_expect(compiler, value, JSON_ARRAY, "an array of schemas"))
		return;
	if (value->size == 0)
		SCHEMA_MISTAKE(compiler, value, "expected at least one schema");
	ret->nodes = arena_array(compiler->decoder->arena, value->size, sizeof(*ret->nodes));
	ret->count = value->size;
	for (size_t i = 0; i < value->size; i++) {
		decode_enter_index(compiler->decoder, i);
		ret->nodes[i] = schema_node_new(compiler, &value->items[i]);
		decode_leave(compiler->decoder);
	}
}

static void compile_any_of(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->any_of);
}

static void compile_one_of(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->one_of);
}

static void compile_all_of(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->all_of);
}

/* Definitions */

static void compile_ref(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	static const struct str prefix = {"#/$defs/", 8};
	const struct str target = json_str(value);

	if (!schema_expect(compiler, value, JSON_STRING, "a reference '#/$defs/NAME'"))
		return;
	if (str_starts(target, prefix)) {
		const struct str name = {target.data + prefix.len, target.len - prefix.len};
		for (size_t i = 0; i < compiler->definition_count; i++) {
			if (str_eq(compiler->definitions[i].name, name)) {
				node->ref = &compiler->definitions[i].node;
				return;
			}
		}
	}
	SCHEMA_MISTAKE(
		compiler, value, "'%.*s' is no '#/$defs/NAME' of this schema", STR_ARGS(target));
}

static void compile_defs(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!compiler->is_root)
		SCHEMA_MISTAKE(compiler, value, "$defs stands at the schema's root only");
}

/* Annotations say nothing about values. */
static void compile_nothing(
	struct schema_compiler *compiler, const struct json *value, struct schema_node *node)
{
}

static const struct schema_keyword keywords[] = {
	{"type", compile_type},
	{"enum", compile_enum},
	{"const", compile_const},
	{"properties", compile_properties},
	{"required", compile_required},
	{"additionalProperties", compile_additional},
	{"items", compile_items},
	{"minItems", compile_min_items},
	{"maxItems", compile_max_items},
	{"uniqueItems", compile_unique},
	{"minLength", compile_min_length},
	{"maxLength", compile_max_length},
	{"minimum", compile_minimum},
	{"maximum", compile_maximum},
	{"exclusiveMinimum", compile_above},
	{"exclusiveMaximum", compile_below},
	{"multipleOf", compile_multiple},
	{"anyOf", compile_any_of},
	{"oneOf", compile_one_of},
	{"allOf", compile_all_of},
	{"$ref", compile_ref},
	{"$defs", compile_defs},
	{"title", compile_nothing},
	{"description", compile_nothing},
	{"default", compile_nothing},
	{"examples", compile_nothing},
	{"$schema", compile_nothing},
	{"$id", compile_nothing},
	{"format", compile_nothing},
};

const struct schema_keyword *schema_keyword_find(struct str name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (str_is(name, keywords[i].name))
			return &keywords[i];
	return NULL;
}

void schema_keyword_unknown(struct schema_compiler *compiler, const struct json *key)
{
	enum { COUNT = sizeof(keywords) / sizeof(keywords[0]) };
	const char *known[COUNT + 1] = {NULL};

	for (size_t i = 0; i < COUNT; i++)
		known[i] = keywords[i].name;
	schema_unknown(compiler, key, "JSON Schema keyword", known);
}
