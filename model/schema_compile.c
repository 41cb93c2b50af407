/*
 * Compiles a JSON Schema into nodes: one function a keyword, found by name in one table. A keyword
 * that is not in the table is a mistake: a rule that is silently ignored would let through what its
 * author meant to refuse.
 */
#include "model/schema_node.h"

const char *const schema_type_names[SCHEMA_TYPE_COUNT + 1] = {
	"null", "boolean", "integer", "number", "string", "array", "object", NULL};

struct definition {
	struct str name;
	const struct json *tree;
	struct schema_node node;
};

struct compiler {
	struct decoder *decoder;
	struct definition *definitions;
	size_t definition_count;
	bool is_root; /* of the node whose keywords are being read */
	bool has_failed;
};

typedef void keyword_compile(
	struct compiler *compiler, const struct json *value, struct schema_node *node);

static void node_compile(
	struct compiler *compiler, const struct json *tree, struct schema_node *ret);

static void mistake_unknown(struct compiler *compiler, const struct json *value, const char *what,
	const char *const *known);

#define MISTAKE(compiler_, value_, ...)                                                            \
	((compiler_)->has_failed = true, decode_problem((compiler_)->decoder, value_, __VA_ARGS__))

static const struct schema_node *node_new(struct compiler *compiler, const struct json *tree)
{
	struct schema_node *node = arena_zalloc(compiler->decoder->arena, sizeof(*node));

	node_compile(compiler, tree, node);
	return node;
}

static bool expect(struct compiler *compiler, const struct json *value, enum json_type type,
	const char *expected)
{
	if (json_type(value) == type)
		return true;
	MISTAKE(compiler, value, "expected %s, got %s", expected, json_type_name(value));
	return false;
}

/* type */

static void type_add(struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!expect(compiler, value, JSON_STRING, "a type's name"))
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
	mistake_unknown(compiler, value, "type", known);
}

static void compile_type(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (json_type(value) != JSON_ARRAY) {
		type_add(compiler, value, node);
		return;
	}
	if (value->size == 0)
		MISTAKE(compiler, value, "an empty list of types fits no value");
	for (size_t i = 0; i < value->size; i++)
		type_add(compiler, &value->items[i], node);
}

/* enum and const */

static void compile_enum(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!expect(compiler, value, JSON_ARRAY, "an array of values"))
		return;
	if (value->size == 0)
		MISTAKE(compiler, value, "an empty enum fits no value");
	node->values = value;
}

static void compile_const(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->constant = value;
}

/* Objects */

static void compile_properties(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!expect(compiler, value, JSON_OBJECT, "an object of schemas"))
		return;
	struct schema_property *properties =
		arena_array(compiler->decoder->arena, value->size, sizeof(*properties));
	for (size_t i = 0; i < value->size; i++) {
		const struct json_member *member = &value->members[i];

		properties[i].name = json_str(&member->key);
		decode_enter(compiler->decoder,
			arena_memdup(compiler->decoder->arena, member->key.text, member->key.size));
		properties[i].node = node_new(compiler, &member->value);
		decode_leave(compiler->decoder);
	}
	node->properties = properties;
	node->property_count = value->size;
}

static void compile_required(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!expect(compiler, value, JSON_ARRAY, "an array of property names"))
		return;
	for (size_t i = 0; i < value->size; i++)
		if (!expect(compiler, &value->items[i], JSON_STRING, "a property's name"))
			return;
	node->required = value;
}

static void compile_additional(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->additional = node_new(compiler, value);
}

/* Arrays */

static void compile_items(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->items = node_new(compiler, value);
}

static bool read_count(struct compiler *compiler, const struct json *value, int64_t *ret)
{
	if (json_type(value) != JSON_INTEGER || value->integer < 0) {
		MISTAKE(compiler, value, "expected an integer from 0, got %s",
			json_type_name(value));
		return false;
	}
	*ret = value->integer;
	return true;
}

static void compile_min_items(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_count(compiler, value, &node->item_count.min);
}

static void compile_max_items(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->item_count.has_max = read_count(compiler, value, &node->item_count.max);
}

static void compile_unique(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (expect(compiler, value, JSON_BOOL, "a boolean"))
		node->is_unique = value->boolean;
}

/* Strings */

static void compile_min_length(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_count(compiler, value, &node->length.min);
}

static void compile_max_length(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	node->length.has_max = read_count(compiler, value, &node->length.max);
}

/* Numbers */

static void read_limit(struct compiler *compiler, const struct json *value, struct json *ret)
{
	if (json_type(value) == JSON_INTEGER || json_type(value) == JSON_DOUBLE)
		*ret = *value;
	else
		MISTAKE(compiler, value, "expected a number, got %s", json_type_name(value));
}

static void compile_minimum(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.minimum);
}

static void compile_maximum(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.maximum);
}

static void compile_above(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.above);
}

static void compile_below(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_limit(compiler, value, &node->limits.below);
}

static void compile_multiple(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	const bool is_positive = (json_type(value) == JSON_INTEGER && value->integer > 0) ||
				 (json_type(value) == JSON_DOUBLE && value->number > 0);

	if (is_positive)
		node->limits.multiple_of = *value;
	else
		MISTAKE(compiler, value, "expected a number above 0");
}

/* Combinations */

