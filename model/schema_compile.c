/* Compiles a JSON Schema into nodes; what a keyword means is in schema_keyword.c. */
#include "model/schema_compiler.h"

static void node_compile(
	struct schema_compiler *compiler, const struct json *tree, struct schema_node *ret);

const struct schema_node *schema_node_new(struct schema_compiler *compiler, const struct json *tree)
{
	struct schema_node *node = arena_zalloc(compiler->decoder->arena, sizeof(*node));

	node_compile(compiler, tree, node);
	return node;
}

bool schema_expect(struct schema_compiler *compiler, const struct json *value, enum json_type type,
	const char *expected)
{
	if (json_type(value) == type)
		return true;
	SCHEMA_MISTAKE(compiler, value, "expected %s, got %s", expected, json_type_name(value));
	return false;
}

void schema_unknown(struct schema_compiler *compiler, const struct json *value, const char *what,
	const char *const *known)
{
	const char *nearest = decode_nearest(json_str(value), known);

	SCHEMA_MISTAKE(compiler, value, "unknown %s '%.*s'%s%s%s", what, STR_ARGS(json_str(value)),
		nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "'?" : "");
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
	struct schema_compiler *compiler, const struct json *tree, const struct schema_node *node)
{
	const bool is_closed = node->additional != NULL && node->additional->is_never;

	for (size_t i = 0; is_closed && node->required != NULL && i < node->required->size; i++) {
		const struct json *name = &node->required->items[i];

		if (property_find(node, json_str(name)) == NULL)
			SCHEMA_MISTAKE(compiler, name,
				"'%.*s' is required, but not among the properties",
				STR_ARGS(json_str(name)));
	}
	if (node->item_count.has_max && node->item_count.max < node->item_count.min)
		SCHEMA_MISTAKE(compiler, tree, "maxItems is less than minItems");
	if (node->length.has_max && node->length.max < node->length.min)
		SCHEMA_MISTAKE(compiler, tree, "maxLength is less than minLength");
}

static void node_compile(
	struct schema_compiler *compiler, const struct json *tree, struct schema_node *ret)
{
	const bool is_root = compiler->is_root;

	if (json_type(tree) == JSON_BOOL) {
		ret->is_never = !tree->boolean;
		return;
	}
	if (!schema_expect(compiler, tree, JSON_OBJECT, "a JSON Schema (an object or a boolean)"))
		return;
	for (size_t i = 0; i < tree->size; i++) {
		const struct json_member *member = &tree->members[i];
		const struct schema_keyword *keyword = schema_keyword_find(json_str(&member->key));

		if (keyword == NULL) {
			schema_keyword_unknown(compiler, &member->key);
			continue;
		}
		compiler->is_root = is_root && str_is(json_str(&member->key), "$defs");
		decode_enter(compiler->decoder, keyword->name);
		keyword->compile(compiler, &member->value, ret);
		decode_leave(compiler->decoder);
	}
	compiler->is_root = false;
	check_consistency(compiler, tree, ret);
}

/* Names first, nodes after: definitions may refer to each other and to themselves. */
static void definitions_read(struct schema_compiler *compiler, const struct json *defs)
{
	struct decoder *decoder = compiler->decoder;

	if (json_type(defs) == JSON_ABSENT ||
		!schema_expect(compiler, defs, JSON_OBJECT, "an object of schemas"))
		return;
	compiler->definitions =
		arena_zalloc(decoder->arena, defs->size * sizeof(struct schema_definition));
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
	struct schema_compiler compiler = {.decoder = decoder};
	struct schema *schema = arena_zalloc(decoder->arena, sizeof(*schema));

	if (json_type(tree) == JSON_OBJECT)
		definitions_read(&compiler, json_get(tree, STR("$defs")));
	compiler.is_root = true;
	schema->tree = tree;
	schema->root = schema_node_new(&compiler, tree);
	return compiler.has_failed ? NULL : schema;
}
