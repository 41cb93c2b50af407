/* Which paths a value that fits the schema can have: for prompts and outputs that read a step's
 * answer. */
#include "model/schema_node.h"

enum { DEPTH_MAX = 32 };

static bool knows(const struct schema_node *node, struct str path, unsigned depth);

static bool admits(const struct schema_node *node, enum schema_type type)
{
	return node->types == 0 || (node->types & 1u << type) != 0;
}

/* Declared properties are all there are, unless additionalProperties says otherwise. */
static bool knows_member(
	const struct schema_node *node, struct str name, struct str rest, unsigned depth)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return knows(node->properties[i].node, rest, depth);
	if (node->additional != NULL)
		return knows(node->additional, rest, depth);
	return node->property_count == 0;
}

static bool list_knows(const struct schema_list *list, struct str path, unsigned depth)
{
	for (size_t i = 0; i < list->count; i++)
		if (knows(list->nodes[i], path, depth))
			return true;
	return false;
}

static bool knows(const struct schema_node *node, struct str path, unsigned depth)
{
	struct str rest = path, name;

	if (depth == DEPTH_MAX || node->is_never)
		return false;
	if (path.len == 0)
		return true;
	if (node->ref != NULL)
		return knows(node->ref, path, depth + 1);
	const bool has_lists =
		node->any_of.count > 0 || node->one_of.count > 0 || node->all_of.count > 0;
	if (has_lists && (list_knows(&node->any_of, path, depth + 1) ||
				 list_knows(&node->one_of, path, depth + 1) ||
				 list_knows(&node->all_of, path, depth + 1)))
		return true;
	if (has_lists && node->property_count == 0)
		return false;
	str_cut(&rest, '.', &name);
	/* Without a type, properties say that it is an object. */
	const bool can_be_array =
		node->types != 0 ? admits(node, SCHEMA_ARRAY) : node->property_count == 0;
	if (str_is_digits(name) && can_be_array)
		return node->items == NULL || knows(node->items, rest, depth + 1);
	return admits(node, SCHEMA_OBJECT) && knows_member(node, name, rest, depth + 1);
}

bool schema_knows(const struct schema *schema, struct str path)
{
	return knows(schema->root, path, 0);
}