static void read_list(struct compiler *compiler, const struct json *value, struct schema_list *ret)
{
	if (!expect(compiler, value, JSON_ARRAY, "an array of schemas"))
		return;
	if (value->size == 0)
		MISTAKE(compiler, value, "expected at least one schema");
	ret->nodes = arena_array(compiler->decoder->arena, value->size, sizeof(*ret->nodes));
	ret->count = value->size;
	for (size_t i = 0; i < value->size; i++) {
		decode_enter_index(compiler->decoder, i);
		ret->nodes[i] = node_new(compiler, &value->items[i]);
		decode_leave(compiler->decoder);
	}
}

static void compile_any_of(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->any_of);
}

static void compile_one_of(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->one_of);
}

static void compile_all_of(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	read_list(compiler, value, &node->all_of);
}

/* Definitions */

static void compile_ref(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	static const struct str prefix = {"#/$defs/", 8};
	const struct str target = json_str(value);

	if (!expect(compiler, value, JSON_STRING, "a reference '#/$defs/NAME'"))
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
	MISTAKE(compiler, value, "'%.*s' is no '#/$defs/NAME' of this schema", STR_ARGS(target));
}

static void compile_defs(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
	if (!compiler->is_root)
		MISTAKE(compiler, value, "$defs stands at the schema's root only");
}

/* Annotations say nothing about values. */
static void compile_nothing(
	struct compiler *compiler, const struct json *value, struct schema_node *node)
{
}

static const struct keyword {
	const char *name;
	keyword_compile *compile;
} keywords[] = {
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

static const struct keyword *keyword_find(struct str name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (str_is(name, keywords[i].name))
			return &keywords[i];
	return NULL;
}

static const struct schema_property *property_find(const struct schema_node *node, struct str name)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return &node->properties[i];
	return NULL;
}

/* Rules that contradict each other: no answer could ever satisfy them. */
static void check_consistency(
	struct compiler *compiler, const struct json *tree, const struct schema_node *node)
{
	const bool is_closed = node->additional != NULL && node->additional->is_never;

	for (size_t i = 0; is_closed && node->required != NULL && i < node->required->size; i++) {
		const struct json *name = &node->required->items[i];

		if (property_find(node, json_str(name)) == NULL)
			MISTAKE(compiler, name, "'%.*s' is required, but not among the properties",
				STR_ARGS(json_str(name)));
	}
	if (node->item_count.has_max && node->item_count.max < node->item_count.min)
		MISTAKE(compiler, tree, "maxItems is less than minItems");
	if (node->length.has_max && node->length.max < node->length.min)
		MISTAKE(compiler, tree, "maxLength is less than minLength");
}

static void mistake_unknown(struct compiler *compiler, const struct json *value, const char *what,
	const char *const *known)
{
	const char *nearest = decode_nearest(json_str(value), known);

	MISTAKE(compiler, value, "unknown %s '%.*s'%s%s%s", what, STR_ARGS(json_str(value)),
		nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "'?" : "");
}

static void unknown_keyword(struct compiler *compiler, const struct json *key)
{
	enum { COUNT = sizeof(keywords) / sizeof(keywords[0]) };
	const char *known[COUNT + 1] = {NULL};

	for (size_t i = 0; i < COUNT; i++)
		known[i] = keywords[i].name;
	mistake_unknown(compiler, key, "JSON Schema keyword", known);
}

static void node_compile(
	struct compiler *compiler, const struct json *tree, struct schema_node *ret)
{
	const bool is_root = compiler->is_root;

	if (json_type(tree) == JSON_BOOL) {
		ret->is_never = !tree->boolean;
		return;
	}
	if (!expect(compiler, tree, JSON_OBJECT, "a JSON Schema (an object or a boolean)"))
		return;
	for (size_t i = 0; i < tree->size; i++) {
		const struct json_member *member = &tree->members[i];
		const struct keyword *keyword = keyword_find(json_str(&member->key));

		if (keyword == NULL) {
			unknown_keyword(compiler, &member->key);
			continue;
		}
		compiler->is_root = is_root && keyword->compile == compile_defs;
		decode_enter(compiler->decoder, keyword->name);
		keyword->compile(compiler, &member->value, ret);
		decode_leave(compiler->decoder);
	}
	compiler->is_root = false;
	check_consistency(compiler, tree, ret);
}

/* Names first, nodes after: definitions may refer to each other and to themselves. */
static void definitions_read(struct compiler *compiler, const struct json *defs)
{
	struct decoder *decoder = compiler->decoder;

	if (json_type(defs) == JSON_ABSENT ||
		!expect(compiler, defs, JSON_OBJECT, "an object of schemas"))
		return;
	compiler->definitions =
		arena_zalloc(decoder->arena, defs->size * sizeof(struct definition));
	compiler->definition_count = defs->size;
	for (size_t i = 0; i < defs->size; i++)
		compiler->definitions[i].name = json_str(&defs->members[i].key);
	decode_enter(decoder, "$defs");
	for (size_t i = 0; i < defs->size; i++) {
		const struct json *key = &defs->members[i].key;

		decode_enter(decoder, arena_memdup(decoder->arena, key->text, key->size));
		node_compile(compiler, &defs->members[i].value, &compiler->definitions[i].node);
		decode_leave(decoder);
	}
	decode_leave(decoder);
}

const struct schema *schema_compile(struct decoder *decoder, const struct json *tree)
{
	struct compiler compiler = {.decoder = decoder};
	struct schema *schema = arena_zalloc(decoder->arena, sizeof(*schema));

	if (json_type(tree) == JSON_OBJECT)
		definitions_read(&compiler, json_get(tree, STR("$defs")));
	compiler.is_root = true;
	schema->tree = tree;
	schema->root = node_new(&compiler, tree);
	return compiler.has_failed ? NULL : schema;
}
